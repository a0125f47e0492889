"""What a person or a program sees of experiments and jobs."""

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path

from xpm.connectors.jobs import Change, JobRef
from xpm.errors import UsageProblem
from xpm.follow import leaving
from xpm.follow.conditions import ALL, Condition
from xpm.follow.journal import Journal, Known, Place
from xpm.follow.leaving import Stays
from xpm.follow.looking import OVER as OVER
from xpm.follow.looking import Look, Row
from xpm.follow.main import LocalEnd, MainFolder
from xpm.follow.records import Line, Run, is_going
from xpm.follow.standing import Standing
from xpm.sync.staying import Left

SCHEMA = 1
NOTHING_LEFT = Left()


@dataclass(frozen=True, slots=True)
class JobView:
    """One job of an experiment, as last known."""

    id: str
    task: str
    state: str
    cause: str | None
    attempt: int
    generation: int
    batch_id: str | None
    launcher: str
    connector: str
    tags: Mapping[str, object]
    path: str
    seen_at: datetime
    reason: str
    message: str
    settled: bool
    """Over, with its files here: there is no more to ask."""
    left: Left = NOTHING_LEFT
    """How much of it a rule keeps on the far side."""
    standing: Standing | None = None
    """About where it stands in the queue."""

    @property
    def ref(self) -> JobRef:
        """What names its folder."""
        return JobRef(self.task, self.id)


@dataclass(frozen=True, slots=True)
class ExperimentView:
    """One experiment, as last known."""

    id: str
    main: Path
    state: str
    jobs: Sequence[JobView]
    parents: Mapping[str, Sequence[str]]
    """The jobs each job depends on."""
    run: Run | None
    places: Mapping[str, Place]

    @property
    def counts(self) -> Counter[str]:
        """How many jobs are in each state."""
        return Counter(job.state for job in self.jobs)

    @property
    def oldest(self) -> datetime | None:
        """When the jobs that are not over were all seen since; None when all are over."""
        return min((job.seen_at for job in self.jobs if job.state not in OVER), default=None)

    @property
    def awaited(self) -> frozenset[str]:
        """The connectors that have more to tell or to bring."""
        return frozenset(job.connector for job in self.jobs if not job.settled)


@dataclass(frozen=True, slots=True)
class Summary:
    """One experiment in numbers, as last known; of its jobs those that matter."""

    id: str
    state: str
    counts: Counter[str]
    """How many jobs are in each state."""
    oldest: datetime | None
    """When the jobs that are not over were all seen since; None when all are over."""
    awaited: frozenset[str]
    """The connectors that have more to tell or to bring."""
    jobs: Sequence[JobView]
    places: Mapping[str, Place]
    stays: Sequence[Stays] = ()
    """What rules keep on the far side, by connector."""


def experiments(main: MainFolder, journal: Journal | None = None) -> Sequence[ExperimentView]:
    """All experiments of a main folder."""
    ours = journal or Journal(main)
    try:
        look = Look(main, ours)
        return [experiment(look, each.id) for each in main.experiments()]
    finally:
        if journal is None:
            ours.close()


def experiment(look: Look, name: str) -> ExperimentView:
    """One experiment, with all its jobs."""
    rows = list(look.rows(name))
    jobs = [seen(look, row) for row in rows]
    run = look.run(name)
    parents = {row.id: [ref.job for ref in row.parents] for row in rows}
    state = experiment_state({job.state for job in jobs}, run)
    return ExperimentView(name, look.main.path, state, jobs, parents, run, look.places)


def summary(
    look: Look, name: str, order: Sequence[str], most: int, condition: Condition = ALL
) -> Summary:
    """One experiment in numbers, with so many jobs at most: those in states that come first in the order.

    With a condition it is of the jobs that fulfil it, and says nothing of what stays on the far side.
    """
    tallies = look.tallies(name, condition)
    states = {each.state for each in (tallies if condition == ALL else look.tallies(name))}
    counts: Counter[str] = Counter()
    for each in tallies:
        counts[each.state] += each.jobs
    jobs = [seen(look, row) for row in look.pressing(name, order, most, condition)]
    alive = [each.seen_at for each in tallies if each.state not in OVER]
    return Summary(
        name, experiment_state(states, look.run(name)), counts,
        datetime.fromtimestamp(min(alive), UTC) if alive else None,
        frozenset(each.connector for each in tallies if not each.settled), jobs, look.places,
        look.stays(name) if condition == ALL else (),
    )  # fmt: skip


