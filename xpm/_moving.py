"""Jobs of an earlier run that wait elsewhere than their launcher says now: they stay there, or are moved (``xpm run --move``).

Moved is who has not started: it is cancelled where it is, which the far side hears as any cancel; when its end is known
there, the job gets a new attempt, at the launcher of now. What starts in between is cancelled all the same; what is
done before that is done.
"""

from collections.abc import Callable
from typing import Any, cast

from xpm._jobs import Job
from xpm.connectors.base import Change, JobRef
from xpm.follow.session import Session
from xpm.follow.views import OVER

NOT_STARTED = frozenset({"waiting", "ready", "submitted", "pending"})
MOVE = "`xpm run --move` cancels them there and submits them to the launcher of now"


class Moving:
    """The moves of one run.

    Args:
        session: the main folder, and the connectors its jobs need.
        is_wished: whether jobs are moved, or only told of.
        can_go: whether a job would find there what it depends on.
        note: says something once.
        patiently: writes, again and again while the disk here is full or away.
    """

    def __init__(
        self,
        session: Session,
        is_wished: bool,
        can_go: Callable[[Job], bool],
        note: Callable[[str], None],
        patiently: Callable[[Callable[[], None]], None],
    ) -> None:
        self._session = session
        self._is_wished = is_wished
        self._can_go = can_go
        self._note = note
        self._patiently = patiently
        self._leaving: set[JobRef] = set()

    def leaves(self, job: Job, change: Change) -> bool:
        """Whether a job that an earlier run has submitted is on its way from there; where it stays, that is told."""
        if job.ref in self._leaving:
            return change.state not in OVER
        if change.state in OVER or not (before := self._launcher_before(job)):
            return False
        place = f"{job.sealed.task}: jobs {change.state} on {job.spec.name}"
        is_early = change.state in NOT_STARTED and self._can_go(job)
        if is_early and self._is_wished:
            target = f"{job.request['connector']} (launcher {job.launcher})"
            self._note(f"{place} are cancelled there, and submitted to {target}")
            self._take_back(job, max(change.attempt, job.attempt))
            return True
        self._note(
            f"{place} since an earlier run stay there (launcher {before}, now {job.launcher})"
            + (f"; {MOVE}" if is_early else "")
        )
        return False

    def _launcher_before(self, job: Job) -> str:
        """The launcher it was submitted with, when that, or its place, is not the one of now; "" else."""
        noted = self._session.main.job(job.ref) or {}
        before = str(cast("dict[str, Any]", noted.get("request") or {}).get("launcher") or "")
        is_same = before == job.launcher and job.spec.name == job.request["connector"]
        return "" if is_same else before

    def _take_back(self, job: Job, attempt: int) -> None:
        self._leaving.add(job.ref)
        spec, ref = job.spec, job.ref
        self._patiently(lambda: self._session.take_back(spec, ref, attempt))
