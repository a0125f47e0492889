"""An experiment that only remembers what is submitted."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from xpm.plan import context
from xpm.plan.requirements import Req
from xpm.plan.sealing import Sealed


class RecordedJob:
    """A submitted job that is over when the test says so."""

    def __init__(self, folder: Path, owner: Recording) -> None:
        self.jobpath = folder
        self.state = "waiting"
        self.callbacks: list[tuple[str, Callable[[Any], object], object]] = []
        self.owner = owner

    def wait(self) -> None:
        self.state = "done"

    def stdout(self) -> Path:
        return self.jobpath / "stdout"

    def stderr(self) -> Path:
        return self.jobpath / "stderr"

    def on_completed(self, callback: Callable[[Any], object], subject: object) -> None:
        self.callbacks.append(("done", callback, subject))

    def on_failed(self, callback: Callable[[Any], object], subject: object) -> None:
        self.callbacks.append(("failed", callback, subject))


class Recording:
    """Remembers what is submitted, in order."""

    def __init__(self, main: Path, project: Path) -> None:
        self.main = main
        self.project = project
        self.submitted: list[Sealed] = []
        self.launchers: list[str | None] = []
        self.requirements: list[Req | None] = []
        self.jobs: list[RecordedJob] = []
        self.refusal: Exception | None = None

    def accept(
        self, sealed: Sealed, task: object, launcher: str | None, require: Req | None = None
    ) -> RecordedJob:
        if self.refusal is not None:
            raise self.refusal
        self.submitted.append(sealed)
        self.launchers.append(launcher)
        self.requirements.append(require)
        self.jobs.append(RecordedJob(self.main / "jobs" / sealed.task / sealed.job, self))
        return self.jobs[-1]

    def __enter__(self) -> Recording:
        context.push(self)
        return self

    def __exit__(self, *error: object) -> None:
        context.pop(self)
