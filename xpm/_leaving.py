"""What is still done for the jobs when a plan ends before them."""

import contextlib
from collections.abc import Callable, Sequence

from xpm._deciding import Deciding
from xpm._jobs import Job
from xpm.connectors.specs import LocalSpec
from xpm.errors import XpmError
from xpm.follow import hours
from xpm.follow.events import LinkDown
from xpm.follow.journal import Known
from xpm.follow.records import ExperimentRecord
from xpm.follow.session import Session
from xpm.follow.views import OVER
from xpm.wire import disks

Note = Callable[[str], None]


def safe(experiment: str, alive: Sequence[Job]) -> str:
    """That these jobs need this machine no more, in words; empty when they run on it, or all are over there."""
    alive = [job for job in alive if job.state not in OVER]
    places = sorted({job.spec.name for job in alive})
    if not places or any(isinstance(job.spec, LocalSpec) for job in alive):
        return ""
    most = hours.in_words(hours.total(job.request for job in alive))
    cost = f", for at most {most}" if most else ""
    return (
        f"{are_safe(len(alive))} on {' and '.join(places)}{cost}. You can close the laptop now;"
        f" come back with `xpm status {experiment}`"
    )


def are_safe(count: int) -> str:
    """``1 job is safe``, ``2 jobs are safe``."""
    return f"{count} job{' is' if count == 1 else 's are'} safe"


def tell_reused(deciding: Deciding, note: Note) -> None:
    """Say that nothing had to be run, if that is so."""
    count = len(deciding.jobs)
    if count and len(deciding.reused) == count:
        jobs = "the only job was" if count == 1 else f"all {count} jobs were"
        note(f"{jobs} done before: nothing had to be run")


def end_reused(session: Session, deciding: Deciding, outcome: str, note: Note) -> None:
    """What is done at the end for jobs that were done before."""
    note_reused(session, deciding)
    if outcome == "done":
        tell_reused(deciding, note)


def note_reused(session: Session, deciding: Deciding) -> None:
    """Have the journal know of the jobs that ended while nobody looked, and were found done."""
    if not deciding.reused:
        return
    import sqlite3

    # a plan that is done is done, whatever is wrong with the journal: the next look tells
    with contextlib.suppress(OSError, XpmError, sqlite3.Error):
        known = session.journal.jobs()
        late = [
            (job.ref.task, job.ref.job, job.attempt, job.line.connector)
            for job in deciding.reused
            if job.line is not None and not _is_noted(known.get(job.ref), job.attempt)
        ]
        if late:
            session.journal.reconcile(late)


def _is_noted(known: Known | None, attempt: int) -> bool:
    return known is not None and known.arrived and known.attempt >= attempt


def send_rest(session: Session, note: Note) -> None:
    """Send what is submitted, if that is quick: it goes on even if the plan cannot."""
    session.hurry()
    until = session.world.clock() + session.patience_s()
    try:
        while session.is_sending:
            left = until - session.world.clock()
            event = session.next(left) if left > 0 else None
            if event is None or isinstance(event, LinkDown):
                break
    except XpmError as problem:
        note(str(problem))
    if not session.all_sent:
        note("some jobs are not sent yet: run the plan again")


def close_record(record: ExperimentRecord, run: str, now: float, outcome: str, note: Note) -> None:
    """Note how this run ended, if the disk takes it."""
    try:
        record.close()
        record.end(run, now, outcome)
    except OSError as error:
        if not disks.heals(error):
            raise
        note(f"how this run ended could not be noted: {disks.words(error)}")
