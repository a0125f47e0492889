"""Connections that OpenSSH itself keeps open for others to use: its control masters.

A master is an ``ssh`` in the background that has logged in, with a socket here. Commands that go through it log in
nowhere. There are up to three for a host, looked for in this order:

- the one of ``xpm login``: it stays for hours, so that who was asked for a code is not asked again;
- the one of the user's own ``ControlPath``, which ``xpm login`` opens, instead, where there is such a path;
- one that an openssh host opens for itself when keys suffice, without asking; it goes when it is unused for a moment.

Our sockets lie in a folder that only the user may enter, under names short enough for a socket (104 bytes, and ssh
itself adds 17 while it makes one).
"""

import contextlib
import fcntl
import hashlib
import itertools
import os
import re
import socket
import stat
import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from xpm.connectors.openssh_errors import problem
from xpm.connectors.specs import SshTarget
from xpm.connectors.ssh_config import Resolved
from xpm.errors import LoginNeeded, SiteProblem

LOGIN_S = 12 * 3600
IDLE_S = 15
"""How long a master without a person's login stays unused."""
LONGEST = 104 - 17 - 1
NAME = 30
_numbers = itertools.count()
CHECK_S = 5.0
AUTHENTICATION_S = 60.0
_PID = re.compile(r"pid=(\d+)")


@dataclass(frozen=True, slots=True)
class Master:
    """A living one."""

    path: str
    pid: int
    is_users: bool
    """Whether its socket is where the user's configuration says."""


def alive(host: Resolved, own: str | None = None) -> Master | None:
    """The master that answers for a host, if one does. Asks only what is on this machine.

    Args:
        host: where it leads.
        own: the path of one's own, looked at last.
    """
    logins = [str(place / _name(host)) for place in _places() if place.is_dir() and _is_ours(place)]
    for path in (*logins, host.control_path, own):
        if path and os.path.lexists(path):
            pid = _check(host, path)
            if pid is not None:
                return Master(path, pid, path == host.control_path)
    return None


def answers(host: Resolved) -> bool:
    """Whether a master answers where the user's configuration keeps it: ssh goes through that, also as a jump host."""
    path = host.control_path
    return bool(path and os.path.lexists(path) and _check(host, path) is not None)


def open_login(host: Resolved, target: SshTarget, keep_s: int | None = None) -> Master:
    """Log in in the foreground: ssh itself asks at the terminal.

    Args:
        host: where.
        target: what the profile says of it.
        keep_s: seconds it stays after its last use; None: as the configuration says, else ``LOGIN_S``.

    Raises:
        LoginNeeded: ssh did not get in; it has said why.
    """
    path = host.control_path or login_path(host)
    keep = str(lasts_s(host, keep_s) or "yes")
    strict = "yes" if host.says("stricthostkeychecking") in ("yes", "true") else "ask"
    options = [
        "BatchMode=no",
        f"StrictHostKeyChecking={strict}",
        *_master(host, target, path, keep),
    ]
    with _locked(path):
        _forget_stale(host, path)
        ended = subprocess.run(
            ssh(host, ["-N", "-f"], options), stdin=subprocess.DEVNULL, stdout=2
        ).returncode
    return _opened(host, path, ended, "what ssh said is above")


def lasts_s(host: Resolved, keep_s: int | None = None) -> int | None:
    """How long a login stays after its last use; None: for ever."""
    says = host.says("controlpersist") if host.control_path else ""
    if keep_s or not says:
        return keep_s or LOGIN_S
    return int(says) if says.isdigit() and int(says) else None


def open_own(host: Resolved, target: SshTarget, path: str) -> Master:
    """Log in without asking anybody, for whoever knows this path (``own_path``).

    Raises:
        HostProblem: it cannot be reached, or wants a person.
    """
    options = [
        "BatchMode=yes", "StrictHostKeyChecking=yes", *_master(host, target, path, str(IDLE_S)),
    ]  # fmt: skip
    # A master drops what its jump hosts say, unless it is to tell more of everything.
    more = ["-v"] if host.jumps or host.proxy_command else []
    timeout_s = AUTHENTICATION_S + (host.connect_timeout_s or target.connect_timeout_s)
    with tempfile.TemporaryFile() as said:
        _forget_stale(host, path)
        try:
            ended = subprocess.run(
                ssh(host, ["-N", "-f", *more], options), stdin=subprocess.DEVNULL, stdout=said, stderr=said,
                start_new_session=True, env=environment(), timeout=timeout_s,
            ).returncode  # fmt: skip
        except subprocess.TimeoutExpired:
            ended = 255
        said.seek(0)
        words = said.read().decode("utf-8", "replace")
    if ended:
        raise problem(host, words)
    return _opened(host, path, 0, words.strip())


def close(host: Resolved, path: str) -> None:
    """End the master with this socket, if there is one, and with it all that goes through it."""
    if not os.path.lexists(path):
        return
    with contextlib.suppress(subprocess.TimeoutExpired):
        subprocess.run(
            ssh(host, ["-O", "exit"], [f"ControlPath={quoted(path)}"]),
            stdin=subprocess.DEVNULL, capture_output=True, timeout=CHECK_S,
        )  # fmt: skip


def login_path(host: Resolved) -> str:
    """Where ``xpm login`` keeps its socket."""
    return str(folder() / _name(host))


def own_path(host: Resolved) -> str:
    """A path that nobody else has."""
    return str(folder() / f"{_name(host)}.{os.getpid():x}.{next(_numbers):x}")


