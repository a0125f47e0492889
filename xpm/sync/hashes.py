"""What is known of the contents of a project's files, kept between runs, so that only those that changed are read again.

``$XDG_CACHE_HOME/xpm/hashes/<digest of the project's path>.json``, version 1: {"format", "files": {path: [size, mtime_ns,
ctime_ns, inode, sha256, why it looks like a key or null]}}. A cache: whatever is wrong with it, it is made anew. As in
git, a file changed in the last moments before it was read is not believed: it may change again within one tick of its clock.
"""

import hashlib
import json
import os
import time
from pathlib import Path

from xpm.sync.secrets import looks_like_a_key
from xpm.wire import files

FORMAT = 1
SETTLED_NS = 2_000_000_000
"""So long ago a file must have changed last: some file systems count seconds, or two."""

Content = tuple[str, str | None]
Stamp = tuple[int, int, int, int]


class Hashes:
    """The contents of one project's files; ``save`` keeps them for the next run.

    Args:
        project: its folder.
        cache: the folder of caches.
    """

    def __init__(self, project: Path, cache: Path) -> None:
        name = hashlib.sha256(os.fsencode(project)).hexdigest()[:24]
        self._path = cache / "hashes" / f"{name}.json"
        self._known = _read(self._path)
        self._used: dict[str, list[object]] = {}
        self._is_new = False

    def content(self, path: str, source: Path, status: os.stat_result) -> Content:
        """A file's sha256, and why it looks like a key."""
        stamp: Stamp = (status.st_size, status.st_mtime_ns, status.st_ctime_ns, status.st_ino)
        known = self._known.get(path)
        if known is not None and tuple(known[:4]) == stamp:
            self._used[path] = known
            return str(known[4]), None if known[5] is None else str(known[5])
        raw = source.read_bytes()
        found = hashlib.sha256(raw).hexdigest(), looks_like_a_key(path, raw)
        self._is_new = True
        if max(status.st_mtime_ns, status.st_ctime_ns) < time.time_ns() - SETTLED_NS:
            self._used[path] = [*stamp, *found]
        return found

    def save(self) -> None:
        """Keep what is known of the files that were asked for; a cache that cannot be written is done without."""
        if not self._is_new and len(self._used) == len(self._known):
            return
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            content = {"format": FORMAT, "files": self._used}
            files.write(str(self._path), json.dumps(content).encode())
        except OSError:
            return


def _read(path: Path) -> dict[str, list[object]]:
    try:
        content = json.loads(path.read_bytes())
    except (OSError, ValueError):
        return {}
    known = content.get("files") if isinstance(content, dict) else None
    if not isinstance(known, dict) or content.get("format") != FORMAT:
        return {}
    return {
        str(name): each
        for name, each in known.items()
        if isinstance(each, list) and len(each) == 6 and isinstance(each[4], str)
    }
