"""The contents of files by their hashes, known from one run to the next as long as nothing tells that a file has changed.

Version 1 of what is kept, one file for each project, in the cache folder: ``{"format": 1, "files": {path: [size, mtime_ns,
ctime_ns, inode, sha256, why it looks like a key or null]}}``. It may be removed at any time.
"""

import hashlib
import io
import json
import os
import time
from collections.abc import Callable
from pathlib import Path

from xpm.errors import PlanProblem
from xpm.sync import caches
from xpm.sync.secrets import looks_like_a_key
from xpm.wire import files

FORMAT = 1
YOUNG_NS = 2_000_000_000
"""A file that changed so shortly before it was read may change again without a trace: clocks of disks are coarse."""
TRIES = 5

Known = tuple[str, str | None]


def cache_folder() -> Path:
    """Where what can be computed again is kept."""
    home = os.environ.get("XDG_CACHE_HOME")
    return (Path(home) if home else Path.home() / ".cache") / "xpm"


class Contents:
    """The contents of one project's files.

    Args:
        root: its folder.
        folder: where what is known is kept; None: nowhere.
        keeps: whether what is learned is kept there for the next time.
        clock_ns: the time.
        reader: reads an open file to its end.
    """

    def __init__(
        self,
        root: Path,
        folder: Path | None = None,
        keeps: bool = True,
        clock_ns: Callable[[], int] = time.time_ns,
        reader: Callable[[io.BufferedReader], bytes] = io.BufferedReader.read,
    ) -> None:
        self._keeps = keeps
        self._clock_ns = clock_ns
        self._reader = reader
        name = hashlib.sha256(os.fsencode(root)).hexdigest()[:32]
        self._path = folder / "hashes" / f"{name}.json" if folder is not None else None
        self._is_new = True
        self._before = self._load()
        self._now: dict[str, list[object]] = {}
        self.read = 0
        """How many files had to be read."""

    @property
    def is_new(self) -> bool:
        """Whether nothing was known."""
        return self._is_new

    def of(self, path: str, source: str, status: os.stat_result) -> Known | None:
        """A file's sha256, and why it looks like a key; None when it is gone.

        Args:
            path: its name for the cache.
            source: where it is.
            status: what it was a moment ago.

        Raises:
            PlanProblem: it cannot be read, or does not stop changing.
        """
        stamp = _stamp(status)
        known = self._before.get(path)
        if known is not None and known[:4] == stamp:
            self._now[path] = known
            return str(known[4]), None if known[5] is None else str(known[5])
        try:
            sha, reason, stamp = self._read(path, source)
        except FileNotFoundError:
            return None
        except OSError as error:
            raise PlanProblem(
                "a file of the project cannot be read", on=source, cause=error.strerror or str(error),
                hint="mend its permissions, or name it in .xpmignore",
            ) from error  # fmt: skip
        if self._clock_ns() - max(int(stamp[1]), int(stamp[2])) > YOUNG_NS:
            self._now[path] = [*stamp, sha, reason]
        return sha, reason

    def save(self) -> None:
        """Keep what is known for the next time."""
        if self._path is None or not self._keeps:
            return
        if self._now == self._before and not self._is_new:
            caches.used(self._path)
            return
        text = json.dumps({"format": FORMAT, "files": self._now}, separators=(",", ":"))
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            files.write(str(self._path), text.encode("ascii"))
        except OSError:  # it is only for speed
            pass

    def _read(self, path: str, source: str) -> tuple[str, str | None, list[int]]:
        """Its content at one moment: read again while somebody writes it."""
        self.read += 1
        for _ in range(TRIES):
            with Path(source).open("rb") as file:
                before = _stamp(os.fstat(file.fileno()))
                raw = self._reader(file)
                after = _stamp(os.fstat(file.fileno()))
            if before == after and len(raw) == after[0]:
                return hashlib.sha256(raw).hexdigest(), looks_like_a_key(path, raw), after
        raise PlanProblem(
            "a file of the project is being written all the time", on=source,
            hint="name it in .xpmignore when it is no code, or run again when it is whole",
        )  # fmt: skip

    def _load(self) -> dict[str, list[object]]:
        if self._path is None:
            return {}
        try:
            content = json.loads(self._path.read_bytes())
            found = content["files"] if content["format"] == FORMAT else {}
            known = {path: each for path, each in found.items() if len(each) == 6}
        except (OSError, ValueError, KeyError, TypeError, AttributeError):
            return {}
        self._is_new = False
        return known


def _stamp(status: os.stat_result) -> list[int]:
    return [status.st_size, status.st_mtime_ns, status.st_ctime_ns, status.st_ino]
