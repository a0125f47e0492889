"""Experiments in notebooks: a table that is kept current in the cell that waits, every text escaped."""

import importlib
import sys
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from html import escape
from typing import Any

from xpm.follow.observer import ORDER, PlainObserver, summary
from xpm.follow.views import OVER, JobView
from xpm.follow.waiting import Waiting

MOST = 50
EVERY_S = 0.3
NOTES = 5
CELL = 'style="text-align: left; padding: 0 1em 0 0"'
PRESSING = {state: rank for rank, state in enumerate(reversed(ORDER))}


def kernel() -> Any:
    """The shell of the notebook this process serves; None elsewhere. Imports nothing by itself."""
    found = sys.modules.get("IPython")
    shell = found.get_ipython() if found is not None else None
    return shell if hasattr(shell, "kernel") else None


def experiment_html(
    name: str, main: str, jobs: Sequence[JobView], notes: Sequence[str] = ()
) -> str:
    """An experiment in numbers, and its jobs, those that went wrong first."""
    counts = Counter(job.state for job in jobs)
    over = sum(count for state, count in counts.items() if state in OVER)
    bar = f'<progress value="{over}" max="{max(1, len(jobs))}"></progress>'
    head = (
        f"<b>{escape(name)}</b> {bar} {over}/{len(jobs)} · {escape(summary(counts) or 'no jobs')}"
    )
    shown = sorted(jobs, key=lambda job: PRESSING.get(job.state, 0))[:MOST]
    rows = "".join(map(_row, shown))
    more = f"<tr><td {CELL}>and {len(jobs) - MOST} more</td></tr>" if len(jobs) > MOST else ""
    table = f"<table>{_HEAD}{rows}{more}</table>" if rows else ""
    said = "".join(f"<div>{escape(note)}</div>" for note in notes)
    return f'<div>{head}<div style="opacity: 0.65">{escape(main)}</div>{table}{said}</div>'


_HEAD = (
    "<tr>"
    + "".join(f"<th {CELL}>{word}</th>" for word in ("job", "task", "state", "tags", "where", ""))
    + "</tr>"
)


def _row(job: JobView) -> str:
    tags = " ".join(f"{key}={value}" for key, value in job.tags.items())
    where = f"{job.connector} {job.batch_id or ''}"
    remark = job.message or job.reason if job.state != "done" else ""
    cells = (job.id[:8], job.task, job.state, tags, where, remark)
    return "<tr>" + "".join(f"<td {CELL}>{escape(cell)}</td>" for cell in cells) + "</tr>"


class NotebookObserver:
    """Keeps a table current in the cell that submits or waits; another cell gets a table of its own."""

    def __init__(self, shell: Any, clock: Callable[[], float] = time.monotonic) -> None:
        self._shell = shell
        self._clock = clock
        self._name = self._main = ""
        self._jobs: dict[str, JobView] = {}
        self._notes: list[str] = []
        self._waits: list[str] = []
        self._handle: Any = None
        self._cell = -1
        self._at = 0.0

    def started(self, experiment: str, main: str) -> None:
        """Nothing to show yet."""
        self._name, self._main = experiment, main

    def changed(self, jobs: Sequence[JobView], counts: Mapping[str, int]) -> None:
        """Show them, at most some times a second; what is over at once."""
        self._jobs.update((job.id, job) for job in jobs)
        is_over = all(job.state in OVER for job in self._jobs.values())
        if is_over or self._clock() - self._at >= EVERY_S:
            self._show()

    def note(self, text: str) -> None:
        """Show it below the table."""
        self._notes = [*self._notes, text][-NOTES:]
        self._show()

    def waiting(self, found: Sequence[Waiting]) -> None:
        """Show what is waited for, below the table."""
        self._waits = [each.line for each in found]
        self._show()

    def heard(self, at: Mapping[str, float]) -> None:
        """The table has no place for it."""

    def ended(self, counts: Mapping[str, int]) -> None:
        """Show how it ended, where it was shown last."""
        if self._handle is not None:
            self._handle.update(self._page())

    def _page(self) -> Any:
        jobs = list(self._jobs.values())
        return _display().HTML(
            experiment_html(self._name, self._main, jobs, [*self._notes, *self._waits])
        )

    def _show(self) -> None:
        self._at = self._clock()
        page, cell = self._page(), int(self._shell.execution_count)
        if self._handle is None or cell != self._cell:
            self._cell = cell
            self._handle = _display().display(page, display_id=True)
        else:
            self._handle.update(page)


def _display() -> Any:
    """IPython's own, which is there: it runs the cell."""
    return importlib.import_module("IPython.display")


def observer() -> "NotebookObserver | PlainObserver":
    """Who shows an experiment that nobody has chosen an observer for."""
    shell = kernel()
    return PlainObserver() if shell is None else NotebookObserver(shell)
