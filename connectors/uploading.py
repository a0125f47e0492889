"""Contents on their way to a place: many requests under way at once, big files in pieces.

A small file travels with others; a big one in pieces, each stored as it arrives, so that a cut costs what was under way. The
far side says after each piece up to where it has the file, and checks the whole by its digest.
"""

import hashlib
import os
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

from xpm.connectors import answers
from xpm.connectors.callers import Caller, Request
from xpm.errors import Defect, PlanProblem

PIECE = 256 * 1024
"""A file of more is sent in pieces of so many bytes; smaller ones together, until they are as many."""
SMALL_FILES = 200
MOST_STARTS = 5
"""So often a file is begun again without getting any further: it is damaged on its way, or nobody there stores it."""

Asked = tuple[str, int]
"""The file of a piece, and where it ends; a file of no name for small ones."""


class Upload:
    """The contents that lack at one place.

    Args:
        name: the connector's.
        caller: the way there.
        sources: the path of each content, by its sha256.
        arrived: how many bytes are there already, of some.
        progress: told bytes sent and to send.
    """

    def __init__(
        self,
        name: str,
        caller: Caller,
        sources: Mapping[str, str],
        arrived: Mapping[str, int],
        progress: Callable[[int, int], None],
    ) -> None:
        self._name = name
        self._caller = caller
        self._sizes = {sha: Path(path).stat().st_size for sha, path in sources.items()}
        self._sources = sources
        self._at = {sha: max(0, arrived.get(sha, 0)) for sha in sources}
        self._progress = progress
        self._asked: deque[tuple[Asked, int]] = deque()
        self._again: dict[str, int] = {}
        self._starts: dict[str, tuple[int, int]] = {}
        self._confirmed = 0

    def run(self) -> None:
        """Send all of it.

        Raises:
            HostUnreachable: the link ended; what has arrived stays there.
            PlanProblem: a file changed meanwhile.
        """
        total = sum(size - self._at[sha] for sha, size in self._sizes.items())
        self._progress(0, total)
        self._pass(self._requests(), total)
        while self._again:
            self._at.update(self._again)
            wanted, self._again = list(self._again), {}
            self._pass(self._pieces_of(wanted), total)

    def _pass(self, requests: Iterator[Request], total: int) -> None:
        for answer in self._caller.push(requests):
            (sha, end), size = self._asked.popleft()
            if sha:
                with answers.understood(self._name, "part"):
                    here = int(answer["at"])
                if here < end:
                    self._begin_again(sha, max(0, here))
                    continue
            self._confirmed += size
            self._progress(min(self._confirmed, total), total)

    def _begin_again(self, sha: str, here: int) -> None:
        """Send a file anew from where the far side has it: what was sent behind that is lost."""
        if sha in self._again:
            return
        before, starts = self._starts.get(sha, (-1, 0))
        starts = starts + 1 if here <= before else 1
        if starts > MOST_STARTS:
            raise Defect(
                "a file does not arrive whole, however often it is sent",
                on=f"{self._sources[sha]} to {self._name}",
            )
        self._starts[sha] = (max(before, here), starts)
        self._again[sha] = here

    def _requests(self) -> Iterator[Request]:
        small = [sha for sha, size in self._sizes.items() if size <= PIECE]
        yield from self._together(small)
        yield from self._pieces_of([sha for sha in self._sizes if self._sizes[sha] > PIECE])

    def _together(self, small: list[str]) -> Iterator[Request]:
        batch: list[tuple[str, bytes]] = []
        size = 0
        for sha in small:
            raw = Path(self._sources[sha]).read_bytes()
            if hashlib.sha256(raw).hexdigest() != sha:
                raise _changed(self._sources[sha])
            if batch and (size + len(raw) > PIECE or len(batch) == SMALL_FILES):
                yield self._put(batch, size)
                batch, size = [], 0
            batch.append((sha, raw))
            size += len(raw)
        if batch:
            yield self._put(batch, size)

    def _put(self, batch: list[tuple[str, bytes]], size: int) -> Request:
        self._asked.append((("", 0), size))
        blobs = [[sha, len(raw)] for sha, raw in batch]
        return {"verb": "put", "blobs": blobs}, b"".join(raw for _, raw in batch)

    def _pieces_of(self, files: list[str]) -> Iterator[Request]:
        for sha in files:
            with Path(self._sources[sha]).open("rb", buffering=0) as file:
                yield from self._pieces(sha, file.fileno())

    def _pieces(self, sha: str, file: int) -> Iterator[Request]:
        """The pieces that lack there; all of the file is read, to be sure that it is still what it was."""
        digest = hashlib.sha256()
        size, offset = self._sizes[sha], 0
        start = min(self._at[sha], size - 1)
        while offset < size and sha not in self._again:
            end = min(size, start if offset < start else size, offset + PIECE)
            data = _read(file, offset, end - offset)
            digest.update(data)
            if len(data) < end - offset or (end == size and digest.hexdigest() != sha):
                raise _changed(self._sources[sha])
            if offset >= start:
                self._asked.append(((sha, end), len(data)))
                yield {"verb": "part", "blob": sha, "size": size, "offset": offset}, data
            offset = end


def _read(file: int, offset: int, size: int) -> bytes:
    data = os.pread(file, size, offset)
    while len(data) < size:
        more = os.pread(file, size - len(data), offset + len(data))
        if not more:
            break
        data += more
    return data


def _changed(path: str) -> PlanProblem:
    return PlanProblem(
        "a file of the project changed while it was being sent", on=path, hint="run again"
    )
