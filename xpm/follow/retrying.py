"""A job's next attempt, from what was noted when it was submitted last."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any, cast

from xpm.connectors.jobs import JobRef
from xpm.errors import ProfileProblem, UsageProblem
from xpm.follow.told import told
from xpm.follow.views import JobView

if TYPE_CHECKING:
    from xpm.follow.session import Session
    from xpm.launchers.raising import Wishes

ENTRY_FIELDS = (
    "job", "task", "attempt", "experiment", "parents", "tokens", "request", "document", "code",
    "tags",
)  # fmt: skip


def with_skipped(session: "Session", jobs: Sequence[JobView]) -> Sequence[JobView]:
    """These and those skipped after them: parents first, as they may be sent one by one.

    A child that came there before its parent would be skipped again.
    """
    chosen = {job.ref: job for job in jobs}
    ids, found = {job.id for job in jobs}, dict[JobRef, JobView]()
    for view in session.views():
        for job in view.jobs:  # parents come before their children
            after = ids.intersection(view.parents.get(job.id, ()))
            if job.state == "skipped" and after:
                chosen.setdefault(job.ref, job)
                ids.add(job.id)
            if job.ref in chosen:
                found[job.ref] = chosen[job.ref]
    return [*found.values(), *(job for ref, job in chosen.items() if ref not in found)]


def wished(session: "Session", job: JobView, wishes: "Wishes") -> Mapping[str, Any]:
    """What a job asks for with these wishes, refused when its site has lately said that it can never give that.

    Raises:
        UsageProblem: nothing is noted of the job, or it cannot be asked for so.
        ProfileProblem: the site can never give it.
    """
    from xpm.launchers.raising import raised

    request = raised(cast("Mapping[str, Any]", _noted(session, job)["request"]), wishes)
    known = told(session.spec(job.connector), session.world.clock())
    if known is not None:
        try:
            session.profiles.launcher(job.launcher).refuse(request, *known)
        except ProfileProblem as problem:
            problem.hint = "ask for less; or, on another partition or host, run the plan again"
            raise
    return request


def resubmit(session: "Session", job: JobView, request: Mapping[str, Any] | None) -> None:
    """Note and submit the next attempt, with another request or the one it had."""
    noted = _noted(session, job)
    entry = {name: noted[name] for name in ENTRY_FIELDS}
    entry["attempt"] = job.attempt + 1
    if request is not None:
        entry["request"] = request
    now = session.world.clock()
    session.main.note_job(job.connector, str(noted["where"]), now, entry)
    record = session.main.experiment(str(entry["experiment"]))
    lines = record.lines()
    for line in reversed(lines):
        if (line.task, line.job) == (job.task, job.id):
            record.append(replace(line, attempt=job.attempt + 1, at=now, run=lines[-1].run))
            break
    record.close()
    session.submit(session.spec(job.connector), entry, None)


def _noted(session: "Session", job: JobView) -> Mapping[str, object]:
    noted = session.main.job(job.ref)
    if noted is None:
        raise UsageProblem(
            f"job {job.id[:12]} has no record here of how it was submitted", on=job.path,
            hint="run its plan again",
        )  # fmt: skip
    return noted
