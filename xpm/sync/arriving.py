"""Files on their way: which pieces to ask for, and where those that arrive belong.

Answers are asked for ahead and written as they arrive, each file from its start on without a gap. So a cut costs what was
under way in the frame it hit, and whatever is on disk is never asked for again.
"""

import zlib
from collections import deque
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Protocol

from xpm.connectors.base import Paused, Progress, is_paused
from xpm.errors import Defect, HostUnreachable
from xpm.sync import names
from xpm.sync.folder import InTheWay, JobFolder, Writer
from xpm.sync.mirror import Pull
from xpm.wire import frames

ITEMS = 500
BYTES = 8 * 1024 * 1024
UNREADABLE = -2
"""The size of a file that nobody there may read."""

Streamed = tuple[frames.Message, Iterator[bytes]]


class Source(Protocol):
    """Who answers ``manifest``, ``digests`` and ``pull``."""

    @property
    def workspace(self) -> str:
        """The absolute path of the workspace there."""

    def call(self, content: frames.Message, payload: bytes = b"") -> tuple[frames.Message, bytes]:
        """The ``ok`` part of the reply, with its payload."""

    def stream(self, contents: Iterable[frames.Message]) -> Iterator[Streamed]:
        """The ``ok`` parts of the replies, in order, with their payloads as they arrive."""


class Arriving:
    """One file on its way.

    Args:
        where: task and job.
        pull: what to get.
        folder: where it goes; None: it is kept in memory, as ``raw``.
    """

    def __init__(self, where: tuple[str, str], pull: Pull, folder: JobFolder | None) -> None:
        self.where = where
        self.pull = pull
        self.raw = b""
        self.is_over = False
        self.is_whole = False
        self.has_moved = False
        self.is_unreadable = False
        self.problem = ""
        self.arrived = 0
        """Bytes that came over the link."""
        self._folder = folder
        self._writer: Writer | None = None
        self._at = pull.offset

    def ranges(self) -> Iterator[tuple[int, int]]:
        """The pieces that lack, as offset and length; an empty file is one of length 0."""
        size = self.pull.file.size
        if size == self._at == 0:
            yield 0, 0
        at = self._at
        for start, end in (*self.pull.same, (size, size)):
            while at < start:
                length = min(BYTES, start - at)
                yield at, length
                at += length
            at = max(at, end)

    @property
    def lacks(self) -> int:
        """How many bytes have yet to come."""
        return sum(length for _, length in self.ranges())

    def take(self, header: "Piece", asked: int, content: Iterator[bytes]) -> None:
        """Store a piece."""
        if header.size == UNREADABLE:
            self.is_unreadable = True
            self.end()
            return
        file = self.pull.file
        is_same = (
            header.size >= file.size
            if self.pull.grows or self.pull.may_grow
            else (header.size, header.mtime_ns) == (file.size, file.mtime_ns)
        )
        if self.is_over or not is_same or header.length != asked:
            self.has_moved = self.has_moved or not self.is_over
            self.end()
            _drain(content)
            return
        try:
            self._store(header, content)
        except InTheWay as obstacle:
            self.problem = str(obstacle)
            self.end()
            _drain(content)

    def end(self) -> None:
        """Nothing more of it for now."""
        self.is_over = True
        if self._writer is not None:
            self._writer.close()
            self._writer = None

    def settle(self) -> None:
        """Finish it when no piece lacks."""
        if self.is_over or next(self.ranges(), None) is not None:
            return
        try:
            self._finish()
        except InTheWay as obstacle:
            self.problem = str(obstacle)
            self.end()

    def _store(self, header: "Piece", content: Iterator[bytes]) -> None:
        check, at = 0, header.offset
        for data in content:
            check = zlib.crc32(data, check)
            self._write(at, data)
            at += len(data)
        if check != header.crc32:
            self.end()
            if self._folder is not None and not self.pull.grows:
                self._folder.drop(self.pull)
            raise Defect("a piece of a file arrived damaged", on=names.shown(self.pull.path))
        if not self.pull.file.size or next(self.ranges(), None) is None:
            self._finish()

    def _write(self, at: int, data: bytes) -> None:
        if self._folder is None:
            self.raw = self.raw[:at] + data
        else:
            self._begun(self._folder).write(at, data)
        self._at = at + len(data)
        self.arrived += len(data)

    def _finish(self) -> None:
        if self._folder is not None:
            self._begun(self._folder).finish()
        self._writer = None
        self.is_over = self.is_whole = True

    def _begun(self, folder: JobFolder) -> Writer:
        if self._writer is None:
            self._writer = folder.begin(replace(self.pull, offset=self._at))
        return self._writer


