"""Where the plan language runs: inside an experiment, inside a job, or neither."""

from __future__ import annotations

import os

from xpm.errors import XpmError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from pathlib import Path
    from typing import Any, Callable, Protocol

    from xpm.plan.requirements import Req
    from xpm.plan.sealing import Sealed

    class Owner(Protocol):
        """The experiment a job was submitted to."""

        @property
        def main(self) -> Path:
            """Its main folder, absolute."""
            ...

    class Handle(Protocol):
        """A submitted job, as its task shows it."""

        @property
        def jobpath(self) -> Path:
            """Its folder here."""
            ...

        @property
        def state(self) -> str:
            """Its state, as one word."""
            ...

        def wait(self) -> None:
            """Wait until it is over."""
            ...

        def stdout(self) -> Path:
            """The file of what it printed."""
            ...

        def stderr(self) -> Path:
            """The file of the errors it printed."""
            ...

        @property
        def owner(self) -> Owner:
            """The experiment it was submitted to."""
            ...

        def on_completed(self, callback: Callable[[Any], object], subject: object) -> None:
            """Have a function called with the subject when it is done."""
            ...

        def on_failed(self, callback: Callable[[Any], object], subject: object) -> None:
            """Have a function called with the subject when it is over and not done."""
            ...

    class Submitter(Protocol):
        """What takes sealed tasks: an experiment."""

        @property
        def main(self) -> Path:
            """The main folder, absolute."""
            ...

        @property
        def project(self) -> Path:
            """The project folder whose snapshot travels, absolute."""
            ...

        def accept(
            self, sealed: Sealed, task: object, launcher: str | None, require: Req | None = None
        ) -> Handle:
            """Take a sealed task, and what it needs of the place that runs it."""
            ...

else:
    Handle = Submitter = object


VARIABLE = "_XPM_JOB"
"""Set in a job's environment, so that a helper process that imports the plan does not run it."""


class PlanStops(BaseException):
    """Raised where a plan would open its experiment inside a job: the classes above are all a job needs."""

    def __str__(self) -> str:
        return "a job does not open experiments (a helper process that must import the plan can be forked)"


class GracefulTimeout(XpmError):
    """Raise this in a ResumableTask that has saved its state, to be run again from there with a new allocation.

    In any other task it is a failure by timeout.
    """

    def __init__(
        self, what: str = "the task stopped in time, to go on from its checkpoint"
    ) -> None:
        super().__init__(what)


class TaskCancelled(XpmError):
    """Raised inside a task when somebody has cancelled its job."""

    def __init__(self, what: str = "the task was cancelled") -> None:
        super().__init__(what)


class JobContext:
    """What a job knows of its own run.

    Args:
        workspace: the workspace, absolute.
        project: the folder of the code, absolute.
        task: the task's identifier.
        job: the job's identifier.
        remaining_time: seconds until the allocation ends; None when nobody knows.
        report: takes a fraction from 0 to 1 and what is being done.
    """

    __slots__ = ("job", "project", "remaining_time", "report", "task", "workspace")

    def __init__(
        self,
        workspace: str,
        project: str,
        task: str,
        job: str,
        remaining_time: Callable[[], float | None] = lambda: None,
        report: Callable[[float, str], None] = lambda fraction, description: None,
    ) -> None:
        self.workspace = workspace
        self.project = project
        self.task = task
        self.job = job
        self.remaining_time = remaining_time
        self.report = report


_submitters: list[Submitter] = []
_job: list[JobContext] = []


def push(submitter: Submitter) -> None:
    """Make an experiment the one that takes what is submitted."""
    _submitters.append(submitter)


def pop(submitter: Submitter) -> None:
    """Undo the last ``push`` of it."""
    _submitters.reverse()
    _submitters.remove(submitter)
    _submitters.reverse()


def current() -> Submitter | None:
    """The experiment that takes what is submitted; None when there is none."""
    return _submitters[-1] if _submitters else None


def enter_job(context: JobContext) -> None:
    """Say that this process runs a job; processes it starts will know that they belong to one."""
    _job[:] = [context]
    os.environ[VARIABLE] = f"{context.task}/{context.job}"


def leave_job() -> None:
    """Undo ``enter_job``."""
    _job.clear()
    os.environ.pop(VARIABLE, None)


def in_job() -> bool:
    """Whether this process runs a job, or was started by one."""
    return bool(_job) or VARIABLE in os.environ


def job() -> JobContext | None:
    """What this process's job knows; None outside jobs."""
    return _job[0] if _job else None
