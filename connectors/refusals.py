"""What is remembered of a login that was refused, so that nobody tries it again and again.

A refusal holds as long as nothing has changed here that could let the next try in: the keys on disk and in the agent,
Kerberos's tickets, the ssh configuration. Within a process it holds for as long as that; between processes for a few
minutes, and not for somebody at a terminal. Hosts that ban after a few failures (fail2ban) ban those who do not know
when to stop, among them a ``xpm sync`` that a timer starts every minute.
"""

import contextlib
import hashlib
import os
import socket
import struct
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from xpm.connectors.ssh_config import Resolved, hops
from xpm.errors import LoginNeeded
from xpm.wire import files

HOLDS_S = 300.0
"""fail2ban's usual limit is five failures in ten minutes."""
_LIST_KEYS = struct.pack(">IB", 1, 11)


@dataclass(frozen=True, slots=True)
class Refusal:
    """A login was refused at a time, with this to show."""

    at: float
    evidence: str
    cause: str


def evidence(host: Resolved) -> str:
    """Changes whenever something changes here that may let a login in that was refused. Connects to nothing."""
    digest = hashlib.sha256()
    for path in _paths(host):
        with contextlib.suppress(OSError):
            found = path.stat()
            digest.update(f"{path}\0{found.st_mtime_ns}\0{found.st_size}\n".encode())
    digest.update(_agent_keys(host.identity_agent))
    return digest.hexdigest()


def note(path: Path, refusal: Refusal) -> None:
    """Remember a refusal for the next process."""
    with contextlib.suppress(OSError):
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        content = {"at": refusal.at, "evidence": refusal.evidence, "cause": refusal.cause}
        files.write(str(path), files.dump(content))


def noted(path: Path) -> Refusal | None:
    """What was remembered."""
    try:
        found = files.load(str(path)) or {}
        return Refusal(float(found["at"]), str(found["evidence"]), str(found["cause"]))
    except (OSError, ValueError, KeyError, TypeError):
        return None


def forget(path: Path) -> None:
    """The login has worked."""
    with contextlib.suppress(OSError):
        path.unlink()


def file_of(host: Resolved) -> Path:
    """Where the refusal of a host is remembered."""
    base = os.environ.get("XDG_STATE_HOME") or "~/.local/state"
    name = f"{host.user}\n{host.hostname}\n{host.port}\n{host.config or ''}"
    digest = hashlib.sha256(name.encode("utf-8", "surrogateescape")).hexdigest()[:16]
    return Path(base).expanduser() / "xpm" / "refused" / f"{digest}.json"


def again(host: Resolved, refusal: Refusal, now: float | None = None) -> LoginNeeded:
    """The refusal once more, without having tried."""
    age_s = max(0.0, (time.time() if now is None else now) - refusal.at)
    return LoginNeeded(
        "waiting for login",
        on=host.alias,
        cause=f"refused {age_s:.0f} s ago, not tried again: {refusal.cause}",
        hint=f"make `{host.command}` log in without a question",
    )


def _paths(host: Resolved) -> Iterator[Path]:
    for each in (*hops(host), host):
        for key in each.identity_files:
            yield from (key, Path(f"{key}.pub"), Path(f"{key}-cert.pub"))
        yield from each.certificate_files
    yield host.config or Path("~/.ssh/config").expanduser()
    ticket = os.environ.get("KRB5CCNAME") or f"/tmp/krb5cc_{os.getuid()}"
    yield Path(ticket.removeprefix("FILE:"))


def _agent_keys(path: str | None) -> bytes:
    """What an agent answers when it is asked for its keys: the draft's SSH_AGENTC_REQUEST_IDENTITIES."""
    path = os.environ.get("SSH_AUTH_SOCK", "") if path is None else path
    if not path or path == "none":
        return b""
    with contextlib.suppress(OSError), socket.socket(socket.AF_UNIX) as agent:
        agent.settimeout(5)
        agent.connect(path)
        agent.sendall(_LIST_KEYS)
        answer = agent.makefile("rb")
        (length,) = struct.unpack(">I", answer.read(4).ljust(4, b"\0"))
        return answer.read(min(length, 1 << 20))
    return b""
