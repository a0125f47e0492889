"""Where the last lines of a log begin, read from its end: a log may be long, and far away."""

from collections.abc import Callable
from pathlib import Path

from xpm.connectors.base import Printed
from xpm.follow import session as follow
from xpm.follow.session import Session
from xpm.follow.views import JobView

PIECE = 1 << 16
Read = Callable[[int, int], Printed]
"""Bytes from an offset on, from the end when it is negative, and at most so many."""


def begin_of(session: Session, job: JobView, stream: str, lines: int) -> int:
    """The offset of the last ``lines`` lines of what a job has printed by now.

    Raises:
        HostProblem: its host does not answer.
    """

    def read(offset: int, limit: int) -> Printed:
        if follow.is_here(job, stream):
            return _of_file(Path(job.path) / stream, offset, limit)
        return session.connector(job.connector).tail(job.ref, stream, offset, limit)

    return last_lines(read, lines)


def last_lines_of(path: Path, lines: int | None) -> int:
    """Where those of a file begin; of all there are without a number."""
    return 0 if lines is None else last_lines(lambda *asked: _of_file(path, *asked), lines)


def last_lines(read: Read, lines: int) -> int:
    """Where the last lines begin; the line that ends the text need not end with a newline."""
    piece = read(-PIECE, PIECE)
    offset, content = piece.offset, piece.content
    wanted = lines + content.endswith(b"\n") if lines else 0
    if not wanted:
        return offset + len(content)
    while True:
        at = len(content)
        while wanted and (at := content.rfind(b"\n", 0, at)) >= 0:
            wanted -= 1
        if not wanted:
            return offset + at + 1
        if offset == 0:
            return 0
        before = max(0, offset - PIECE)
        content = read(before, offset - before).content
        offset = before


def _of_file(path: Path, offset: int, limit: int) -> Printed:
    try:
        with path.open("rb") as file:
            size = file.seek(0, 2)
            start = max(0, size + offset) if offset < 0 else offset
            file.seek(start)
            return Printed(file.read(limit), (), start, size)
    except FileNotFoundError:
        return Printed(b"")
