"""Who supervises a plain host: at most one process per workspace, told apart from a dead one by pid, start time and boot.

In ``.xpm/supervisor`` the file ``owner.<k>`` with the highest k counts: a process, or ``{"left": true}``. Only the next k
can be created, exclusively, and only behind an owner that left or is dead; so of all who want to be next one is. An older
file goes when its successor is there; who created a k that others have gone beyond sees that, and is not the owner.
"""

import os
import re
import time
from typing import Any, Dict, Optional, Tuple

from xpm.agent import processes, reading
from xpm.wire import files

_NAME = re.compile(r"^owner\.([1-9][0-9]*)$")


class Owner(object):
    """The ownership of one folder, as one process sees it."""

    def __init__(self, folder: str) -> None:
        self._folder = folder
        self._mine = 0
        self._content: Dict[str, Any] = {}
        self._read = 0

    def is_there(self) -> bool:
        """Whether some process owns it and lives."""
        number, content = self._last()
        return bool(number) and self._lives(number, content)

    def take(self) -> bool:
        """Become the owner; False when there is one."""
        number, content = self._last()
        if number and self._lives(number, content):
            return False
        files.make_one(self._folder)
        mine = number + 1
        if not files.create(self._path(mine), files.dump(processes.identity())):
            return False
        last, _ = self._last()
        if last != mine:
            _forget(self._path(mine))
            return False
        self._mine = mine
        self._tidy(mine)
        return True

    def keeps(self) -> bool:
        """Whether it is still ours; touches the file, which tells other machines that we live."""
        try:
            os.utime(self._path(self._mine), None)
        except FileNotFoundError:
            return False
        return self._last()[0] == self._mine

    def leave(self) -> None:
        """Give it up. Look for work once more after this: who came before it has relied on us."""
        if files.create(self._path(self._mine + 1), files.dump({"left": True})):
            self._tidy(self._mine + 1)
        self._mine = 0

    def _last(self) -> Tuple[int, Dict[str, Any]]:
        numbers = [int(m.group(1)) for m in map(_NAME.match, files.listing(self._folder)) if m]
        if not numbers:
            return 0, {}
        last = max(numbers)
        if last != self._read:
            self._content = reading.load(self._path(last)) or {}
            self._read = last
        return last, self._content

    def _lives(self, number: int, content: Dict[str, Any]) -> bool:
        if content.get("left") or not content:
            return False
        seen_at = self._seen_at(number)
        alive = processes.is_alive(content, seen_at)
        return alive if alive is not None else time.time() - seen_at < processes.SILENT_S

    def _seen_at(self, number: int) -> float:
        try:
            return os.stat(self._path(number)).st_mtime
        except FileNotFoundError:
            return time.time()

    def _tidy(self, last: int) -> None:
        for name in files.listing(self._folder):
            match = _NAME.match(name)
            if match and int(match.group(1)) < last:
                _forget(os.path.join(self._folder, name))

    def _path(self, number: int) -> str:
        return os.path.join(self._folder, "owner.%d" % number)


def wait_until_owned(owner: Owner, patience_s: float) -> Optional[float]:
    """Wait for somebody to own it; how long it took, None when nobody did in time."""
    begin = time.monotonic()
    while time.monotonic() - begin < patience_s:
        if owner.is_there():
            return time.monotonic() - begin
        time.sleep(0.01)
    return None


def _forget(path: str) -> None:
    try:
        os.unlink(path)
    except FileNotFoundError:
        pass
