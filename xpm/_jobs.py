"""The jobs of one run of an experiment, as the laptop lives them.

A job of a run goes through phases. It is HELD while it cannot be decided, because a parent is not; ASKED while its
connector is asked how an earlier submission went; FOLLOWED while it lives there; OVER when its end is known and
its files are here. What is done here already is OVER at once.

::

    (new) ── done here ───────────────────────────────────────────► OVER
      │  └── never submitted, or ended badly here ──► FOLLOWED ────► OVER
      └───── submitted earlier, end unknown ── ASKED ──┬─ alive or done: FOLLOWED, the same attempt
                                                       └─ ended badly or never heard of: FOLLOWED, a new attempt
"""

import enum
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from xpm.connectors.base import Change, JobRef
from xpm.connectors.specs import Spec
from xpm.errors import JobsFailed
from xpm.follow.main import LocalEnd
from xpm.follow.records import Line
from xpm.follow.views import JobView, job_view

if TYPE_CHECKING:
    from xpm.launchers.requests import SlotEntry
    from xpm.plan.jobpath import JobPath
    from xpm.plan.requirements import Req
    from xpm.plan.sealing import Sealed

Callback = Callable[[object], object]
AGAIN = frozenset({"failed", "cancelled", "lost", "skipped"})


@enum.unique
class Phase(enum.Enum):
    """How far the laptop is with a job."""

    HELD = "held"
    ASKED = "asked"
    FOLLOWED = "followed"
    OVER = "over"


@dataclass(slots=True)
class Job:
    """One job of a run; owned by its experiment."""

    sealed: "Sealed"
    folder: "JobPath"
    launcher: str
    spec: Spec
    request: Mapping[str, object]
    slots: "Sequence[SlotEntry]"
    parents: tuple[JobRef, ...]
    phase: Phase = Phase.HELD
    attempt: int = 0
    delivered: bool = True
    known: Change | LocalEnd | None = None
    line: Line | None = None
    seen_at: float = 0.0
    require: "Req | None" = None
    """What the plan says it needs of its place."""

    @property
    def ref(self) -> JobRef:
        """What names its folder."""
        return JobRef(self.sealed.task, self.sealed.job)

    @property
    def state(self) -> str:
        """Its last known state."""
        if self.known is not None and self.known.attempt >= self.attempt:
            return self.known.state
        return "waiting"

    @property
    def is_over(self) -> bool:
        """Whether its end is known, and its files are here."""
        return self.phase is Phase.OVER

    @property
    def undecided(self) -> bool:
        """Whether it is not known yet which attempt is followed."""
        return self.phase in (Phase.HELD, Phase.ASKED)

    def view(self) -> JobView | None:
        """What observers see; None before it is decided."""
        if self.line is None:
            return None
        known = self.known if self.state != "waiting" or isinstance(self.known, Change) else None
        waiting = Change(self.ref, "waiting", None, self.attempt, 0, None, "", "", self.seen_at)
        if known is None or known.attempt < self.attempt:
            known = waiting
        return job_view(self.line, self.folder, known, self.seen_at, self.phase is Phase.OVER)


class Follows(Protocol):
    """What a handle needs of its experiment."""

    @property
    def main(self) -> Path:
        """The main folder, absolute."""
        ...

    def await_job(self, job: Job) -> None:
        """Follow until this job is over."""

    def call_back(self, job: Job, callback: Callback, subject: object, when_done: bool) -> None:
        """Call back in the plan's thread once the job is done, or over and not done."""

    def failure(self, job: Job) -> JobsFailed:
        """Why it is not done, in words."""


class Handle:
    """A submitted task, as its plan holds it."""

    def __init__(self, follows: Follows, job: Job, task: object) -> None:
        self._follows = follows
        self._job = job
        self._task = task

    @property
    def jobpath(self) -> "JobPath":
        """The job's folder; exists."""
        return self._job.folder

    @property
    def state(self) -> str:
        """Its last known state, one of DESIGN.md's words."""
        return self._job.state

    def wait(self) -> None:
        """Return when it is done and its files are here.

        Raises:
            JobsFailed: it is over, but not done.
        """
        self._follows.await_job(self._job)
        if self._job.state != "done":
            raise self._follows.failure(self._job)

    def stdout(self) -> Path:
        """Where its output is, or will be."""
        return Path(self._job.folder) / "stdout"

    def stderr(self) -> Path:
        """Where its error output is, or will be."""
        return Path(self._job.folder) / "stderr"

    @property
    def owner(self) -> Follows:
        """The experiment it was submitted to."""
        return self._follows

    def on_completed(self, callback: Callback, subject: object = None) -> None:
        """Call back, once, with the task or another subject, when it is done and its files are here."""
        self._follows.call_back(self._job, callback, subject or self._task, when_done=True)

    def on_failed(self, callback: Callback, subject: object = None) -> None:
        """Call back likewise when it is over and not done: failed, cancelled, lost or skipped."""
        self._follows.call_back(self._job, callback, subject or self._task, when_done=False)
