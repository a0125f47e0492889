"""Writing in the main folder, while its disk may be full or away."""

import time
from collections.abc import Callable

from xpm.errors import DiskProblem
from xpm.follow.observer import Observer
from xpm.follow.session import Session
from xpm.follow.waiting import HERE, Waiting
from xpm.wire import disks


class Patience:
    """Writes again and again until the disk takes it, and shows meanwhile what is waited for."""

    def __init__(self, session: Session, observer: Observer) -> None:
        self._session = session
        self._observer = observer

    def write(self, write: Callable[[], None]) -> None:
        """Write something here; it may be repeated."""
        world, failures, since = self._session.world, 0, 0.0
        while True:
            try:
                write()
                break
            except OSError as error:
                if not disks.heals(error):
                    raise
                words = disks.words(error, str(self._session.main.path))
                problem = DiskProblem(words, on=HERE, hint=disks.hint(error))
            failures += 1
            pause_s, now = world.patience(failures), world.clock()
            since = since or now
            waiting = Waiting("this machine", problem, since, now, now + pause_s)
            self._observer.waiting([*self._session.waiting.values(), waiting])
            time.sleep(pause_s)
        if failures:
            self._observer.waiting(list(self._session.waiting.values()))
