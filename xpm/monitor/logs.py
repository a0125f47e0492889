"""What jobs print: pieces of it, and what comes as it comes, from here or from where the job runs.

Texts are cut between lines, or at least between characters, so that pieces can be put together. A log is never read whole: what
is shown first is its end; what is before is read when somebody wants to see it.
"""

import asyncio
import json
import os
import time
from collections.abc import AsyncGenerator, Awaitable, Callable
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from xpm.connectors.base import Connector, JobRef
from xpm.errors import HostProblem
from xpm.follow import session, views
from xpm.monitor import folders
from xpm.monitor.board import Board

STREAMS = ("stdout", "stderr")
FIRST = 64 * 1024
MOST = 256 * 1024
NEAR_S, FAR_S = 0.5, 2.0
"""How often to look for more, here and over a link."""
ALIVE_S = 15.0
SOUGHT = 1 << 20
MARK = b"Traceback (most recent call last)"
Link = Callable[[str], Connector | None]
"""The connection to a connector that is open now, if one is."""


@dataclass(frozen=True, slots=True)
class Piece:
    """Some of a log."""

    text: str
    offset: int
    next: int
    size: int
    said: str = ""
    """What keeps us from what there is; empty: nothing does."""
    at: float | None = None
    """Then: since when nothing has come."""


@dataclass(frozen=True, slots=True)
class Source:
    """Where the log of a job is to be had now."""

    folder: Path
    link: Connector | None
    said: str
    is_over: bool
    """Whether nothing will come any more."""


def source(board: Board, ref: JobRef, stream: str, link: Link) -> Source | None:
    """Where to read; None: there is no such job."""
    entry = board.entry(ref)
    if entry is None:
        return None
    job = views.seen(board.look, entry.row)
    folder, is_over = board.main.job_folder(ref), job.state in views.OVER
    if session.is_here(job, stream):
        return Source(folder, None, "", is_over)
    place = board.places.get(job.connector)
    is_away = place is not None and place.down_since is not None
    found = None if is_away else link(job.connector)
    why = f"{job.connector} does not answer" if is_away else f"no link to {job.connector} is open"
    return Source(folder, found, "" if found else why, is_over and found is not None)


def read(
    where: Source, ref: JobRef, stream: str, offset: int, limit: int, is_joined: bool = False
) -> Piece:
    """A piece from an offset on; from the end when that is negative.

    Args:
        where: where to read.
        ref: the job.
        stream: ``stdout`` or ``stderr``.
        offset: from where on.
        limit: how many bytes at most.
        is_joined: whether a piece ended there: then it begins right there, else with a line.
    """
    limit, said = max(1, min(limit, MOST)), where.said
    if where.link is not None:
        try:
            got = where.link.tail(ref, stream, offset, limit)
            if 0 <= offset and got.size < offset:  # a new attempt has begun it anew
                got = where.link.tail(ref, stream, -limit, limit)
            is_joined = is_joined and got.offset == offset
            return cut(got.content, got.offset, got.size, is_joined)
        except HostProblem:
            said = "the link broke"
    try:
        raw, start, size = folders.piece(where.folder, stream, offset, limit)
        at = (where.folder / stream).lstat().st_ctime if said else None
    except (folders.Outside, OSError):
        return Piece("", max(0, offset), max(0, offset), 0, said)
    if said and size < offset:  # more has been seen than is here
        return Piece("", offset, offset, size, said, at)
    found = cut(raw, start, size, is_joined and start == offset)
    return replace(found, said=said, at=at)


def cut(raw: bytes, start: int, size: int, is_joined: bool) -> Piece:
    """Bytes as text, without the halves of lines and characters at their borders, if more is there."""
    end = start + len(raw)
    if start > 0 and not is_joined:
        line = raw.find(b"\n") + 1
        first = line if 0 < line < len(raw) else _to_character(raw)
        raw, start = raw[first:], start + first
    held = _open_character(raw)
    if 0 < held < len(raw):
        raw, end = raw[:-held], end - held
    return Piece(raw.decode("utf-8", "replace"), start, end, max(size, end))


def traceback(where: Source, stream: str) -> int | None:
    """Where the last traceback of a log begins, as far as it is here."""
    try:
        fd = folders.opened(where.folder, stream)
    except folders.Outside:
        return None
    with os.fdopen(fd, "rb") as file:
        after = os.fstat(fd).st_size
        while after > 0:
            begin = max(0, after - SOUGHT)
            file.seek(begin)
            found = file.read(after - begin + len(MARK) - 1).rfind(MARK)
            if found >= 0:
                return begin + found
            after = begin
    return None


async def follow(
    find: Callable[[], Awaitable[Source | None]],
    ref: JobRef,
    stream: str,
    begin: int | None,
    is_once: bool = False,
) -> AsyncGenerator[str]:
    """Server-sent events: the end of a log, then what comes, until the job is over and all is told.

    Args:
        find: where to read now.
        ref: the job.
        stream: ``stdout`` or ``stderr``.
        begin: how far a browser that comes back has it already.
        is_once: tell what there is now only.
    """
    offset, told, heard = begin, None, time.monotonic()
    while (where := await find()) is not None:
        if offset is None:
            piece = await asyncio.to_thread(read, where, ref, stream, -FIRST, FIRST)
        else:
            piece = await asyncio.to_thread(read, where, ref, stream, offset, MOST, True)
        is_anew = offset is None or piece.offset != offset
        if is_anew or piece.text or (piece.said, piece.at, piece.size) != told:
            yield _event("anew" if is_anew else "more", piece)
            told, heard = (piece.said, piece.at, piece.size), time.monotonic()
        offset = piece.next
        if where.is_over and not piece.text and not piece.said:
            yield "event: end\ndata: {}\n\n"
            return
        if is_once:
            return
        if time.monotonic() - heard > ALIVE_S:
            yield ": alive\n\n"
            heard = time.monotonic()
        if not piece.text or offset >= piece.size:
            await asyncio.sleep(FAR_S if where.link is not None else NEAR_S)


def _event(kind: str, piece: Piece) -> str:
    return f"event: {kind}\nid: {piece.next}\ndata: {json.dumps(asdict(piece))}\n\n"


def _to_character(raw: bytes) -> int:
    """How many bytes at the beginning belong to a character before."""
    return next((place for place, byte in enumerate(raw[:4]) if byte & 0xC0 != 0x80), 0)


def _open_character(raw: bytes) -> int:
    """How many bytes at the end begin a character whose rest is not there."""
    for back, byte in enumerate(reversed(raw[-3:]), 1):
        if byte & 0xC0 == 0x80:
            continue
        length = 1 if byte < 0xC0 else 2 if byte < 0xE0 else 3 if byte < 0xF0 else 4
        return back if length > back else 0
    return 0