def folder() -> Path:
    """The folder of our sockets: the first of its possible places that is short enough and ours alone."""
    for place in _places():
        if _is_made(place) and _is_ours(place):
            return place
    raise SiteProblem(
        "no folder for the sockets of logins", on=", ".join(map(str, _places())),
        cause="none can be made, or others may enter it",
        hint="set XDG_RUNTIME_DIR to a folder of yours with a short name and mode 0700",
    )  # fmt: skip


def ssh(host: Resolved, flags: Sequence[str], options: Sequence[str]) -> list[str]:
    """A command line of ssh for this host, with these options before those of the configuration."""
    config = ["-F", str(host.config)] if host.config else []
    pairs = [word for option in options for word in ("-o", option)]
    return ["ssh", *config, *flags, *pairs, "--", host.alias]


def plain(host: Resolved) -> list[str]:
    """Options that keep what people like in interactive sessions away from ours."""
    options = [
        "ClearAllForwardings=yes", "PermitLocalCommand=no", "RequestTTY=no", "Tunnel=no", "EscapeChar=none",
        "VisualHostKey=no", "LogLevel=INFO",
    ]  # fmt: skip
    if "remotecommand" in host.options:  # told by ssh only where it is set
        options.append("RemoteCommand=none")
    if "forkafterauthentication" in host.options:  # since 8.7, as the two below
        options += ["ForkAfterAuthentication=no", "StdinNull=no", "SessionType=default"]
    return options


def environment() -> dict[str, str]:
    """This process's environment without what ssh would ask a person with, or send there."""
    kept = {
        name: value
        for name, value in os.environ.items()
        if name not in ("SSH_ASKPASS", "LANG") and not name.startswith("LC_")
    }
    return {**kept, "SSH_ASKPASS_REQUIRE": "never"}


def quoted(path: str) -> str:
    """A path as ``ControlPath`` takes it: without tokens."""
    return path.replace("%", "%%")


def _master(host: Resolved, target: SshTarget, path: str, keep: str) -> list[str]:
    fork = [each for each in plain(host) if not each.startswith(("ForkAfter", "SessionType"))]
    timeout_s = host.connect_timeout_s or target.connect_timeout_s
    return [
        *fork, "ControlMaster=auto", f"ControlPath={quoted(path)}", f"ControlPersist={keep}",
        f"ConnectTimeout={max(1, int(timeout_s))}",
        f"ServerAliveInterval={max(1, int(target.keepalive_s))}", "ServerAliveCountMax=2",
    ]  # fmt: skip


def _check(host: Resolved, path: str) -> int | None:
    """The process id of the master behind a socket; None when nobody answers."""
    try:
        done = subprocess.run(
            ssh(host, ["-O", "check"], [f"ControlPath={quoted(path)}"]),
            stdin=subprocess.DEVNULL, capture_output=True, timeout=CHECK_S,
        )  # fmt: skip
    except subprocess.TimeoutExpired:
        return None
    told = _PID.search(done.stderr.decode("utf-8", "replace"))
    return int(told.group(1)) if not done.returncode and told else None


def _opened(host: Resolved, path: str, ended: int, said: str) -> Master:
    pid = None if ended else _check(host, path)
    if pid is None:
        raise LoginNeeded(
            "cannot log in", on=host.alias, cause=f"ssh ended with {ended}: {said}",
            hint=f"see what `{host.command}` says",
        )  # fmt: skip
    return Master(path, pid, path == host.control_path)


def _forget_stale(host: Resolved, path: str) -> None:
    """Remove the socket of a master that was killed: no other could be made there."""
    if os.path.lexists(path) and _check(host, path) is None and path != host.control_path:
        with contextlib.suppress(OSError):
            Path(path).unlink()


@contextlib.contextmanager
def _locked(path: str) -> Iterator[None]:
    """Alone in making this master, as far as the file system lets us."""
    try:
        lock = os.open(folder() / (Path(path).name[-18:] + ".l"), os.O_CREAT | os.O_RDWR, 0o600)
    except OSError:
        yield
        return
    try:
        with contextlib.suppress(OSError):
            fcntl.flock(lock, fcntl.LOCK_EX)
        yield
    finally:
        os.close(lock)


def _name(host: Resolved) -> str:
    """One name for everything that leads to the same account in the same way, from this machine."""
    way = [
        socket.gethostname(), host.user, host.hostname, str(host.port), host.key_alias or "",
        ",".join(host.jumps), host.proxy_command or "", str(host.config or ""),
    ]  # fmt: skip
    return hashlib.sha256("\n".join(way).encode("utf-8", "surrogateescape")).hexdigest()[:14]


def _places() -> Sequence[Path]:
    """Where our sockets may lie, the best place first; none is too long for a socket's name."""
    runtime = os.environ.get("XDG_RUNTIME_DIR") or f"/run/user/{os.getuid()}"
    state = os.environ.get("XDG_STATE_HOME") or "~/.local/state"
    places = [
        *([Path(runtime) / "xpm"] if Path(runtime).is_dir() else []),
        Path(state).expanduser() / "xpm" / "logins",
        Path(tempfile.gettempdir()) / f"xpm-{os.getuid()}",
    ]
    return [place for place in places if len(os.fsencode(place)) <= LONGEST - 1 - NAME]


def _is_made(place: Path) -> bool:
    """Whether the folder is there, made when it was missing."""
    try:
        place.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError:
        return False
    return True


def _is_ours(place: Path) -> bool:
    """Whether a folder is the user's, and nobody else may enter it."""
    try:
        found = place.lstat()
    except OSError:
        return False
    is_private = stat.S_ISDIR(found.st_mode) and not found.st_mode & 0o077
    return is_private and found.st_uid == os.getuid() and os.access(place, os.W_OK | os.X_OK)
