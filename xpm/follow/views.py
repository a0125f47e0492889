"""What a person or a program sees of experiments and jobs."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

from xpm.connectors.base import Change, JobRef
from xpm.errors import UsageProblem
from xpm.follow.journal import Journal, Known, Place
from xpm.follow.main import LocalEnd, MainFolder
from xpm.follow.records import ExperimentRecord, Line, Run, is_going

OVER = frozenset({"done", "failed", "cancelled", "lost", "skipped"})
SCHEMA = 1


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


def experiments(main: MainFolder, journal: Journal | None = None) -> Sequence[ExperimentView]:
    """All experiments of a main folder."""
    ours = journal or Journal(main)
    try:
        known, places = ours.jobs(), ours.places()
        return [_experiment(main, record, known, places) for record in main.experiments()]
    finally:
        if journal is None:
            ours.close()


def find_job(seen: Sequence[ExperimentView], prefix: str) -> JobView:
    """The one job whose id begins like this; ``task/prefix`` narrows it down.

    Raises:
        UsageProblem: none does, or several do.
    """
    task, _, start = prefix.strip("/").rpartition("/")
    jobs = {job.ref: job for each in seen for job in each.jobs}
    found = [
        job
        for job in jobs.values()
        if start and job.id.startswith(start.lower()) and (not task or job.task == task)
    ]
    if len(found) == 1:
        return found[0]
    if not found:
        raise UsageProblem(f"no job begins with {prefix!r}", hint="`xpm status` lists all jobs")
    names = ", ".join(f"{job.task}/{job.id[:12]}" for job in found[:5])
    raise UsageProblem(
        f"{prefix!r} names {len(found)} jobs", cause=names, hint="give more digits of its id"
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


def latest_lines(lines: Sequence[Line], alive: Mapping[JobRef, bool]) -> Sequence[Line]:
    """The submissions that make the experiment: the latest run's, then older ones still alive."""
    if not lines:
        return []
    last: dict[JobRef, Line] = {}
    for line in lines:
        last[JobRef(line.task, line.job)] = line
    run = lines[-1].run
    kept = [each for each in last.values() if each.run == run]
    older = [
        each
        for ref, each in last.items()
        if each.run != run and alive.get(ref, True)
    ]  # fmt: skip
    return [*kept, *older]


def experiment_state(jobs: Sequence[JobView], run: Run | None) -> str:
    """One word for all."""
    states = {job.state for job in jobs}
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


def _experiment(
    main: MainFolder,
    record: ExperimentRecord,
    known: Mapping[JobRef, Known],
    places: Mapping[str, Place],
) -> ExperimentView:
    lines = record.lines()
    views: dict[JobRef, JobView] = {}
    cancels = _cancels(main, {line.connector for line in lines}, places)
    for line in lines:
        ref = JobRef(line.task, line.job)
        view = _seen(main, line, known.get(ref), places.get(line.connector))
        if ref in cancels and view.state not in OVER:
            view = replace(view, reason=cancels[ref])
        views[ref] = view
    alive = {ref: view.state not in OVER for ref, view in views.items()}
    chosen = latest_lines(lines, alive)
    jobs = [views[JobRef(each.task, each.job)] for each in chosen]
    run = record.latest()
    parents = {each.job: [job for _, job in each.parents] for each in chosen}
    return ExperimentView(
        record.id, main.path, experiment_state(jobs, run), jobs, parents, run, places
    )


def _cancels(
    main: MainFolder, connectors: Iterable[str], places: Mapping[str, Place]
) -> Mapping[JobRef, str]:
    """What to say of jobs whose cancelling has not been told to their connector."""
    found: dict[JobRef, str] = {}
    for name in connectors:
        words = "being cancelled, not delivered yet"
        place = places.get(name)
        if place is not None and place.down_since is not None:
            since = datetime.fromtimestamp(place.down_since).astimezone()
            words += f": {name} is out of reach since {since:%Y-%m-%d %H:%M}"
        found.update((owed.ref, words) for owed in main.outbox.owed(name))
    return found


def _seen(main: MainFolder, line: Line, known: Known | None, place: Place | None) -> JobView:
    ref = JobRef(line.task, line.job)
    folder = main.job_folder(ref)
    if known is not None and known.attempt < line.attempt and known.seen_at < line.at:
        known = None  # of an attempt before this submission
    if known is not None and known.state in OVER and known.arrived:
        return job_view(line, folder, known, known.seen_at, settled=True)
    end = main.local_end(ref)
    if end is not None and end.attempt >= line.attempt:
        return job_view(line, folder, end, end.at, settled=True)
    seen_at = known.seen_at if known else line.at
    if place is not None and place.seen_at is not None and known is not None:
        seen_at = max(seen_at, place.seen_at)
    if main.outbox.holds(line.connector, line.job):
        waiting = Change(
            ref, "waiting", None, line.attempt, 0, None, "not sent yet", "", line.at
        )  # fmt: skip
        return job_view(line, folder, waiting, line.at, settled=False)
    # without a word, it was accepted there, by our records: `unknown` is only what an answer says
    heard = known or sent(ref, line.attempt, line.at)
    return job_view(line, folder, heard, seen_at, settled=False)


def sent(ref: JobRef, attempt: int, at: float) -> Change:
    """What is known of a job that was accepted there, before anything was heard of it."""
    return Change(ref, "waiting", None, attempt, 0, None, "sent; no news yet", "", at)
