"""Files of a mirror that somebody has edited here: told from those that came, and kept when another version comes.

``.xpm/brought.jsonl`` in the local job folder has a line ``[path, size, mtime_ns]`` for each version of a file that was asked
for, written before the first byte arrives: so what a mirror wrote is always known as such, wherever it was cut. A file of
another size or time is somebody's own. It is moved aside, unless what comes begins with all that it says.
"""

import contextlib
import errno
import json
import os
from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING

from xpm.sync import names

if TYPE_CHECKING:
    from xpm.sync.folder import JobFolder
    from xpm.sync.mirror import File, Pull

PATH = f"{names.OWN}/brought.jsonl"
SUFFIX = ".edited-here"
MOST = 1024 * 1024
"""A longer note is written anew, without versions that are not here any more."""
COARSE_NS = 2 * 10**9
FINE_NS = 100
"""Times of file systems that do not keep nanoseconds are multiples of this, and up to the other apart from what was set."""
COPY = 1024 * 1024


class Brought:
    """What has come to one job's folder."""

    def __init__(self, folder: "JobFolder") -> None:
        self._folder = folder
        self._known: dict[str, set[tuple[int, int]]] | None = None

    def has(self, path: str, size: int, mtime_ns: int) -> bool:
        """Whether a file like this is one that came."""
        known = self._read().get(path, ())
        return any(size == each and _is_same_time(mtime_ns, at) for each, at in known)

    def expect(self, pulls: Iterable["Pull"], here: Mapping[str, "File"]) -> None:
        """Note the versions that are about to come; ``here`` are the files there are."""
        rows = [(each.path, each.file.size, each.file.mtime_ns) for each in pulls]
        if not rows:
            return
        if self._folder.size_of(PATH) > MOST:
            kept = [
                (path, file.size, file.mtime_ns)
                for path, file in here.items()
                if path in self._read() and self.has(path, file.size, file.mtime_ns)
            ]
            self._folder.replace(PATH, _lines(kept + rows))
        else:
            self._folder.append(PATH, b"\n" + _lines(rows))  # whatever a power cut has left before
        for path, size, mtime_ns in rows:
            if self._known is not None:
                self._known.setdefault(path, set()).add((size, mtime_ns))

    def _read(self) -> dict[str, set[tuple[int, int]]]:
        if self._known is None:
            self._known = {}
            for path, size, mtime_ns in _rows(self._folder.content(PATH)):
                self._known.setdefault(path, set()).add((size, mtime_ns))
        return self._known


def move_aside(folder: int, name: str, newer: int) -> str:
    """Give an edited file another name beside, which is returned, unless ``newer`` begins with all it has: then "".

    The file keeps its own name too, for whoever is about to rename another over it.
    """
    older = os.open(name, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=folder)
    try:
        if _begins_with(newer, older):
            return ""
    finally:
        os.close(older)
    for beside in _names(f"{name}{SUFFIX}"):
        try:
            os.link(name, beside, src_dir_fd=folder, dst_dir_fd=folder, follow_symlinks=False)
        except FileExistsError:
            continue
        except OSError as error:  # no hard links on this disk
            if error.errno in (errno.ENAMETOOLONG, errno.ENOSPC, errno.EDQUOT, errno.EROFS):
                raise
            if _is_there(folder, beside):
                continue
            os.rename(name, beside, src_dir_fd=folder, dst_dir_fd=folder)
        return beside
    raise AssertionError


def _is_same_time(here_ns: int, brought_ns: int) -> bool:
    is_coarse = here_ns % FINE_NS == 0
    return here_ns == brought_ns or (is_coarse and abs(here_ns - brought_ns) < COARSE_NS)


def _names(name: str) -> Iterator[str]:
    yield name
    count = 2
    while True:
        yield f"{name}-{count}"
        count += 1


def _is_there(folder: int, name: str) -> bool:
    try:
        os.lstat(name, dir_fd=folder)
    except FileNotFoundError:
        return False
    return True


def _begins_with(newer: int, older: int) -> bool:
    """Whether one open file begins with all that another one has."""
    at = 0
    while data := os.pread(older, COPY, at):
        if os.pread(newer, len(data), at) != data:
            return False
        at += len(data)
    return True


def _lines(rows: Iterable[object]) -> bytes:
    return "".join(json.dumps(each) + "\n" for each in rows).encode("ascii")


def _rows(content: bytes) -> Iterator[tuple[str, int, int]]:
    for line in content.splitlines():
        with contextlib.suppress(ValueError, RecursionError):
            row = json.loads(line)
            if isinstance(row, list) and len(row) == 3 and isinstance(row[0], str):
                size, mtime_ns = row[1:]
                if type(size) is int and type(mtime_ns) is int:
                    yield row[0], size, mtime_ns
