"""A folder that only grows, read again and again: each name is told once."""

import os
import time
from typing import List, Set

from xpm.wire import files

_GRAIN_S = 0.05
"""Two changes closer than this may leave the same mtime on a folder (a kernel's tick is 1 to 10 ms)."""


class Names:
    """The names in one folder, new ones first told when they are seen.

    An unchanged folder costs one stat: its mtime moves whenever a name appears. With ``fresh`` the listing is made
    whatever the mtime says, as NFS clients cache both.
    """

    def __init__(self, folder: str) -> None:
        self.folder = folder
        self.seen: Set[str] = set()
        self._mtime = -1
        self._settled = False

    def new(self, fresh: bool = False) -> List[str]:
        """The names not told before, sorted."""
        try:
            mtime = os.stat(self.folder).st_mtime_ns
        except FileNotFoundError:
            return []
        if mtime == self._mtime and self._settled and not fresh:
            return []
        self._mtime = mtime
        self._settled = abs(time.time() - mtime / 1e9) > _GRAIN_S
        found = [name for name in files.listing(self.folder, fresh=fresh) if name not in self.seen]
        self.seen.update(found)
        return found

    def forget(self, name: str) -> None:
        """Tell this name again, the next time."""
        self.seen.discard(name)
        self._settled = False
