"""How a stream to a bare host becomes a stream to our agent: one command, nothing to install.

The command is ``sh -c``: it finds a Python of 3.6 or newer and becomes it, running connectors/far.py. What a login
shell prints before is dropped (frames start at MAGIC), and kept for messages.
"""

import base64
import inspect
import re
import shlex
import threading
import zlib
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import cache

from xpm.connectors import far
from xpm.connectors.answers import plain, shown
from xpm.connectors.hosts import STDERR_KEPT, Host, Stream
from xpm.connectors.marks import Mark
from xpm.errors import (
    Defect,
    DiskProblem,
    HostProblem,
    HostUnreachable,
    ProfileProblem,
    SiteProblem,
)
from xpm.wire import disks, frames, messages, travel

MARK = "xpm: no python"
CANDIDATES = (
    "python3",
    *(f"python3.{minor}" for minor in range(13, 5, -1)),
    "/usr/libexec/platform-python",
)
_READ = 256 * 1024


@dataclass(slots=True)
class Session:
    """A stream whose far end is our agent, as the handshake left it. Owned by one reader."""

    stream: Stream
    decoder: frames.Decoder = field(default_factory=frames.Decoder)
    ready: deque[frames.Frame] = field(default_factory=deque[frames.Frame])
    hello: dict[str, object] = field(default_factory=dict)
    workspace: str = ""
    noise: bytes = b""
    """What came before MAGIC, and perhaps a little more: for messages."""

    def next_frame(self) -> frames.Frame | None:
        """The next frame; None at the end of the stream."""
        while not self.ready:
            data = self.stream.read(_READ)
            if not data:
                return None
            if not self.decoder.started:
                self.noise = (self.noise + data)[-STDERR_KEPT:]
            self.ready += self.decoder.feed(data)
        return self.ready.popleft()


def command(python: str | None) -> Sequence[str]:
    """What to run on the host: ``sh`` looks for a Python and becomes our first program."""
    names = [*([_shell_word(python)] if python else []), *CANDIDATES]
    source = f'import base64,zlib;exec(zlib.decompress(base64.b64decode(\\"{_source()}\\")))'
    check = "import sys;sys.exit(36+(sys.version_info<(3,6)))"  # not 0: /bin/true is no Python
    script = (
        f"for p in {' '.join(names)}; do "
        'command -v "$p" >/dev/null 2>&1 && '
        f'{{ "$p" -ISc "{check}" </dev/null >/dev/null 2>&1; [ $? = 36 ]; }} && '
        f'exec "$p" -ISc "{source}"; '
        f'done; echo "{MARK}" >&2; exit 127'
    )
    return ["sh", "-c", script]


def start(
    host: Host,
    workspace: str,
    python: str | None,
    archive: Callable[[], tuple[str, bytes]] = travel.archive,
    timeout_s: float = 120.0,
    known: Mark | None = None,
) -> Session:
    """Start our agent on a host; everything it needs is there on return.

    With a mark that knows the workspace, nothing is made there unless it is that one.

    Raises:
        HostProblem: the host is out of reach, or lacks something; in words.
    """
    session = Session(host.open(command(python)))
    burnt = threading.Event()

    def burn() -> None:
        burnt.set()
        session.stream.close()

    fuse = threading.Timer(timeout_s, burn)
    fuse.daemon = True
    fuse.start()
    try:
        _exchange(session, host.name, workspace, archive(), known)
    except frames.FrameError as error:
        session.stream.close()
        raise Defect(
            "the far side speaks another language", on=host.name, cause=str(error)
        ) from error
    except BaseException as error:
        session.stream.close()
        if burnt.is_set() and isinstance(error, HostProblem):
            raise _silent(session, host.name, timeout_s) from error
        raise
    finally:
        fuse.cancel()
    return session


def _exchange(
    session: Session, name: str, workspace: str, archive: tuple[str, bytes], mark: Mark | None
) -> None:
    sha12, raw = archive
    known = mark.known() if mark is not None else None
    first = {"workspace": workspace, "travel": sha12, "size": len(raw), "known": known}
    first["files"] = travel.count(raw)
    try:
        session.stream.write(frames.message(0, first))
        answer = _answer(session, name, mark)
        if not isinstance(answer.get("workspace"), str):
            raise frames.FrameError(f"its answer names no workspace: {shown(answer)}")
        if not answer.get("have"):
            for piece in frames.chunks(0, raw):
                session.stream.write(piece)
        session.workspace = str(answer["workspace"])
    except HostUnreachable as error:  # the command ended at once: its last words tell why
        raise _ended(session, name) from error
    hello = _answer(session, name).get("hello")
    if not isinstance(hello, dict) or hello.get("protocol") != messages.PROTOCOL:
        raise Defect(
            "the agent speaks another protocol",
            on=name,
            cause=f"its hello is {shown(hello)}, instead of one of protocol {messages.PROTOCOL}",
        )
    session.hello = hello


