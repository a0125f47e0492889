"""A plan as it fills: one bar per kind of task on a terminal, plain lines elsewhere."""

from __future__ import annotations

import sys
import time
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING

from xpm.cli import prompting, render
from xpm.cli.gauges import Gauges, in_words
from xpm.follow.observer import Observer, PlainObserver, WaitingNews
from xpm.follow.progress import Pace
from xpm.follow.views import OVER, JobView
from xpm.follow.waiting import Waiting
from xpm.words import telling

if TYPE_CHECKING:
    from rich.console import RenderableType
    from rich.progress import Progress, TaskID

MARKS = {"done": "✓", "failed": "✗", "lost": "✗", "cancelled": "-", "skipped": "-"}


def observer() -> Observer:
    """Who shows a run: bars where stderr is a terminal, lines elsewhere."""
    return LiveObserver() if render.is_terminal(sys.stderr) else PlainObserver()


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

    def tasks(self) -> Mapping[str, Counter[str]]:
        """How many jobs of each task are in each state."""
        return self._tasks

    def left(self, task: str) -> float | None:
        """Seconds until all jobs of a task are over, if they go on as they did."""
        return self._paces[task].left(self._tasks[task].total(), self._clock())


def over(states: Mapping[str, int]) -> int:
    """How many of these jobs are over."""
    return sum(count for state, count in states.items() if state in OVER)


def words(states: Mapping[str, int]) -> str:
    """``✓ 6  ✗ 1  2 running``."""
    parts = [
        f"{MARKS[state]} {states[state]}" if state in MARKS else f"{states[state]} {state}"
        for state in reversed(telling.ORDER)
        if states.get(state)
    ]
    return "  ".join(parts)


class LiveObserver:
    """Bars on stderr, redrawn in place; notes scroll by above them."""

    def __init__(self) -> None:
        self._tally = Tally()
        self._bars: dict[str, TaskID] = {}
        self._progress: Progress | None = None
        self._gauges = Gauges("")
        self._waits: Sequence[str] = ()
        self._waiting_news = WaitingNews()

    def started(self, experiment: str, main: str) -> None:
        """Begin to draw."""
        self._gauges = Gauges(main)
        from rich.console import Console
        from rich.progress import (
            BarColumn,
            MofNCompleteColumn,
            Progress,
            ProgressColumn,
            TextColumn,
        )
        from rich.progress import Task as RichTask
        from rich.text import Text

        class Left(ProgressColumn):
            """About how long a task will yet take."""

            def render(column, task: RichTask) -> Text:
                return Text(in_words(self._tally.left(task.description)))

        class Bars(Progress):
            """The bars, and below them what runs and what is waited for."""

            def get_renderables(bars) -> Iterable[RenderableType]:
                yield bars.make_tasks_table(bars.tasks)
                for line in (*self._gauges.lines(), *self._waits):
                    yield Text(line, no_wrap=True, overflow="ellipsis")

        self._progress = progress = Bars(
            TextColumn("{task.description}"),
            BarColumn(bar_width=30),
            MofNCompleteColumn(),
            TextColumn("{task.fields[words]}"),
            Left(),
            console=Console(stderr=True, highlight=False),
            refresh_per_second=4,
        )
        progress.console.print(f"{experiment} · {main}", markup=False)
        progress.start()
        prompting.shown(progress)

    def changed(self, jobs: Sequence[JobView], counts: Mapping[str, int]) -> None:
        """Redraw the bars of these jobs' tasks."""
        changed = self._tally.put(jobs)
        self._gauges.put(jobs)
        if self._progress is None:
            return
        for task in sorted(changed):
            states = self._tally.tasks()[task]
            if task not in self._bars:
                self._bars[task] = self._progress.add_task(task, total=None, words="")
            self._progress.update(
                self._bars[task], total=states.total(), completed=over(states), words=words(states)
            )

    def note(self, text: str) -> None:
        """Say something above the bars."""
        if self._progress is None:
            render.note(text)
        else:
            self._progress.console.print(text, markup=False)

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
        if self._progress is not None:
            prompting.shown(None)
            self._progress.stop()
            self._progress = None
