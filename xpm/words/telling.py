"""Experiments and jobs in words and rows: pure functions of the views."""

from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, TypeVar

from xpm.connectors.jobs import Stayed
from xpm.follow import leaving
from xpm.follow.looking import OVER, Row
from xpm.follow.views import ExperimentView, JobView, Summary
from xpm.wire import hints
from xpm.words import standing, starts

LINES_SHOWN = 3
"""A longer message is told in a row by its first line."""
HEADINGS = ("JOB", "TASK", "STATE", "TAGS", "WHERE", "REMARK")
ORDER = (
    "failed", "lost", "unknown", "running", "pending", "submitted", "ready", "waiting", "skipped",
    "cancelled", "done",
)  # fmt: skip
STALE_S = 10.0
ID_SHOWN = 8
MOST_ROWS = 200
KEPT_SHOWN = 5
Job = TypeVar("Job", JobView, Row)


def heading(view: ExperimentView | Summary, at: datetime) -> str:
    """One line on an experiment: its state, its jobs by state, the age of what is known."""
    parts = [f"{view.id}: {view.state}", in_words(view.counts)]
    old = (at - view.oldest).total_seconds() if view.oldest is not None else 0.0
    if old > STALE_S:
        parts.append(f"as of {age(old)} ago")
    return " · ".join(part for part in parts if part)


def links(view: ExperimentView | Summary, at: datetime) -> list[str]:
    """What is waited for: one line for each connector of this experiment that cannot be used now, and what to do."""
    return [
        waits(place.name, at.timestamp() - place.down_since, place.down_message or "")
        for place in map(view.places.get, silent(view))
        if place is not None and place.down_since is not None
    ]


def waits(connector: str, for_s: float, message: str) -> str:
    """What is said of a connector that cannot be used: its last words (xpm/follow/waiting.py), since when, what to do."""
    line, _, hint = message.partition("\n")
    if not line.startswith("waiting: "):
        line = f"waiting: {connector} has not answered: {line}"
    line += f"; for {age(for_s)} now (its jobs go on; these are their last known states)"
    return f"{line}\n{hint}" if hint else line


def silent(view: ExperimentView | Summary) -> list[str]:
    """The connectors that do not answer, and have jobs of this experiment."""
    used = view.awaited
    return [
        place.name
        for place in view.places.values()
        if place.name in used and place.down_since is not None
    ]


def counts(jobs: Sequence[JobView]) -> str:
    """``12 done, 3 running``."""
    return in_words(per_state(jobs))


def in_words(found: Mapping[str, int]) -> str:
    """``12 done, 3 running``."""
    return ", ".join(f"{found[state]} {state}" for state in ORDER if found.get(state))


def per_state(jobs: Sequence[JobView]) -> Counter[str]:
    """How many jobs are in each state."""
    return Counter(job.state for job in jobs)


def now() -> datetime:
    """This moment."""
    return datetime.now(UTC)


def rows(jobs: Sequence[JobView]) -> list[list[str]]:
    """One row per job, under HEADINGS."""
    return [
        [job.id[:ID_SHOWN], job.task, job.state, tag_text(job.tags), where(job), remark(job)]
        for job in jobs
    ]


def pressing(jobs: Sequence[Job], most: int = MOST_ROWS) -> Sequence[Job]:
    """As many of these jobs, in their order: those that have failed before those that wait, and what is done last."""
    if len(jobs) <= most:
        return jobs
    urgency = {state: place for place, state in enumerate(ORDER)}
    by_urgency = sorted(range(len(jobs)), key=lambda place: urgency.get(jobs[place].state, 0))
    return [jobs[place] for place in sorted(by_urgency[:most])]


def left_out(counts: Counter[str], shown: Sequence[JobView]) -> str:
    """One line on the jobs that are not shown; empty when there are none."""
    rest = counts - per_state(shown)
    if not rest:
        return ""
    return f"not shown: {in_words(rest)} (--all shows them, a filter like 'state=failed' some)"


