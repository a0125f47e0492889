"""``xpm status --watch FILTER``: the jobs that pass, as they come and go."""

import time
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Protocol

from xpm.cli import live, sessions
from xpm.connectors.base import JobRef
from xpm.errors import ProfileProblem
from xpm.follow import choosing, filters, views
from xpm.follow.lasting import lasting
from xpm.follow.looking import Look, Row
from xpm.follow.observer import Observer
from xpm.follow.records import is_going
from xpm.follow.session import Session
from xpm.follow.views import JobView

NONE = "no job passes now"


class Shows(Observer, Protocol):
    """An observer that can be told that jobs are not to be shown any more."""

    def gone(self, jobs: Sequence[JobView]) -> None:
        """Show these no more."""


def watch(session: Session, text: str, observer: Shows | None = None) -> None:
    """Show the jobs that pass a filter until no job can come to pass any more, or cease to.

    Raises:
        UsageProblem: the filter cannot be read, or names a tag that no job has.
    """
    wanted = choosing.parsed(session.look(), text)
    widest = lasting(wanted)
    observer = observer or live.observer()
    observer.started(text, str(session.main.path))
    shown: dict[JobRef, JobView] = {}
    is_said = False
    unknown: set[str] = set()
    try:
        while True:
            look = session.look()
            rows = _each_once(choosing.all_passing(look, widest))
            passing = [row for row in rows if filters.passes(wanted, row, row.experiment)]
            jobs = {row.ref: views.seen(look, row) for row in passing}
            observer.gone([job for ref, job in shown.items() if ref not in jobs])
            shown = jobs
            observer.changed(list(jobs.values()), Counter(row.state for row in passing))
            if not jobs and not is_said:
                observer.note(NONE)
            is_said = not jobs
            alive = [views.seen(look, row) for row in rows if not row.settled]
            for name, problem in _unknown(session, alive).items():
                if name not in unknown:
                    observer.note(f"{name} could not be asked: {problem}")
                unknown.add(name)
            alive = [job for job in alive if job.connector not in unknown]
            if not sessions.look(session, alive, observer):
                if not _has_more(look):
                    return
                time.sleep(sessions.GLANCE_S)
    finally:
        observer.ended(Counter(job.state for job in shown.values()))


def _unknown(session: Session, jobs: Sequence[JobView]) -> Mapping[str, ProfileProblem]:
    """The connectors of these jobs that the profile does not have any more: no job elsewhere is to suffer for that."""
    found: dict[str, ProfileProblem] = {}
    for name in {job.connector for job in jobs}:
        try:
            session.spec(name)
        except ProfileProblem as problem:
            found[name] = problem
    return found


def _each_once(rows: Sequence[Row]) -> Sequence[Row]:
    """Jobs that several experiments have, as the latest of them does."""
    found: dict[JobRef, Row] = {}
    for row in rows:
        found.setdefault(row.ref, row)
    return list(found.values())


def _has_more(look: Look) -> bool:
    """Whether the process of a plan may yet submit jobs."""
    runs = map(look.run, look.experiments())
    return any(run is not None and is_going(run) for run in runs)
