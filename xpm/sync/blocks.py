"""What of a file is here already: its blocks are compared by digest with those of the far side.

Two kinds of files are looked at: one of which a part arrived before a cut (a power cut may have left holes in that), and
one that is here in another version. One question for all of them, answered in a few exchanges however big they are.
"""

import hashlib
import os
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

from xpm.errors import Defect
from xpm.sync.arriving import Source
from xpm.sync.folder import InTheWay, JobFolder
from xpm.sync.mirror import Pull

BLOCK = 64 * 1024
DIGEST = 16
LEAST = 4 * BLOCK
"""A smaller file is quicker sent than asked about."""
LEAST_GROWN = 16 * 1024
"""So is one that was smaller before it grew."""

Wanted = tuple[tuple[str, str], JobFolder, Pull]
Spans = tuple[tuple[int, int], ...]


def compared(source: Source, wanted: Sequence[Wanted]) -> list[Pull]:
    """The same pulls, in order, with what is here already left out.

    Raises:
        HostUnreachable: the link ended.
    """
    doubtful = [index for index, (_, _, pull) in enumerate(wanted) if _is_doubtful(pull)]
    pulls = [pull for _, _, pull in wanted]
    if not doubtful:
        return pulls
    found = _digests(source, [wanted[index] for index in doubtful])
    for index, digests in zip(doubtful, found, strict=True):
        pulls[index] = _less(wanted[index][1], pulls[index], digests)
    return pulls


def _is_doubtful(pull: Pull) -> bool:
    return not pull.grows and (pull.offset > 0 or _has_some(pull))


def _has_some(pull: Pull) -> bool:
    """Whether the other version that is here is likely to have something of it."""
    if pull.older is None:
        return False
    least = LEAST_GROWN if pull.older.size < pull.file.size else LEAST
    return min(pull.older.size, pull.file.size) >= least


def _digests(source: Source, wanted: Sequence[Wanted]) -> list[list[bytes]]:
    """The digests of each file's blocks; fewer where the file is not what it was."""
    found: list[list[bytes]] = [[] for _ in wanted]
    queue = deque(range(len(wanted)))
    while queue:
        asked = list(queue)
        items = [
            [*wanted[i][0], wanted[i][2].path, len(found[i]) * BLOCK, _end(wanted[i][2])]
            for i in asked
        ]
        answer, payload = source.call({"verb": "digests", "items": items, "block": BLOCK})
        for at, count, digests in _rows(answer, payload, len(items)):
            index = asked[at]
            found[index] += digests
            if not count or len(found[index]) * BLOCK >= _end(wanted[index][2]):
                queue.remove(index)
    return found


def _end(pull: Pull) -> int:
    """How much of a file there is worth a look, to the byte: as much as is here, in another version or of this one."""
    older = min(pull.file.size, pull.older.size) if pull.older is not None else 0
    return max(pull.offset, older)


def _rows(
    answer: Mapping[str, object], payload: bytes, asked: int
) -> Iterator[tuple[int, int, list[bytes]]]:
    rows = answer.get("digests")
    if not isinstance(rows, list) or not rows:
        raise Defect("the agent sends no digests of what was asked for")
    start, seen = 0, set()
    for row in rows:
        if not isinstance(row, list) or len(row) != 5 or not all(type(n) is int for n in row):
            raise Defect("the agent sends digests without their numbers")
        index, count = row[0], row[2]
        end = start + count * DIGEST
        if not 0 <= index < asked or index in seen or not start <= end <= len(payload):
            raise Defect("the agent sends digests that were not asked for")
        seen.add(index)
        yield index, count, [payload[n : n + DIGEST] for n in range(start, end, DIGEST)]
        start = end


def _less(folder: JobFolder, pull: Pull, there: Sequence[bytes]) -> Pull:
    size = pull.file.size
    if pull.offset:
        same = _same(folder.partial(pull), there, pull.offset)
        pull = replace(pull, offset=same[0][1] if same and same[0][0] == 0 else 0)
    if pull.older is None or not _has_some(pull):
        return pull
    try:
        return replace(pull, same=_same(folder.older(pull), there, min(size, pull.older.size)))
    except InTheWay:  # somebody works on it here: take it whole
        return pull


def _same(file: int, there: Sequence[bytes], end: int) -> Spans:
    """The ranges of an open file, up to ``end``, whose blocks have these digests; closes the file."""
    spans: list[tuple[int, int]] = []
    try:
        for index, digest in enumerate(there):
            start = index * BLOCK
            data = os.pread(file, max(0, min(BLOCK, end - start)), start)
            if not data:
                break
            if hashlib.blake2b(data, digest_size=DIGEST).digest() != digest:
                continue
            stop = start + len(data)
            if spans and spans[-1][1] == start:
                spans[-1] = (spans[-1][0], stop)
            else:
                spans.append((start, stop))
    finally:
        os.close(file)
    return tuple(spans)