def what_to_do(shown: Sequence[JobView], experiment: str) -> str:
    """One line on where to look when a job failed, and how to try again; empty when none did."""
    job = next((job for job in shown if job.state in ("failed", "lost")), None)
    if job is None:
        return ""
    bad = job.id[:ID_SHOWN]
    again = f"once mended: run the plan again, or `xpm retry {experiment}`"
    if job.cause in hints.MORE:
        again = hints.with_more(job.cause, bad)
    return f"why: `xpm why {bad}`, `xpm logs {bad}`; {again}"


def tag_text(tags: Mapping[str, object]) -> str:
    """``k=3 model=neighbours``."""
    return " ".join(
        word for key, value in sorted(tags.items()) for word in f"{key}={value}".split()
    )


def where(job: JobView) -> str:
    """The connector, with the batch id where there is one."""
    return f"{job.connector} {job.batch_id}" if job.batch_id else job.connector


def remark(job: JobView) -> str:
    """Why a job waits or failed, and how often it was tried."""
    waits = starts.told(standing.placed(job.reason, job.standing), now())
    lines = (job.message or waits).splitlines()
    if len(lines) > LINES_SHOWN:  # what an installer said, or a table: `xpm why` has it
        lines = [f"{lines[0]} …"]
    said = [job.cause or "", *lines]
    if job.state in OVER and not job.settled:
        said.append("its files are not here yet")
    if job.attempt > 1:
        said.append(f"attempt {job.attempt}")
    if job.generation > 1:
        said.append(f"started {job.generation} times")
    return "; ".join(part for part in said if part)


def kept(job: JobView, found: Sequence[Stayed]) -> list[str]:
    """Which files of a job stay on the far side, the largest first, by which rules, and how to bring them."""
    if not found:
        return []
    lines = [f"{leaving.files(len(found), sum(each.size for each in found))} on {job.connector}"]
    lines[0] += f": xpm pull {job.id[:ID_SHOWN]}"
    largest = sorted(found, key=lambda each: (-each.size, each.path))
    lines += [
        f"{each.path}, {leaving.size(each.size)} ({each.why})" for each in largest[:KEPT_SHOWN]
    ]
    if len(found) > KEPT_SHOWN:
        lines.append(f"... and {len(found) - KEPT_SHOWN} more")
    return lines


def age(seconds: float) -> str:
    """A duration as a person would say it."""
    for unit, size in (("d", 86400.0), ("h", 3600.0), ("min", 60.0)):
        if seconds >= 2 * size:
            return f"{seconds / size:.0f} {unit}"
    return f"{max(0.0, seconds):.0f} s"


def duration(seconds: float) -> str:
    """How long something took: ``0.4 s``, ``12 s``, ``3 min``."""
    return f"{seconds:.1f} s" if seconds < 10 else age(seconds)


def equipment(claim: Mapping[str, Any], wanted: Mapping[str, Any]) -> list[str]:
    """What a job runs: its code, Python, environment, modules and image, as far as they are known.

    Args:
        claim: what its run noted when it started; {} before.
        wanted: what was submitted.
    """
    code = claim.get("snapshot") or (wanted.get("code") or {}).get("snapshot")
    environment = claim.get("environment") or (wanted.get("request") or {}).get("environment")
    path, _, version = str(claim.get("python") or "").rpartition(" ")
    parts = [
        code and f"code {str(code)[:ID_SHOWN]}",
        version and f"Python {version} ({path})",
        environment and f"environment {str(environment)[:ID_SHOWN]}",
        claim.get("modules") and f"modules {' '.join(map(str, claim['modules']))}",
        claim.get("image") and f"image {claim['image']}",
    ]
    return [str(each) for each in parts if each]


def orphans(count: int) -> str:
    """That jobs elsewhere are in no plan any more."""
    jobs = "1 job elsewhere is" if count == 1 else f"{count} jobs elsewhere are"
    return f"{jobs} in no plan any more: `xpm clean` shows what that takes"