def _answer(session: Session, name: str, mark: Mark | None = None) -> frames.Message:
    frame = session.next_frame()
    if frame is None:
        raise _ended(session, name)
    found = frames.Assembler().feed(frame)
    if not found:
        raise frames.FrameError("a payload before anything was asked for")
    [(_, content, _)] = found
    if "error" in content:
        error = content["error"] if isinstance(content["error"], dict) else {}
        if error.get("kind") == "disk":
            raise _disk(error, name, mark)
        raise SiteProblem(
            "the host does not start our agent",
            on=name,
            cause=plain(error.get("message")),
            hint=plain(error.get("hint") or ""),
        )
    return content


def _disk(error: frames.Message, name: str, mark: Mark | None) -> DiskProblem:
    """The workspace's disk is full or away, or another workspace is in its place."""
    message, hint = plain(error.get("message")), plain(error.get("hint") or "")
    if isinstance(error.get("errno"), int):
        trouble = OSError(error["errno"], message, plain(error.get("path")))
        return DiskProblem(disks.words(trouble, is_here=False), on=name, hint=disks.hint(trouble))
    if mark is not None:
        hint += f"; removed for good, with its jobs? rm {shlex.quote(str(mark.path))}"
    return DiskProblem(message, on=name, hint=hint)


def _ended(session: Session, name: str) -> HostProblem:
    """Why the stream ended before the agent said hello."""
    while session.next_frame() is not None:
        pass  # its last words may still be on their way
    status, said = session.stream.exit_status(), session.stream.stderr()
    noise = session.noise.decode("utf-8", "replace")
    words = _last_lines(said) or _last_lines(noise)
    if MARK in said:
        return SiteProblem(
            "the host has no Python of 3.6 or newer",
            on=name,
            cause=f"none of {', '.join(CANDIDATES)} works there",
            hint="install one, or name its path as `python:` of the connector",
        )
    if status is None:
        return HostUnreachable("the connection ended while our agent started", on=name, cause=words)
    return SiteProblem(
        "the host does not start our agent",
        on=name,
        cause=words or f"its shell ended with {status} and said nothing",
        hint="check that the account may run commands there (`ssh HOST true`)",
    )


def _silent(session: Session, name: str, timeout_s: float) -> HostUnreachable:
    """Why the agent has not said hello although the stream stood: the host is slow, or its shell does not run commands."""
    noise = session.noise.decode("utf-8", "replace")
    words = _last_lines(session.stream.stderr()) or _last_lines(noise)
    return HostUnreachable(
        f"our agent did not start within {timeout_s:g} s", on=name, cause=words,
        hint="is the host slow? Else what its shell reads first (.bashrc) keeps commands from running, as `exec zsh` does: "
        "let it do that in interactive shells only (`[[ $- == *i* ]] || return`)",
    )  # fmt: skip


def _last_lines(text: str) -> str:
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return "".join(c if c.isprintable() else "?" for c in " | ".join(lines[-3:]))[-500:]


def _shell_word(python: str) -> str:
    """A path of the profile as a word of sh in which ~ and $VAR still count."""
    if any(ord(c) < 32 for c in python):
        raise ProfileProblem(
            f"`python: {python!r}` is not a path",
            hint="give the path of a Python there, 3.9 or newer: /opt/python/3.12/bin/python3",
        )
    home, rest = ('"$HOME"/', python[2:]) if python.startswith("~/") else ("", python)
    return home + '"' + re.sub(r'(["\\`])', r"\\\1", rest) + '"'


@cache
def _source() -> str:
    """connectors/far.py with the source that unpacks, small enough for a command line."""
    text = f"{inspect.getsource(far)}\nmain({inspect.getsource(travel)!r})\n"
    return base64.b64encode(zlib.compress(text.encode("utf-8"), 9)).decode("ascii")
