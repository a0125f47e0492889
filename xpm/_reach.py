"""Which places see what a job depends on: results are found only where they are."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from xpm._jobs import Job, Phase
from xpm.connectors.base import JobRef
from xpm.errors import PlanProblem
from xpm.follow.main import MainFolder

if TYPE_CHECKING:
    from xpm.launchers.profiles import Launcher

HERE = "local"


def barred(
    jobs: Mapping[JobRef, Job], launcher: "Launcher", parents: Sequence[JobRef]
) -> dict[str, str]:
    """The places of a launcher that cannot see what is elsewhere; where there is no choice, later words are better."""
    if len(launcher.connectors) == 1:
        return {}
    found: dict[str, str] = {}
    for ref in parents:
        parent = jobs.get(ref)
        if parent is None:
            continue
        place = place_of(parent)
        for spec in launcher.connectors:
            if spec.name != place and not (spec.name == HERE and is_here(parent)):
                found[spec.name] = f"it depends on {ref.task} {ref.job[:12]}, on {place}"
    return found


def place_of(job: Job) -> str:
    """The connector that has it."""
    return job.line.connector if job.line else job.spec.name


def is_here(parent: Job) -> bool:
    """Whether its results are in the main folder."""
    return parent.phase is Phase.OVER and parent.state == "done"


def require_reachable(job: Job, parent: Job) -> None:
    """A job finds the results of its parents only where it runs."""
    place = place_of(parent)
    if place == job.spec.name:
        return
    if is_here(parent) and job.spec.name == HERE:
        return
    raise PlanProblem(
        f"{job.sealed.task} is to run on {job.spec.name}, but depends on {parent.sealed.task}"
        f" {parent.sealed.job[:12]}, which {'was done' if is_here(parent) else 'is'} on {place}",
        where=job.sealed.where,
        hint=f"submit both with a launcher of {place}, or use another main folder",
    )


def require_known(jobs: Mapping[JobRef, Job], main: MainFolder, job: Job) -> None:
    """A parent of another experiment must be known in this main folder."""
    for ref in job.parents:
        if ref not in jobs and main.job(ref) is None:
            raise PlanProblem(
                f"{job.sealed.task} depends on {ref.task} {ref.job[:12]},"
                " which was not submitted to this main folder",
                on=str(main.path), where=job.sealed.where,
                hint="submit it in this experiment first",
            )  # fmt: skip