class Piece:
    """What an answer says of one of its pieces."""

    __slots__ = ("crc32", "index", "length", "mtime_ns", "offset", "size")

    def __init__(self, row: object) -> None:
        if not isinstance(row, list) or len(row) != 6 or not all(type(n) is int for n in row):
            raise Defect("the agent sends a piece without its numbers")
        self.index, self.offset, self.length, self.size, self.mtime_ns, self.crc32 = row


def bring(source: Source, files: Sequence[Arriving], progress: Progress) -> None:
    """Get every piece of these files; what moved meanwhile says so.

    Raises:
        Paused: who hears of the bytes wants no more of them now.
        HostUnreachable: the link ended, and the next one before anything arrived.
    """
    try:
        for each in files:
            each.settle()
        is_first = True  # of which some comes in any case
        while pending := [each for each in files if not each.is_over]:
            if not is_first and is_paused(progress):
                raise Paused
            is_first = False
            arrived: list[int] = []
            try:
                _bring(source, pending, arrived, progress)
            except HostUnreachable:
                if not sum(arrived):
                    raise
    finally:
        for each in files:
            each.end()


Item = tuple[Arriving, int, int]


def _bring(
    source: Source,
    files: Sequence[Arriving],
    arrived: list[int],
    progress: Progress,
) -> None:
    asked: deque[list[Item]] = deque()

    def requests() -> Iterator[frames.Message]:
        for portion in _portions(files):
            asked.append(portion)
            items = [[*f.where, f.pull.path, at, length] for f, at, length in portion]
            yield {"verb": "pull", "items": items, "limit": BYTES + ITEMS}
            if is_paused(progress):
                return

    def counted(content: Iterator[bytes]) -> Iterator[bytes]:
        for data in content:
            arrived.append(len(data))
            progress(len(data))
            yield data

    for answer, payload in source.stream(requests()):
        _receive(answer, counted(payload), asked.popleft())


def _portions(files: Sequence[Arriving]) -> Iterator[list[Item]]:
    """All the pieces that lack, as many as fit one answer at a time."""
    portion: list[Item] = []
    room = BYTES
    for file in files:
        for offset, length in file.ranges():
            if portion and (length > room or len(portion) == ITEMS):
                yield portion
                portion, room = [], BYTES
            portion.append((file, offset, length))
            room -= length
    if portion:
        yield portion


def _receive(answer: Mapping[str, object], payload: Iterator[bytes], asked: Sequence[Item]) -> None:
    rows = answer.get("pieces")
    if not isinstance(rows, list) or not rows:
        raise Defect("the agent sends no piece of what was asked for")
    cutter, seen = _Cutter(payload), set()
    for piece in map(Piece, rows):
        if not 0 <= piece.index < len(asked) or piece.index in seen:
            raise Defect("the agent sends a piece that was not asked for")
        file, offset, length = asked[piece.index]
        may_have = 0 if piece.size == UNREADABLE else length
        if piece.offset != offset or not 0 <= piece.length <= may_have:
            raise Defect("the agent sends a piece that was not asked for")
        seen.add(piece.index)
        file.take(piece, length, cutter.take(piece.length))


class _Cutter:
    """Cuts a payload, which arrives as it likes, into pieces of given lengths."""

    def __init__(self, payload: Iterator[bytes]) -> None:
        self._payload = payload
        self._kept = memoryview(b"")

    def take(self, length: int) -> Iterator[bytes]:
        """The next so many bytes, piece by piece; to be read to its end."""
        while length > 0:
            if not self._kept:
                data = next(self._payload, None)
                if data is None:
                    raise Defect("the agent sends less than it says")
                self._kept = memoryview(data)
            part, self._kept = self._kept[:length], self._kept[length:]
            length -= len(part)
            yield bytes(part) if len(part) < len(part.obj) else part.obj  # type: ignore[arg-type,misc]


def _drain(content: Iterator[bytes]) -> None:
    for _ in content:
        pass
