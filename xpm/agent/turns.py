"""Taking turns, to save work: a lock that may be lost, stolen or ignored without harm.

One at a time does the work; who comes meanwhile leaves the mark ``again`` and goes. The holder looks for the mark
before it unlocks and once more after, so no news is left behind: news, mark, look is the order on one side,
unlock, look on the other.
"""

import os
from typing import Callable

from xpm.agent import processes, reading
from xpm.wire import files

STALE_S = 60.0
"""No turn takes longer; a holder that cannot be asked is thought dead after this."""


class Turn(object):
    """One folder to lock, one process that wants its turn."""

    def __init__(self, folder: str, clock: Callable[[], float]) -> None:
        self._lock = folder
        self._again = folder + ".again"
        self._clock = clock

    def begin(self) -> bool:
        """Whether it is our turn; if not, the holder has been told to look again."""
        if self._try():
            return True
        files.write(self._again, b"")
        if self._try():  # the holder may have looked for the mark just before
            return True
        if not self._holder_is_dead():
            return False
        _remove(self._lock)
        return self._try()

    def end(self) -> bool:
        """Give the turn back; whether somebody has asked to look again."""
        asked = self._take_mark()
        _remove(self._lock)
        return asked or self._take_mark()

    def _try(self) -> bool:
        try:
            os.mkdir(self._lock)
        except FileExistsError:
            return False
        owner = dict(processes.identity(), at=self._clock())
        files.write(os.path.join(self._lock, "owner.json"), files.dump(owner))
        return True

    def _holder_is_dead(self) -> bool:
        owner = reading.load(os.path.join(self._lock, "owner.json"))
        if owner:
            alive = processes.is_alive(owner)
            return self._clock() - float(owner["at"]) > STALE_S if alive is None else not alive
        try:
            return self._clock() - os.stat(self._lock).st_mtime > STALE_S
        except FileNotFoundError:
            return True

    def _take_mark(self) -> bool:
        try:
            os.unlink(self._again)
        except FileNotFoundError:
            return False
        return True


def _remove(folder: str) -> None:
    """Remove a lock; somebody may do the same at the same time."""
    for name in files.listing(folder):
        _quietly(os.unlink, os.path.join(folder, name))
    _quietly(os.rmdir, folder)


def _quietly(function: Callable[[str], None], path: str) -> None:
    try:
        function(path)
    except OSError:  # gone already, or filled again: the lock only saves work
        pass
