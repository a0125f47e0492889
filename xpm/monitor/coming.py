"""The files of a pull on their way here: told by the thread that pulls, read by the one that serves pages."""

import contextlib
import time
from collections.abc import Callable, Iterator

from xpm.follow.progress import Pace


class Coming:
    """Hears of bytes (xpm/connectors/base.py, ``Progress``) of one pull after the other."""

    def __init__(self, timer: Callable[[], float] = time.monotonic) -> None:
        self._timer = timer
        self._jobs = self._arrived = self._expected = self._files = 0
        self._pace = Pace()

    @contextlib.contextmanager
    def of(self, jobs: int) -> Iterator["Coming"]:
        """While the files of so many jobs are pulled."""
        self._arrived = self._expected = self._files = 0
        self._pace, self._jobs = Pace(), jobs
        try:
            yield self
        finally:
            self._jobs = 0

    def __call__(self, count: int) -> None:
        """So many bytes have arrived."""
        self._arrived += count
        self._pace.seen(self._timer(), self._arrived)

    def expect_files(self, count: int) -> None:
        """So many more files are to come."""
        self._files += count

    def expect(self, count: int) -> None:
        """So many more bytes are to come."""
        self._expected = self._arrived + count
        self._pace.seen(self._timer(), self._arrived)

    @property
    def told(self) -> dict[str, object] | None:
        """How far it is; None: nothing is pulled. Any thread may ask; what it is told may be a moment apart."""
        if not self._jobs:
            return None
        left = self._pace.left(self._expected, self._timer())
        return {
            "jobs": self._jobs,
            "arrived": self._arrived,
            "expected": max(self._arrived, self._expected),
            "files": self._files,
            "left_s": None if left is None else round(left),
        }
