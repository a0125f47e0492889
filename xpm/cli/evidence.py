"""What the records here know of one job and of what it depends on: gathered, not judged."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

from xpm._failures import last_lines, last_log
from xpm.connectors.base import JobRef
from xpm.errors import UsageProblem
from xpm.follow.journal import Place
from xpm.follow.main import MainFolder
from xpm.follow.views import ExperimentView, JobView
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


def gather(main: MainFolder, seen: Sequence[ExperimentView], job: JobView) -> Case:
    """The case of a job."""
    jobs = {each.ref: each for view in seen for each in view.jobs}
    view = next((each for each in seen if job.id in {one.id for one in each.jobs}), None)
    noted = _noted(main, job.ref)
    claims, ends = _attempts(str(main.job_folder(job.ref)))
    log = last_log(Path(job.path)) if job.settled or job.connector == "local" else None
    return Case(
        job=job,
        noted=noted,
        parents=[jobs[ref] for ref in _parents(noted) if ref in jobs],
        holders=list(_holders(main, jobs.values(), job, noted)),
        claims=claims,
        ends=ends,
        asked=frozenset(
            line.attempt
            for record in main.experiments()
            for line in record.lines()
            if line.job == job.id and line.task == job.task
        ),
        place=view.places.get(job.connector) if view else None,
        is_unsent=main.outbox.holds(job.connector, job.id),
        done=list(_done(main, list(jobs.values()), job)),
        log=log,
        lines=last_lines(log) if log else (),
    )


def _noted(main: MainFolder, ref: JobRef) -> Record:
    return main.job(ref) or {}


def _parents(noted: Record) -> list[JobRef]:
    pairs = cast("Sequence[Sequence[str]]", noted.get("parents") or ())
    return [JobRef(task, job) for task, job in pairs]


def _attempts(folder: str) -> tuple[Mapping[int, Record], Mapping[int, Record]]:
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


def _holders(
    main: MainFolder, jobs: Iterable[JobView], job: JobView, noted: Record
) -> Iterator[Holder]:
    wanted = {str(name) for name, _, _ in noted.get("tokens") or ()}
    for each in jobs if wanted else ():
        if each.ref == job.ref or each.connector != job.connector or each.state not in HOLDING:
            continue
        for name, count, _ in _noted(main, each.ref).get("tokens") or ():
            if name in wanted:
                yield Holder(each, str(name), int(count))


def _done(
    main: MainFolder, jobs: Sequence[JobView], job: JobView
) -> Iterator[tuple[JobView, Record]]:
    alike = [
        each
        for each in jobs
        if each.task == job.task and each.id != job.id and each.state == "done"
    ]
    for each in alike[-ALIKE:]:
        noted = _noted(main, each.ref)
        if noted:
            yield each, noted


def only(seen: Sequence[ExperimentView], job: JobView) -> JobView:
    """The same job, as it is seen now."""
    for view in seen:
        for each in view.jobs:
            if each.ref == job.ref:
                return each
    raise UsageProblem(f"job {job.id[:12]} is not known any more", hint="`xpm status` lists all")
