"""What the records here know of one job and of what it depends on: gathered, not judged."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

from xpm._failures import last_lines, last_log
from xpm.connectors.jobs import JobRef, Stayed
from xpm.follow import views
from xpm.follow.journal import Place
from xpm.follow.looking import Look
from xpm.follow.main import MainFolder
from xpm.follow.views import JobView
from xpm.sync import staying
from xpm.wire import ledger

HOLDING = frozenset({"submitted", "pending", "running", "unknown"})
"""The states in which a job holds its tokens."""
ALIKE = 200
"""With so many jobs of its task a job is compared at most, the latest first."""

Record = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Holder:
    """A job that holds units of a token."""

    job: JobView
    token: str
    count: int


@dataclass(frozen=True, slots=True)
class Case:
    """One job, and all that may explain it."""

    job: JobView
    noted: Record
    """What was submitted last; {} when there is no record."""
    parents: Sequence[JobView]
    holders: Sequence[Holder]
    claims: Mapping[int, Record]
    """The last claim of each attempt."""
    ends: Mapping[int, Record]
    """The final entry of each attempt."""
    asked: frozenset[int]
    """The attempts that a run of a plan, or ``xpm retry``, asked for; others are the retry table's."""
    place: Place | None
    is_unsent: bool
    done: Sequence[tuple[JobView, Record]]
    """Done jobs of the same task, with what was submitted of them."""
    log: Path | None
    lines: Sequence[str]
    stayed: Sequence[Stayed] = ()
    """Files that rules keep on the far side."""


def gather(look: Look, job: JobView) -> Case:
    """The case of a job."""
    main = look.main
    noted = _noted(main, job.ref)
    claims, ends = attempts(str(main.job_folder(job.ref)))
    log = last_log(Path(job.path)) if job.settled or job.connector == "local" else None
    parents = map(look.job, _parents(noted))
    return Case(
        job=job,
        noted=noted,
        parents=[views.seen(look, row) for row in parents if row is not None],
        holders=list(_holders(look, job, noted)),
        claims=claims,
        ends=ends,
        asked=frozenset(line.attempt for _, line in look.lines(job.ref)),
        place=look.places.get(job.connector),
        is_unsent=main.outbox.holds(job.connector, job.id),
        done=list(_done(look, job)),
        log=log,
        lines=last_lines(log) if log else (),
        stayed=staying.noted(Path(job.path)),
    )


def attempts(folder: str) -> tuple[Mapping[int, Record], Mapping[int, Record]]:
    """The last claim of each attempt, and its final entry."""
    claims: dict[int, Record] = {}
    ends: dict[int, Record] = {}
    for slot in ledger.slots(folder):
        try:
            entry = ledger.entry(folder, slot.attempt, slot.slot)
        except ValueError:  # damaged by a power cut: it tells nothing
            continue
        if entry is not None:
            (ends if entry["kind"] in ledger.FINAL else claims)[slot.attempt] = entry
    return claims, ends


def _noted(main: MainFolder, ref: JobRef) -> Record:
    return main.job(ref) or {}


def _parents(noted: Record) -> list[JobRef]:
    pairs = cast("Sequence[Sequence[str]]", noted.get("parents") or ())
    return [JobRef(task, job) for task, job in pairs]


def _holders(look: Look, job: JobView, noted: Record) -> Iterator[Holder]:
    wanted = {str(name) for name, *_ in noted.get("tokens") or ()}
    for row in look.on(job.connector, sorted(HOLDING)) if wanted else ():
        if row.ref == job.ref:
            continue
        for name, count, *_ in _noted(look.main, row.ref).get("tokens") or ():
            if name in wanted:
                yield Holder(views.seen(look, row), str(name), int(count))


def _done(look: Look, job: JobView) -> Iterator[tuple[JobView, Record]]:
    for row in look.alike(job.ref, ALIKE):
        noted = _noted(look.main, row.ref)
        if noted:
            yield views.seen(look, row), noted
