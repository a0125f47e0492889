"""Files of a job's folder, for a browser: nothing above it, nothing that a link leads to outside.

What lies there was written by the job, on whatever machine it ran. So paths are walked folder by folder, each opened below the
last without following links; a link is followed only when all of it stays inside.
"""

import os
import stat
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from xpm.wire import ledger

MOST_FILES = 2000
MOST_LOG = 256 * 1024


@dataclass(frozen=True, slots=True)
class Listed:
    """A file of a job."""

    path: str
    bytes: int
    changed: float


class Outside(Exception):
    """There is no such file, or it is none of this job's."""


def opened(folder: Path, path: str) -> int:
    """A file below a folder, open for reading: a descriptor.

    Raises:
        Outside: it is no plain file there.
    """
    parts = _inside(folder, path)
    fd = _open(str(folder.resolve()), os.O_DIRECTORY, None)
    for place, part in enumerate(parts, 1):
        kind = os.O_DIRECTORY if place < len(parts) else os.O_NONBLOCK  # a pipe must not hold us
        try:
            inner = _open(part, kind, fd)
        finally:
            os.close(fd)
        fd = inner
    if not stat.S_ISREG(os.fstat(fd).st_mode):
        os.close(fd)
        raise Outside
    return fd


def piece(folder: Path, path: str, offset: int, limit: int = MOST_LOG) -> tuple[bytes, int, int]:
    """Bytes of a file, where they begin, and its size; a negative offset counts from the end.

    Raises:
        Outside: it is no plain file there.
    """
    with os.fdopen(opened(folder, path), "rb") as file:
        size = os.fstat(file.fileno()).st_size
        start = max(0, size + offset) if offset < 0 else offset
        if start > size:
            start = max(0, size - limit)  # a new attempt has begun it anew
        file.seek(start)
        return file.read(min(limit, MOST_LOG)), start, size


def listed(folder: Path) -> tuple[Sequence[Listed], bool]:
    """The files below a folder, by path, and whether these are all; our own records are left out."""
    found: list[Listed] = []
    for each in _walk(folder):
        if len(found) == MOST_FILES:
            return found, False
        found.append(each)
    return sorted(found, key=lambda one: one.path), True


def _walk(folder: Path) -> Iterator[Listed]:
    for where, folders, files in os.walk(folder):
        inside = os.path.relpath(where, folder)
        if inside == ".":
            inside = ""
            folders[:] = [each for each in folders if each != ledger.FOLDER]
        folders.sort()
        for name in sorted(files):
            try:
                status = os.lstat(os.path.join(where, name))  # noqa: PTH118
            except OSError:
                continue
            if stat.S_ISREG(status.st_mode):
                yield Listed(
                    f"{inside}/{name}" if inside else name, status.st_size, status.st_mtime
                )


def _inside(folder: Path, path: str) -> Sequence[str]:
    """The parts of a path, its links resolved."""
    if not path or "\0" in path or path.startswith("/") or ".." in path.split("/"):
        raise Outside
    top = os.path.realpath(folder)
    real = os.path.realpath(f"{top}/{path}")
    if not real.startswith(f"{top}/"):
        raise Outside
    return real[len(top) + 1 :].split("/")


def _open(path: str, kind: int, below: int | None) -> int:
    try:
        return os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC | kind, dir_fd=below)
    except (OSError, ValueError) as error:
        raise Outside from error
