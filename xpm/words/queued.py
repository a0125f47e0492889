"""What is said of a run when all that is left of it waits."""

import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime

from xpm.follow.looking import OVER
from xpm.follow.views import JobView
from xpm.words import starts

WAITING = frozenset({"waiting", "ready", "submitted", "pending"})


class Queued:
    """The jobs that are not over, and when those that wait are expected to start."""

    def __init__(self, clock: Callable[[], float] = time.time) -> None:
        self._clock = clock
        self._waiting: dict[tuple[str, str], datetime | None] = {}
        self._others: set[tuple[str, str]] = set()

    def put(self, jobs: Sequence[JobView]) -> None:
        """Note how these jobs are now."""
        for job in jobs:
            key = job.task, job.id
            self._waiting.pop(key, None)
            self._others.discard(key)
            if job.state in WAITING:
                self._waiting[key] = starts.parted(job.reason)[1]
            elif job.state not in OVER:
                self._others.add(key)

    def reason(self, said: str) -> str:
        """Why a job waits, without the time, which may change often."""
        return starts.parted(said)[0]

    def first(self) -> str:
        """When the first of them is expected to start; "" when that is not known, or something runs."""
        now = datetime.fromtimestamp(self._clock(), UTC)
        known = [each for each in self._waiting.values() if each is not None and each >= now]
        if self._others or not known:
            return ""
        it = "it" if len(self._waiting) == 1 else "the first"
        return f"{it} is expected to start {starts.about(min(known), now)}"
