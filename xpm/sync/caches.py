"""What is kept here to be quicker (``~/.cache/xpm``), by when it was used last: hashes of files, wheels, recipes."""

import contextlib
import os
import shutil
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

UNUSED_S = 30 * 86400.0
"""What nobody has used for so long may go."""
HALF_S = 86400.0
"""So may what was begun so long ago and never became whole."""


@dataclass(frozen=True, slots=True)
class Unused:
    """A file or folder of the cache that may go."""

    path: Path
    files: int
    bytes: int


def used(path: Path) -> None:
    """Note that something of the cache is used now; without right to do so, it is only made anew one day."""
    with contextlib.suppress(OSError):
        os.utime(path)


def unused(folder: Path, now: float | None = None) -> Sequence[Unused]:
    """What may go from the cache."""
    now = time.time() if now is None else now
    return [_measured(path) for path in _entries(folder) if _may_go(path, now)]


def remove(found: Sequence[Unused], now: float | None = None) -> None:
    """Remove these, but what has been used meanwhile."""
    now = time.time() if now is None else now
    for path in (each.path for each in found):
        with contextlib.suppress(OSError):
            if not _may_go(path, now):
                continue
            if path.is_dir() and not path.is_symlink():
                shutil.rmtree(path)
            else:
                path.unlink()


def _entries(folder: Path) -> Iterator[Path]:
    for kind in ("hashes", "recipes", "wheels"):
        with contextlib.suppress(OSError):
            yield from sorted((folder / kind).iterdir())


def _may_go(path: Path, now: float) -> bool:
    try:
        age_s = now - path.lstat().st_mtime
    except OSError:
        return False
    return age_s > (HALF_S if path.name.startswith("~") else UNUSED_S)


def _measured(path: Path) -> Unused:
    inner = [each for each in path.rglob("*") if each.is_file()] if path.is_dir() else [path]
    return Unused(path, len(inner), sum(each.lstat().st_size for each in inner))
