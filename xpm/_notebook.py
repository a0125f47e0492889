"""Experiments in notebooks: a table that is kept current wherever cells show it, every text escaped.

All cells that show an experiment show one page, known to the notebook by its id, so that each says what is so now. A
cell shows it when it submits, waits or ends with ``xp``. Between cells (see ``xpm._between``) it is kept current, but
no cell begins to show it.
"""

import importlib
import re
import sys
import time
import uuid
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from html import escape
from typing import Any

from xpm.follow.observer import PlainObserver, summary
from xpm.follow.progress import Pace, Word, said
from xpm.follow.standing import Standings, standings
from xpm.follow.views import OVER, JobView
from xpm.follow.waiting import Waiting
from xpm.words import standing, telling
from xpm.words.queued import Queued

MOST = 50
EVERY_S = 0.3
NOTES = 5
PAGE = re.compile(r"page: (http://127\.0\.0\.1:\d+/\?t=[\w-]+)")
"""What is said of our own page, the only thing that becomes a link; xpm/monitor/serving.py says it."""
CELL = 'style="text-align: left; padding: 0 1em 0 0"'
MUTED = 'style="opacity: 0.65"'
FIRST = (
    "failed", "lost", "unknown", "running", "pending", "submitted", "ready", "waiting",
    "cancelled", "skipped", "done",
)  # fmt: skip
PRESSING = {state: rank for rank, state in enumerate(FIRST)}
Paces = Mapping[str, tuple[Word, Pace]]
"""How far jobs are, by their folders."""
NO_PACES: Paces = {}


def kernel() -> Any:
    """The shell of the notebook this process serves; None elsewhere. Imports nothing by itself."""
    found = sys.modules.get("IPython")
    shell = found.get_ipython() if found is not None else None
    return shell if hasattr(shell, "kernel") else None


def what_again() -> str:
    """What a person runs again: the plan, or cells."""
    return "the plan" if kernel() is None else "the cell with `start()` and those below"


def experiment_html(
    name: str,
    main: str,
    jobs: Sequence[JobView],
    notes: Sequence[str] = (),
    paces: Paces = NO_PACES,
) -> str:
    """An experiment in numbers, and its jobs: those that went wrong, run, wait, are over."""
    counts = Counter(job.state for job in jobs)
    over = sum(count for state, count in counts.items() if state in OVER)
    bar = f'<progress value="{over}" max="{max(1, len(jobs))}"></progress>'
    head = (
        f"<b>{escape(name)}</b> {bar} {over}/{len(jobs)} · {escape(summary(counts) or 'no jobs')}"
    )
    seen = datetime.now().astimezone().strftime("%Y-%m-%d %H:%M:%S")
    rows = "".join(_row(job, paces.get(job.path)) for job in shown(jobs))
    more = f"<tr><td {CELL}>and {len(jobs) - MOST} more</td></tr>" if len(jobs) > MOST else ""
    table = f"<table>{_HEAD}{rows}{more}</table>" if rows else ""
    told = "".join(map(_note, notes))
    return f"<div>{head}<div {MUTED}>{escape(main)} · at {seen}</div>{table}{told}</div>"


def _note(text: str) -> str:
    found = PAGE.fullmatch(text)
    shows = escape(text)
    if found is not None:
        url = escape(found[1])
        shows = f'page: <a href="{url}" target="_blank" rel="noopener noreferrer">{url}</a>'
    font = "; font-family: monospace" if "\n" in text else ""  # a traceback points at columns
    return f'<div style="white-space: pre-wrap{font}">{shows}</div>'


def shown(jobs: Sequence[JobView]) -> list[JobView]:
    """The jobs that a table has: those that went wrong first, those that run, those that wait."""
    return sorted(jobs, key=lambda job: PRESSING.get(job.state, 0))[:MOST]


_HEAD = (
    "<tr>"
    + "".join(f"<th {CELL}>{word}</th>" for word in ("job", "task", "state", "tags", "where", ""))
    + "</tr>"
)


def _row(job: JobView, pace: tuple[Word, Pace] | None) -> str:
    tags = " ".join(f"{key}={value}" for key, value in job.tags.items())
    where = f"{job.connector} {job.batch_id or ''}"
    waits = standing.placed(job.reason, job.standing)
    remark = escape(job.message or waits if job.state != "done" else "")
    if job.state == "running" and pace is not None:
        remark = _progress(*pace)
    cells = [escape(each) for each in (job.id[:8], job.task, job.state, tags, where)]
    return "<tr>" + "".join(f"<td {CELL}>{cell}</td>" for cell in [*cells, remark]) + "</tr>"


