"""What was done to whom: which job may have lost how many runs to the faults."""

import threading
from collections import Counter
from collections.abc import Iterable


class Toll:
    """Counts faults by sort, and by the jobs that may have lost a run to them. Any thread may tell it."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self.sorts: Counter[str] = Counter()
        self.odd: list[str] = []
        self.story: list[str] = []
        self._victims: Counter[str] = Counter()

    def count(self, sort: str) -> None:
        """A fault has happened."""
        with self._lock:
            self.sorts[sort] += 1

    def cost(self, jobs: Iterable[str]) -> None:
        """Each of these jobs may have lost a run, or an attempt, to it."""
        with self._lock:
            self._victims.update(set(jobs))

    def log(self, words: str) -> None:
        """When what was done."""
        with self._lock:
            self.story.append(words)

    def note(self, words: str) -> None:
        """Something of the soak itself did not go as it was meant."""
        with self._lock:
            self.odd.append(words)

    def of(self, job: str) -> int:
        """How many runs or attempts of a job faults may have ended."""
        return self._victims[job]
