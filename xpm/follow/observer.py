"""Who shows what happens while an experiment is followed."""

import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Protocol, TextIO

from xpm.follow.views import JobView
from xpm.follow.waiting import Waiting

ORDER = (
    "done", "running", "pending", "submitted", "ready", "waiting",
    "unknown", "lost", "failed", "cancelled", "skipped",
)  # fmt: skip


class Observer(Protocol):
    """Shows an experiment to a person. Called from the thread of the plan."""

    def started(self, experiment: str, main: str) -> None:
        """Somebody waits for an experiment now."""

    def changed(self, jobs: Sequence[JobView], counts: Mapping[str, int]) -> None:
        """These jobs have news; so many jobs are in each state."""

    def note(self, text: str) -> None:
        """Something to be read once."""

    def waiting(self, found: Sequence[Waiting]) -> None:
        """These connectors are waited for now, and tried again; none when all answer."""

    def heard(self, at: Mapping[str, float]) -> None:
        """When each connector last answered whole."""

    def ended(self, counts: Mapping[str, int]) -> None:
        """Nobody waits any more."""


class Queue(Protocol):
    """Knows the words for jobs that wait; see ``xpm.words.queued``."""

    def put(self, jobs: Sequence[JobView]) -> None:
        """Note how these jobs are now."""

    def reason(self, said: str) -> str:
        """Why a job waits, without the time, which may change often."""
        ...

    def first(self) -> str:
        """When the first of them is expected to start; "" when that is not known, or something runs."""
        ...


class PlainObserver:
    """Lines on a stream: the counts when they change, at most one a second, and notes."""

    def __init__(
        self,
        stream: TextIO | None = None,
        clock: Callable[[], float] = time.monotonic,
        queue: Queue | None = None,
    ) -> None:
        self._stream = stream or sys.stderr
        self._clock = clock
        self._queue = queue
        self._first = ""
        self._experiment = ""
        self._said = ""
        self._reasons: set[str] = set()
        self._news = WaitingNews()
        self._at = 0.0

    def started(self, experiment: str, main: str) -> None:
        """Nothing to say yet."""
        self._experiment = experiment
        self._at = self._clock()

    def changed(self, jobs: Sequence[JobView], counts: Mapping[str, int]) -> None:
        """Say the counts, now and then, and why jobs do not start."""
        if self._queue is not None:
            self._queue.put(jobs)
        for reason in reasons(jobs, self._queue) - self._reasons:
            self._reasons.add(reason)
            self._write(f"pending: {reason}")
        if self._clock() - self._at >= 1.0:
            self._say(counts)

    def gone(self, jobs: Sequence[JobView]) -> None:
        """These are not among those told of any more; the counts come with the next news."""
        if self._queue is not None:
            self._queue.put([replace(job, state="done") for job in jobs])

    def note(self, text: str) -> None:
        """Say it."""
        self._write(text)

    def waiting(self, found: Sequence[Waiting]) -> None:
        """Say it when it is news, and again now and then."""
        for text in self._news.of(found):
            self._write(text)

    def heard(self, at: Mapping[str, float]) -> None:
        """That is as it should be: nothing to say."""

    def ended(self, counts: Mapping[str, int]) -> None:
        """Say the last counts."""
        self._say(counts)

    def _say(self, counts: Mapping[str, int]) -> None:
        text = summary(counts)
        first = self._queue.first() if self._queue is not None else ""
        is_old = self._clock() - self._at >= WaitingNews.AGAIN_S
        is_moved = first != self._first and bool(first) and (is_old or not self._first)
        if text and (text != self._said or is_moved):
            self._said, self._first = text, first
            self._at = self._clock()
            self._write(f"{text}; {first}" if first else text)

    def _write(self, text: str) -> None:
        name = f"{self._experiment}: " if self._experiment else ""
        print(f"xpm: {name}{text}", file=self._stream, flush=True)


class WaitingNews:
    """Which of what is waited for has to be said: what is new, and the same again every ten minutes."""

    AGAIN_S = 600.0

    def __init__(self) -> None:
        self._said: dict[str, tuple[str, float]] = {}

    def of(self, found: Sequence[Waiting]) -> list[str]:
        """What to say, each with its hint."""
        told = []
        for each in found:
            what, at = self._said.get(each.connector, ("", 0.0))
            if each.what != what or each.tried_at - at >= self.AGAIN_S:
                self._said[each.connector] = each.what, each.tried_at
                told.append(each.text)
        for name in self._said.keys() - {each.connector for each in found}:
            del self._said[name]
        return told


def reasons(jobs: Sequence[JobView], queue: Queue | None = None) -> set[str]:
    """Why jobs that a batch system holds do not start, in its words."""
    said = {job.reason for job in jobs if job.state == "pending"}
    return {queue.reason(each) if queue else each for each in said} - {""}


def summary(counts: Mapping[str, int]) -> str:
    """How many jobs are in which state, in words."""
    return ", ".join(f"{counts[state]} {state}" for state in ORDER if counts.get(state))
