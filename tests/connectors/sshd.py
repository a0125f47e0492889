"""A private sshd of the current user, on a free port of this machine."""

import contextlib
import getpass
import os
import shlex
import shutil
import signal
import subprocess
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from tests.ports import free_port
from xpm.connectors.specs import SshTarget

SSHD = shutil.which("sshd", path=os.environ.get("PATH", "") + ":/usr/sbin:/sbin")


class Sshd:
    """Host keys, user key, known_hosts and ssh_config lie in ``folder``; the host's alias is ``box``."""

    def __init__(
        self,
        folder: Path,
        options: Sequence[str] = (),
        kinds: Sequence[str] = ("ed25519",),
        program: Path | None = None,
    ) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.folder = folder
        self.port = free_port()
        self.kinds = kinds
        self._program = program or SSHD
        for kind in kinds:
            keygen(folder / f"host_{kind}", kind)
        keygen(folder / "user", "ed25519")
        shutil.copy(folder / "user.pub", folder / "authorized_keys")
        self.know(*kinds)
        self.configure()
        self._options = options
        self._process = self._start(options)

    @property
    def target(self) -> SshTarget:
        return SshTarget("box", self.folder / "config", keepalive_s=1, connect_timeout_s=10)

    def know(self, *kinds: str, name: str | None = None) -> None:
        """Record these keys, and no others, as known."""
        name = name or f"[127.0.0.1]:{self.port}"
        lines = [f"{name} {public(self.folder / f'host_{kind}')}" for kind in kinds]
        (self.folder / "known_hosts").write_text("\n".join([*lines, ""]))

    def configure(self, **options: str) -> None:
        """Write the ssh configuration, with these options before the usual ones."""
        usual = {
            "HostName": "127.0.0.1", "Port": str(self.port), "User": getpass.getuser(),
            "IdentityFile": str(self.folder / "user"), "IdentitiesOnly": "yes", "IdentityAgent": "none",
            "UserKnownHostsFile": str(self.folder / "known_hosts"), "GlobalKnownHostsFile": "/dev/null",
        }  # fmt: skip
        lines = ["Host box", *(f"  {key} {value}" for key, value in {**usual, **options}.items())]
        (self.folder / "config").write_text("\n".join([*lines, ""]))

    def cut(self) -> int:
        """Kill what serves the connections of now, as a network that fails or a host that restarts does; how many that were."""
        children = Path(f"/proc/{self._process.pid}/task/{self._process.pid}/children")
        found = children.read_text().split()
        for each in found:
            with contextlib.suppress(ProcessLookupError):
                os.kill(int(each), signal.SIGKILL)
        return len(found)

    def stop(self) -> None:
        self._process.send_signal(signal.SIGCONT)
        self._process.terminate()
        self._process.wait(60)

    def kill(self) -> None:
        """Kill it with all its connections; what commands there have detached goes on."""
        for pid in self._stopped():
            _signal(pid, signal.SIGKILL)
        self._process.wait(60)

    def start(self) -> None:
        """Start it again, at its port."""
        self._process = self._start(self._options)

    def freeze(self) -> None:
        """Let it and its connections answer nothing, until ``thaw``."""
        self._stopped()

    def thaw(self) -> None:
        """Let it go on."""
        found = [self._process.pid]
        for pid in found:
            found += _children(pid)
        for pid in found:
            _signal(pid, signal.SIGCONT)

    @property
    def log(self) -> str:
        """What it has logged, since it was started last."""
        return (self.folder / "sshd.log").read_text("utf-8", "replace")

    def _stopped(self) -> list[int]:
        """It and those of its connections, each stopped before its children are looked for: none gets away."""
        found = [self._process.pid]
        for pid in found:
            _signal(pid, signal.SIGSTOP)
            _until(lambda pid=pid: _state(pid) in "TtZX")  # type: ignore[misc]
            found += _children(pid)
        return found

    def _start(self, options: Sequence[str]) -> "subprocess.Popen[bytes]":
        assert self._program is not None
        if os.geteuid() == 0:
            Path("/run/sshd").mkdir(mode=0o755, exist_ok=True)
        lines = [
            *options,
            f"Port {self.port}", "ListenAddress 127.0.0.1", "PidFile none", "UsePAM no", "StrictModes no",
            "PasswordAuthentication no", "KbdInteractiveAuthentication no", "PermitRootLogin yes",
            f"AuthorizedKeysFile {self.folder / 'authorized_keys'}", "LogLevel VERBOSE",
            *(f"HostKey {self.folder / f'host_{kind}'}" for kind in self.kinds),
        ]  # fmt: skip
        (self.folder / "sshd_config").write_text("\n".join([*lines, ""]))
        argv = [str(self._program), "-D", "-e", "-f", str(self.folder / "sshd_config")]
        with (self.folder / "sshd.log").open("wb") as log:
            process = subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        listens = f"Server listening on 127.0.0.1 port {self.port}."
        _until(lambda: listens in self.log or process.poll() is not None)
        if process.poll() is not None:
            raise RuntimeError(self.log)
        return process


def _children(pid: int) -> list[int]:
    """The children of a process that are of sshd, too."""
    found: list[int] = []
    for children in Path(f"/proc/{pid}/task").glob("*/children"):
        with contextlib.suppress(OSError):
            found += [each for each in map(int, children.read_text().split()) if _is_sshd(each)]
    return found


def _is_sshd(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/comm").read_text().startswith("sshd")
    except OSError:
        return False


def _state(pid: int) -> str:
    """The letter that ``ps`` shows; X when there is no such process."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return "X"


def _until(is_so: Callable[[], bool]) -> None:
    ends_at = time.monotonic() + 60
    while not is_so():
        assert time.monotonic() < ends_at, "it did not come to pass"
        time.sleep(0.005)


def _signal(pid: int, number: int) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, number)


def through(shell_line: str) -> str:
    """The sshd option that lets every command run inside this line of sh, as ``$SSH_ORIGINAL_COMMAND``."""
    return f"ForceCommand {shell_line}"


def in_path(folder: Path, **programs: str | None) -> str:
    """The sshd option that leaves commands a PATH of ``sh`` and these programs only."""
    folder.mkdir()
    for name, path in {"sh": shutil.which("sh"), **programs}.items():
        assert path is not None
        (folder / name).symlink_to(path)
    path = shlex.quote(str(folder))
    return through(f'PATH={path}; export PATH; exec /bin/sh -c "$SSH_ORIGINAL_COMMAND"')


def keygen(path: Path, kind: str, passphrase: str = "") -> None:
    argv = ["ssh-keygen", "-q", "-t", kind, "-N", passphrase, "-f", str(path), "-C", "test"]
    subprocess.run(argv, check=True)


def public(path: Path) -> str:
    return " ".join(Path(f"{path}.pub").read_text().split()[:2])
