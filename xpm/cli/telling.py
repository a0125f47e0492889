"""Experiments and jobs in words and rows: pure functions of the views."""

from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime

from xpm.follow.views import ExperimentView, JobView

SCHEMA = 1
HEADINGS = ("JOB", "TASK", "STATE", "TAGS", "WHERE", "REMARK")
OVER = frozenset({"done", "failed", "cancelled", "lost", "skipped"})
ORDER = (
    "failed", "lost", "unknown", "running", "pending", "submitted", "ready", "waiting", "skipped",
    "cancelled", "done",
)  # fmt: skip
STALE_S = 10.0


def contract(view: ExperimentView) -> dict[str, object]:
    """The JSON of ``xpm status --json``: schema 1, stable; jobs in the order of submission."""
    return {
        "schema": SCHEMA,
        "experiment": view.id,
        "state": view.state,
        "jobs": [_job(job) for job in view.jobs],
    }


def _job(job: JobView) -> dict[str, object]:
    return {
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
        "path": str(job.path),
        "seen_at": moment(job.seen_at),
    }


def moment(seconds: float | None) -> str | None:
    """A time as ISO 8601 in UTC."""
    if seconds is None:
        return None
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="milliseconds")


def heading(view: ExperimentView, now: float) -> str:
    """One line on an experiment: its state, its jobs by state, the age of what is known."""
    parts = [f"{view.id}: {view.state}", counts(view.jobs)]
    alive = [job.seen_at for job in view.jobs if job.state not in OVER and job.seen_at is not None]
    if alive and now - min(alive) > STALE_S:
        parts.append(f"as of {age(now - min(alive))} ago")
    return " · ".join(part for part in parts if part)


def counts(jobs: Sequence[JobView]) -> str:
    """``12 done, 3 running``."""
    per_state = Counter(job.state for job in jobs)
    return ", ".join(f"{per_state[state]} {state}" for state in ORDER if per_state[state])


def rows(jobs: Sequence[JobView]) -> list[list[str]]:
    """One row per job, under HEADINGS."""
    return [
        [job.id[:8], job.task, job.state, tag_text(job.tags), where(job), remark(job)]
        for job in jobs
    ]


def tag_text(tags: Mapping[str, object]) -> str:
    """``k=3 model=neighbours``."""
    return " ".join(f"{key}={value}" for key, value in sorted(tags.items()))


def where(job: JobView) -> str:
    """The connector, with the batch id where there is one."""
    return f"{job.connector} {job.batch_id}" if job.batch_id else job.connector


def remark(job: JobView) -> str:
    """Why a job waits or failed, and how often it was tried."""
    said = [job.cause or "", job.message or job.reason or ""]
    if job.attempt > 1:
        said.append(f"attempt {job.attempt}")
    if job.generation > 1:
        said.append(f"started {job.generation} times")
    return "; ".join(part for part in said if part)


def age(seconds: float) -> str:
    """A duration as a person would say it."""
    for unit, size in (("d", 86400.0), ("h", 3600.0), ("min", 60.0)):
        if seconds >= 2 * size:
            return f"{seconds / size:.0f} {unit}"
    return f"{max(0.0, seconds):.0f} s"


def duration(seconds: float) -> str:
    """How long something took: ``0.4 s``, ``12 s``, ``3 min``."""
    return f"{seconds:.1f} s" if seconds < 10 else age(seconds)