def _progress(word: Word, pace: Pace) -> str:
    left = pace.left(1.0, time.time())
    parts = [
        f"{word.fraction:.0%}",
        word.description,
        "" if left is None else f"{telling.age(left)} left",
    ]
    text = escape(" · ".join(each for each in parts if each))
    return f'<progress value="{word.fraction:.3f}" max="1"></progress> {text}'


class NotebookObserver:
    """Keeps the page of an experiment current in the cells that submit, wait or show it."""

    def __init__(self, shell: Any, clock: Callable[[], float] = time.monotonic) -> None:
        self._shell = shell
        self._clock = clock
        self._id = uuid.uuid4().hex
        self._name = self._main = ""
        self._jobs: dict[str, JobView] = {}
        self._standings: Standings | None = None
        self._paces: dict[str, tuple[Word, Pace]] = {}
        self._notes: list[str] = []
        self._waits: list[str] = []
        self._cell = -1  # the one that showed it last
        self._at = 0.0
        self._is_stale = False
        self.is_between = False
        """Whether no cell is to begin to show it now."""

    def started(self, experiment: str, main: str) -> None:
        """Nothing to show yet."""
        self._name, self._main = experiment, main
        self._standings = standings(main)
        self._shell.events.register("post_run_cell", self._settle)

    def changed(self, jobs: Sequence[JobView], counts: Mapping[str, int]) -> None:
        """Show them, at most some times a second; what is over at once."""
        self._jobs.update((job.id, job) for job in jobs)
        is_over = all(job.state in OVER for job in self._jobs.values())
        self._is_stale = True
        if is_over or self._clock() - self._at >= EVERY_S:
            self._show()

    def note(self, text: str) -> None:
        """Show it below the table."""
        notes = [*self._notes, text]
        page = [each for each in notes[:-NOTES] if PAGE.fullmatch(each)]
        self._notes = page + notes[-NOTES:]
        self._show()

    def waiting(self, found: Sequence[Waiting]) -> None:
        """Show what is waited for, below the table."""
        self._waits = [each.line for each in found]
        self._show()

    def heard(self, at: Mapping[str, float]) -> None:
        """The page has no place for it."""

    def refresh(self) -> None:
        """Show what was not shown because it came too fast, and how far the jobs are that run; asked once a second."""
        is_news = self._standings is not None and self._standings.refresh()
        if self._is_stale:
            self._show()
        elif is_news or any(job.state == "running" for job in self._jobs.values()):
            self._show(may_begin=False)

    def ended(self, counts: Mapping[str, int]) -> None:
        """Show how it ended, where it is shown."""
        self._shell.events.unregister("post_run_cell", self._settle)
        self._notes = [each for each in self._notes if not PAGE.fullmatch(each)]  # it is closed
        self._show(may_begin=False)

    def show_here(self) -> None:
        """Have this cell show it."""
        self._show()

    def _settle(self, result: object = None) -> None:
        """At the end of a cell: show what was not shown because it came too fast."""
        if self._is_stale:
            self._show()

    def _page(self) -> Mapping[str, str]:
        jobs = list(self._jobs.values())
        if self._standings is not None:
            jobs = [replace(job, standing=self._standings.of(job)) for job in jobs]
        for job in shown(jobs):
            word = said(job.path) if job.state == "running" else None
            if word is not None:
                _, pace = self._paces.setdefault(job.path, (word, Pace()))
                pace.seen(word.at, word.fraction)
                self._paces[job.path] = word, pace
        notes = [*self._notes, *self._waits]
        page = experiment_html(self._name, self._main, jobs, notes, self._paces)
        counts = summary(Counter(job.state for job in jobs)) or "no jobs"
        return {"text/html": page, "text/plain": "\n".join([f"{self._name}: {counts}", *notes])}

    def _show(self, may_begin: bool = True) -> None:
        cell = int(self._shell.execution_count)
        begins = may_begin and not self.is_between and cell != self._cell
        if not begins and self._cell < 0:
            return
        self._at, self._is_stale = self._clock(), False
        _display().display(self._page(), raw=True, display_id=self._id, update=not begins)
        if begins:
            self._cell = cell


def _display() -> Any:
    """IPython's own, which is there: it runs the cell."""
    return importlib.import_module("IPython.display")


def observer() -> "NotebookObserver | PlainObserver":
    """Who shows an experiment that nobody has chosen an observer for."""
    shell = kernel()
    return PlainObserver(queue=Queued()) if shell is None else NotebookObserver(shell)


class Interrupted(KeyboardInterrupt):
    """A person stopped a cell that waits; a notebook shows words for it, not lines of ours."""

    def __init__(self, experiment: str, again: str) -> None:
        super().__init__(experiment)
        self._experiment = experiment
        self._again = again

    def _render_traceback_(self) -> list[str]:
        return [
            f"interrupted: the jobs of {self._experiment} go on; {self._again} follows them again,"
            f" `xpm cancel {self._experiment}` ends them"
        ]
