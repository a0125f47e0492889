"""A plan as it fills: one bar per kind of task on a terminal, plain lines elsewhere."""

from __future__ import annotations

import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from xpm.cli import bars, cells, prompting, render
from xpm.cli.bars import Kind
from xpm.cli.cells import Line
from xpm.cli.gauges import Gauges, in_words
from xpm.follow.observer import PlainObserver, WaitingNews
from xpm.follow.progress import Pace
from xpm.follow.views import OVER, JobView
from xpm.follow.waiting import Waiting
from xpm.words.queued import Queued

if TYPE_CHECKING:
    from xpm.cli.foot import Foot


def observer() -> LiveObserver | PlainObserver:
    """Who shows a run: bars where stderr is a terminal, lines elsewhere."""
    return LiveObserver() if render.is_terminal(sys.stderr) else PlainObserver(queue=Queued())


class Tally:
    """The last known state of every job, by task; a change costs the same however many jobs there are."""

    def __init__(self, clock: Callable[[], float] = time.time) -> None:
        self._clock = clock
        self._states: dict[tuple[str, str], str] = {}
        self._tasks: dict[str, Counter[str]] = {}
        self._paces: dict[str, Pace] = {}

    def put(self, jobs: Sequence[JobView]) -> set[str]:
        """Note the states of these jobs; the tasks that have news."""
        changed: set[str] = set()
        for job in jobs:
            before = self._states.get((job.task, job.id))
            if before == job.state:
                continue
            self._states[job.task, job.id] = job.state
            counts = self._tasks.setdefault(job.task, Counter())
            counts[job.state] += 1
            if before is not None:
                counts[before] -= 1
            changed.add(job.task)
        for task in changed:
            self._paces.setdefault(task, Pace()).seen(self._clock(), over(self._tasks[task]))
        return changed

    def drop(self, jobs: Sequence[JobView]) -> None:
        """Forget these jobs."""
        for job in jobs:
            state = self._states.pop((job.task, job.id), None)
            if state is not None:
                self._tasks[job.task][state] -= 1
                if not self._tasks[job.task].total():
                    del self._tasks[job.task], self._paces[job.task]

    def tasks(self) -> Mapping[str, Counter[str]]:
        """How many jobs of each task are in each state."""
        return self._tasks

    def left(self, task: str) -> float | None:
        """Seconds until all jobs of a task are over, if they go on as they did."""
        return self._paces[task].left(self._tasks[task].total(), self._clock())


def over(states: Mapping[str, int]) -> int:
    """How many of these jobs are over."""
    return sum(count for state, count in states.items() if state in OVER)


class LiveObserver:
    """Bars on stderr, redrawn in place; notes scroll by above them."""

    def __init__(self) -> None:
        self._lock = threading.Lock()  # guards the tally: another thread draws
        self._tally = Tally()
        self._foot: Foot | None = None
        self._gauges = Gauges("")
        self._waits: Sequence[str] = ()
        self._waiting_news = WaitingNews()

    def started(self, experiment: str, main: str) -> None:
        """Begin to draw."""
        self._gauges = Gauges(main)
        render.note(f"{experiment} · {main}")
        from xpm.cli.foot import Foot  # with rich, for terminals alone

        self._foot = Foot(self._lines)
        self._foot.start()
        prompting.shown(self._foot)

    def changed(self, jobs: Sequence[JobView], counts: Mapping[str, int]) -> None:
        """Take in the states of these jobs; they are drawn in a moment."""
        with self._lock:
            self._tally.put(jobs)
        self._gauges.put(jobs)

    def gone(self, jobs: Sequence[JobView]) -> None:
        """Show these no more."""
        with self._lock:
            self._tally.drop(jobs)
        self._gauges.put([replace(job, state="done") for job in jobs])

    def note(self, text: str) -> None:
        """Say something above the bars."""
        if self._foot is None:
            render.note(text)
        else:
            self._foot.above(cells.harmless(text))

    def waiting(self, found: Sequence[Waiting]) -> None:
        """Say what is news above the bars; what is waited for now stays below them."""
        for text in self._waiting_news.of(found):
            self.note(text)
        self._waits = [each.line for each in found]
        self._gauges.lost({each.connector for each in found})

    def heard(self, at: Mapping[str, float]) -> None:
        """Show the age of what is known, below the bars."""
        self._gauges.heard(at)

    def ended(self, counts: Mapping[str, int]) -> None:
        """Draw once more, then leave the terminal as it was."""
        if self._foot is not None:
            prompting.shown(None)
            self._foot.stop()
            self._foot = None

    def _lines(self, columns: int, rows: int) -> Sequence[Line]:
        with self._lock:
            kinds = [
                Kind(task, dict(states), in_words(self._tally.left(task)))
                for task, states in self._tally.tasks().items()
            ]
        return bars.lines(kinds, [*self._gauges.lines(columns), *self._waits], columns, rows)
