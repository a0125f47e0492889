"""A plan as it fills: one bar per kind of task on a terminal, plain lines elsewhere."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING

from xpm.cli import prompting, render, telling
from xpm.follow.observer import Observer, PlainObserver, WaitingNews, reasons
from xpm.follow.views import OVER, JobView
from xpm.follow.waiting import Waiting

if TYPE_CHECKING:
    from rich.console import RenderableType
    from rich.progress import Progress, TaskID

MARKS = {"done": "✓", "failed": "✗", "lost": "✗", "cancelled": "-", "skipped": "-"}


def observer() -> Observer:
    """Who shows a run: bars where stderr is a terminal, lines elsewhere."""
    return LiveObserver() if render.is_terminal(sys.stderr) else PlainObserver()


class Tally:
    """The last known state of every job, by task."""

    def __init__(self) -> None:
        self._states: dict[str, dict[str, str]] = {}

    def put(self, jobs: Sequence[JobView]) -> None:
        """Note the states of these jobs."""
        for job in jobs:
            self._states.setdefault(job.task, {})[job.id] = job.state

    def tasks(self) -> Mapping[str, Counter[str]]:
        """How many jobs of each task are in each state."""
        return {task: Counter(states.values()) for task, states in self._states.items()}


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
        self._reasons: set[str] = set()
        self._waits: Sequence[str] = ()
        self._waiting_news = WaitingNews()

    def started(self, experiment: str, main: str) -> None:
        """Begin to draw."""
        from rich.console import Console
        from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn
        from rich.text import Text

        class Bars(Progress):
            """The bars, and below them what is waited for."""

            def get_renderables(bars) -> Iterable[RenderableType]:
                yield bars.make_tasks_table(bars.tasks)
                yield from map(Text, self._waits)

        self._progress = progress = Bars(
            TextColumn("{task.description}"),
            BarColumn(bar_width=30),
            MofNCompleteColumn(),
            TextColumn("{task.fields[words]}"),
            console=Console(stderr=True, highlight=False),
            refresh_per_second=4,
        )
        progress.console.print(f"{experiment} · {main}", markup=False)
        progress.start()
        prompting.shown(progress)

    def changed(self, jobs: Sequence[JobView], counts: Mapping[str, int]) -> None:
        """Redraw the bars of these jobs' tasks."""
        for reason in reasons(jobs) - self._reasons:
            self._reasons.add(reason)
            self.note(f"pending: {reason}")
        self._tally.put(jobs)
        if self._progress is None:
            return
        for task, states in self._tally.tasks().items():
            if task not in self._bars:
                self._bars[task] = self._progress.add_task(task, total=None, words="")
            self._progress.update(
                self._bars[task],
                total=sum(states.values()),
                completed=over(states),
                words=words(states),
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

    def ended(self, counts: Mapping[str, int]) -> None:
        """Draw once more, then leave the terminal as it was."""
        if self._progress is not None:
            prompting.shown(None)
            self._progress.stop()
            self._progress = None
