"""Questions to a bare host, answered by one run of ``sh``: nothing of ours is there, and nothing is left there.

Each question is a few lines of sh under a time limit of its own, answered between lines that no command prints, so a
noisy login shell does not matter and what one question breaks spoils no other answer. The script goes to the standard input
of ``sh -s``, so its length does not matter either.
"""

import contextlib
import re
import shlex
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from xpm.connectors.hosts import Host, Stream
from xpm.errors import HostUnreachable, SiteProblem

EACH_S = 20
"""How long one question may take there, unless it says otherwise."""
READ = 256 * 1024
_TIMEOUT = 'command -v timeout >/dev/null 2>&1 || timeout() { shift; "$@"; }'
"""Not every system has one (macOS): without it the host's own patience counts, and the asker's."""
_MARK = re.compile(r"^%xpm-answer (\w+) (begin|\d+)$", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Question:
    """Lines of sh, under a name that the answer bears."""

    name: str
    script: str
    limit_s: int = EACH_S


@dataclass(frozen=True, slots=True)
class Answer:
    """What the lines printed, their errors included, and how they ended."""

    status: int
    text: str

    @property
    def lines(self) -> Sequence[str]:
        """The lines that are not empty, without the blanks around them."""
        return [line.strip() for line in self.text.splitlines() if line.strip()]


@dataclass(frozen=True, slots=True)
class Answers:
    """All answers, and what was seen on the way to them."""

    found: Mapping[str, Answer]
    first_s: float
    """Seconds from opening the host to the first byte: connection, login and shell."""
    noise: str
    """What the login printed before our first line."""

    def said(self, name: str) -> str:
        """What a question was answered; "" when its lines failed, or nothing came."""
        answer = self.found.get(name)
        return answer.text if answer is not None and answer.status == 0 else ""


def script(questions: Sequence[Question]) -> str:
    """The whole script: each question in a shell of its own, so that none can end the others."""
    lines = ["exec </dev/null", _TIMEOUT]
    for each in questions:
        limited = "" if not each.limit_s else f"timeout {each.limit_s} "
        lines += [
            f"echo; echo '%xpm-answer {each.name} begin'",
            f"{limited}sh -c {shlex.quote(each.script)} 2>&1 </dev/null",
            f'rc=$?; echo; echo "%xpm-answer {each.name} $rc"',
        ]
    return "\n".join(["{", *lines, "exit 0", "}", ""])


def ask(host: Host, questions: Sequence[Question], timeout_s: float = 120.0) -> Answers:
    """What the host answers.

    Raises:
        HostProblem: it is out of reach, or starts no ``sh``.
    """
    began = time.monotonic()
    stream = host.open(["sh", "-s"])
    fuse = threading.Timer(timeout_s, stream.close)
    fuse.daemon = True
    fuse.start()
    try:
        with contextlib.suppress(HostUnreachable):  # it ended at once: its last words tell why
            stream.write(script(questions).encode("utf-8", "surrogateescape"))
        text, first_s = _all(stream, began, questions[-1].name)
        if not _MARK.search(text):  # told before we close: how it ended may still be on its way
            raise _silent(host.name, stream, text, time.monotonic() - began >= timeout_s)
    finally:
        fuse.cancel()
        stream.close()
    return Answers(parse(text), first_s, noise(text))


def lines_of(answer: Answer | None) -> Sequence[str]:
    """The lines of an answer; none when there is none."""
    return answer.lines if answer is not None else ()


def parse(text: str) -> Mapping[str, Answer]:
    """The answers in what came back; one that was cut off is not there."""
    found: dict[str, Answer] = {}
    began: dict[str, int] = {}
    for mark in _MARK.finditer(text):
        name, word = mark.groups()
        if word == "begin":
            began[name] = mark.end()
        elif name in began:
            found[name] = Answer(int(word), text[began[name] : mark.start()].strip("\n"))
    return found


def noise(text: str) -> str:
    """What was printed before the first answer."""
    first = _MARK.search(text)
    return text[: first.start()].strip() if first else text.strip()


def _all(stream: Stream, began: float, last: str) -> tuple[str, float]:
    """Everything up to the end of the last answer, and when the first byte came."""
    pieces: list[bytes] = []
    first_s = 0.0
    end = re.compile(rb"^%xpm-answer " + last.encode("ascii") + rb" \d+\r?$", re.MULTILINE)
    while data := stream.read(READ):
        first_s = first_s or time.monotonic() - began
        pieces.append(data)
        if end.search(b"".join(pieces[-3:])):
            break
    text = b"".join(pieces).decode("utf-8", "replace").replace("\r\n", "\n")
    return text, first_s


def _silent(name: str, stream: Stream, text: str, is_late: bool) -> Exception:
    said = (stream.stderr().strip() or text.strip()).splitlines()
    words = " | ".join(said[-3:])[-500:]
    if is_late or stream.exit_status() is None:
        return HostUnreachable(
            "the host answers nothing", on=name, cause=words or "no word of its shell"
        )
    return SiteProblem(
        "the host does not run sh",
        on=name,
        cause=words or "its shell ended and said nothing",
        hint=f"check that the account may run commands there (`ssh {name} true`)",
    )