def chosen(look: Look, name: str, rows: Sequence[Row], picked: Sequence[Row]) -> Summary:
    """Some jobs of an experiment in numbers; those picked of them as they are."""
    states = {each.state for each in look.tallies(name)}
    alive = [row.seen_at for row in rows if row.state not in OVER]
    return Summary(
        name, experiment_state(states, look.run(name)), Counter(row.state for row in rows),
        datetime.fromtimestamp(min(alive), UTC) if alive else None,
        frozenset(row.connector for row in rows if not row.settled),
        [seen(look, row) for row in picked], look.places,
        leaving.added([(row.connector, row.id, look.left[row.ref]) for row in rows if row.ref in look.left])
        if look.left else (),
    )  # fmt: skip


def seen(look: Look, row: Row) -> JobView:
    """One job."""
    return JobView(
        id=row.id,
        task=row.task,
        state=row.state,
        cause=row.cause,
        attempt=row.attempt,
        generation=row.generation,
        batch_id=row.batch_id,
        launcher=row.launcher,
        connector=row.connector,
        tags=row.tags,
        path=f"{look.main.path}/jobs/{row.task}/{row.id}",
        seen_at=datetime.fromtimestamp(row.seen_at, UTC),
        reason=look.reason(row),
        message=row.message,
        settled=bool(row.settled),
        left=look.left.get(row.ref, NOTHING_LEFT) if look.left else NOTHING_LEFT,
        standing=look.standing(row),
    )


def find_job(look: Look, prefix: str) -> JobView:
    """The one job whose id begins like this; ``task/prefix`` narrows it down.

    Raises:
        UsageProblem: none does, or several do.
    """
    task, _, start = prefix.strip("/").rpartition("/")
    found = look.beginning(start.lower(), task) if start else []
    if len(found) == 1:
        return seen(look, found[0])
    if not found:
        raise UsageProblem(
            f"no job begins with {prefix!r}", on=str(look.main.path),
            hint=f"{prefix} is an experiment: `xpm status {prefix}` lists its jobs"
            if any(each.id == prefix for each in look.main.experiments())
            else "`xpm status` lists all jobs",
        )  # fmt: skip
    names = ", ".join(f"{row.task}/{row.id[:12]}" for row in found[:5])
    raise UsageProblem(
        f"{prefix!r} names {len(found)} jobs",
        on=str(look.main.path),
        cause=names,
        hint="give more digits of its id",
    )


def as_json(view: ExperimentView) -> dict[str, object]:
    """The stable contract of ``xpm status --json``."""
    return {
        "schema": SCHEMA,
        "experiment": view.id,
        "state": view.state,
        "jobs": [
            {
                "id": job.id,
                "task": job.task,
                "state": job.state,
                "cause": job.cause,
                "attempt": job.attempt,
                "generation": job.generation,
                "batch_id": job.batch_id,
                "launcher": job.launcher,
                "connector": job.connector,
                "tags": dict(job.tags),
                "path": job.path,
                "seen_at": job.seen_at.isoformat(),
                "reason": job.reason,
                "queue": None if job.standing is None else asdict(job.standing),
                "message": job.message,
                "stayed": {"files": job.left.files, "bytes": job.left.bytes},
            }
            for job in view.jobs
        ],
    }


def job_view(
    line: Line, folder: Path, known: Known | Change | LocalEnd, seen_at: float, settled: bool
) -> JobView:
    """One job from its submission and what is known of it."""
    return JobView(
        id=line.job,
        task=line.task,
        state=known.state,
        cause=known.cause,
        attempt=known.attempt or line.attempt,
        generation=known.generation,
        batch_id=known.batch_id,
        launcher=line.launcher,
        connector=line.connector,
        tags=line.tags,
        path=str(folder),
        seen_at=datetime.fromtimestamp(seen_at, UTC),
        reason=known.reason if isinstance(known, Known | Change) else "",
        message=known.message,
        settled=settled and known.state in OVER,
    )


def experiment_state(states: Collection[str], run: Run | None) -> str:
    """One word for all."""
    states = frozenset(states)
    if states - OVER:
        return "running"
    going = run is not None and is_going(run)
    if states & {"failed", "lost"}:
        return "failed"
    if "cancelled" in states:
        return "cancelled"
    if "skipped" in states:
        return "failed"
    if going:
        return "running"
    return "failed" if run is not None and run.outcome == "error" else "done"


def sent(ref: JobRef, attempt: int, at: float) -> Change:
    """What is known of a job that was accepted there, before anything was heard of it."""
    return Change(ref, "waiting", None, attempt, 0, None, "sent; no news yet", "", at)
