"""An experiment whose tasks run in this process, one after the other, for debuggers.

Tasks run in the order of their submission, while the plan waits, each in an empty folder of its own below
``<main folder>/debug``, so that nothing of a real run is touched and nothing of this one is taken for a result. What
is done for real already is used from there. The first task that raises ends the plan with its own exception.
"""

import io
import os
import shutil
import sys
from collections import deque
from collections.abc import Callable, Generator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, TextIO, cast

from xpm._callbacks import Callbacks, Wanted
from xpm._code import Code
from xpm._jobs import Callback
from xpm.connectors.base import JobRef
from xpm.errors import JobsFailed
from xpm.follow.main import MainFolder
from xpm.follow.observer import Observer
from xpm.follow.options import Debugging
from xpm.plan import context, places
from xpm.sync.sizes import Limits

if TYPE_CHECKING:
    from xpm.plan.jobpath import JobPath
    from xpm.plan.requirements import Req
    from xpm.plan.sealing import Sealed
    from xpm.plan.tasks import Task
    from xpm.plan.tokens import Token

FOLDER = "debug"


@dataclass(slots=True)
class DebugJob:
    """A task of this run."""

    sealed: "Sealed"
    task: "Task"
    folder: "JobPath"
    state: str = "waiting"

    @property
    def ref(self) -> JobRef:
        """What names its folder."""
        return JobRef(self.sealed.task, self.sealed.job)

    @property
    def is_over(self) -> bool:
        """Whether it has run."""
        return self.state in ("done", "failed")

    def __str__(self) -> str:
        named = ", ".join(f"{name}={value}" for name, value in sorted(self.sealed.tags.items()))
        return f"{self.sealed.task} {self.sealed.job[:12]}" + (f" ({named})" if named else "")


class DebugExperiment:
    """What a plan sees of an experiment, run here and now."""

    def __init__(
        self, path: Path, id: str, debugging: Debugging, observer: Callable[[], Observer]
    ) -> None:
        self._real = MainFolder(path)
        self._debugging = debugging
        self._observer = observer()
        self._jobs: dict[JobRef, DebugJob] = {}
        self._queue: deque[DebugJob] = deque()
        self._callbacks = Callbacks(self._observer.note)
        self._code = Code(Limits)
        self._id = id

    def __enter__(self) -> "DebugExperiment":
        """Make the folders, and the experiment the one that tasks are submitted to."""
        self.resultspath.mkdir(parents=True, exist_ok=True)
        self._observer.started(self._id, str(self.main))
        self._observer.note(f"tasks run in this process, in folders below {self.main}")
        context.push(self)
        return self

    def __exit__(self, kind: object, error: BaseException | None, traceback: object) -> None:
        """Run what has not run yet, unless something went wrong."""
        try:
            if error is None:
                self.wait()
        finally:
            self._callbacks.close()
            context.pop(self)

    def start(self) -> "DebugExperiment":
        """Open it without a block."""
        return self.__enter__()

    def update(self) -> "DebugExperiment":
        """Run what has not run yet."""
        self.wait()
        return self

    def close(self) -> None:
        """End it."""
        self.__exit__(None, None, None)

    @property
    def main(self) -> Path:
        """The folder of this run, absolute."""
        return self._real.path / FOLDER

    @property
    def project(self) -> Path:
        """The folder of the plan's code, absolute."""
        return self._code.project

    @property
    def resultspath(self) -> Path:
        """Where the plan puts what it makes of its results; exists."""
        return self.main / "xp" / self._id / "results"

    def results(self) -> object:
        """What the jobs that have run so far measured."""
        from xpm._results import framed, of_folder

        jobs = [job for job in self._jobs.values() if job.state == "done"]
        found = [of_folder(job.ref, job.state, job.sealed.tags, str(job.folder)) for job in jobs]
        return framed([each for each in found if each.metrics])

    @property
    def connector(self) -> "DebugExperiment":
        """What makes tokens: of one task at a time, none ever waits."""
        return self

    def createtoken(self, name: str, total: int) -> "Token":
        """A counted right to run."""
        from xpm.plan.tokens import Token

        return Token(name, total)

    token = createtoken

    def accept(
        self, sealed: "Sealed", task: object, launcher: str | None, require: "Req | None" = None
    ) -> "DebugHandle":
        """Take a sealed task, which runs as soon as the plan waits."""
        from xpm.plan.jobpath import JobPath

        ref = JobRef(sealed.task, sealed.job)
        job = self._jobs.get(ref)
        if job is None:
            job = DebugJob(
                sealed, cast("Task", task), JobPath(self.main / "jobs" / ref.task / ref.job)
            )
            self._jobs[ref] = job
            self._prepare(job)
        return DebugHandle(self, job)

    def wait(self, job: DebugJob | None = None) -> None:
        """Run what waits, or as far as this job, and the callbacks that become due."""
        while True:
            for wanted in self._callbacks.due():
                wanted.callback(wanted.subject)
            if not self._queue or (job is not None and job.is_over):
                return
            self._run(self._queue.popleft())

    def call_back(
        self, job: DebugJob, callback: Callback, subject: object, when_done: bool
    ) -> None:
        """Call back once the job has ended as wished."""
        self._callbacks.add(Wanted(job, callback, subject, when_done, places.caller()))

    def _prepare(self, job: DebugJob) -> None:
        """Give a job an empty folder; what is done for real is used from there."""
        real = self._real.job_folder(job.ref)
        end = self._real.local_end(job.ref)
        _remove(job.folder)
        if end is not None and end.state == "done":
            job.folder.parent.mkdir(parents=True, exist_ok=True)
            job.folder.symlink_to(real)
            job.state = "done"
            self._observer.note(f"{job} is done already: {real}")
        else:
            job.folder.mkdir(parents=True)
            self._queue.append(job)

    def _run(self, job: DebugJob) -> None:
        self._observer.note(f"{job} runs, submitted in {job.sealed.where}")
        job.state = "running"
        try:
            with _inside(self, job):
                instance = job.task.instance()
                for part in (*instance.__dict__["_xpm"].init, instance):
                    part.execute()
        except SystemExit as left:
            if left.code not in (None, 0):
                self._failed(job, left)
                raise
        except Exception as error:
            self._failed(job, error)
            raise
        job.state = "done"
        self._callbacks.ended(job)

    def _failed(self, job: DebugJob, error: BaseException) -> None:
        job.state = "failed"
        error.add_note(f"in {job}, submitted in {job.sealed.where}; its folder: {job.folder}")
        self._debugging.raised.append(error)
        self._debugging.look(error)
        self._callbacks.ended(job)
        for wanted in self._callbacks.due():
            wanted.callback(wanted.subject)


class DebugHandle:
    """A submitted task, as its plan holds it."""

    def __init__(self, owner: DebugExperiment, job: DebugJob) -> None:
        self.owner = owner
        self._job = job

    @property
    def jobpath(self) -> "JobPath":
        """The job's folder; exists."""
        return self._job.folder

    @property
    def state(self) -> str:
        """One of waiting, running, done, failed."""
        return self._job.state

    def wait(self) -> None:
        """Run it now, and what was submitted before it."""
        self.owner.wait(self._job)
        if self._job.state == "failed":
            raise JobsFailed("the task failed", on=str(self._job))

    def stdout(self) -> Path:
        """Where its output is, or will be."""
        return Path(self._job.folder) / "stdout"

    def stderr(self) -> Path:
        """Where its error output is, or will be."""
        return Path(self._job.folder) / "stderr"

    def on_completed(self, callback: Callback, subject: object) -> None:
        """Call back, once, when it is done."""
        self.owner.call_back(self._job, callback, subject, when_done=True)

    def on_failed(self, callback: Callback, subject: object) -> None:
        """Call back, once, when it has raised."""
        self.owner.call_back(self._job, callback, subject, when_done=False)


@contextmanager
def _inside(experiment: DebugExperiment, job: DebugJob) -> Generator[None]:
    """This process is the job's: its folder, its output also in the job's files."""
    before = Path.cwd()
    with ExitStack() as stack:
        for name in ("stdout", "stderr"):
            file = stack.enter_context(
                (job.folder / name).open("w", encoding="utf-8", errors="backslashreplace")
            )
            stack.callback(setattr, sys, name, getattr(sys, name))
            setattr(sys, name, Tee(getattr(sys, name), file))
        stack.callback(os.chdir, before)
        os.chdir(job.folder)
        stack.callback(context.leave_job)
        context.enter_job(
            context.JobContext(
                str(experiment.main), str(experiment.project), job.sealed.task, job.sealed.job
            )
        )
        yield


class Tee(io.TextIOBase):
    """What is written goes to a stream and a file; in all else it is the stream, so that debuggers feel at home."""

    def __init__(self, stream: TextIO, file: TextIO) -> None:
        self._stream = stream
        self._file = file

    def write(self, text: str, /) -> int:
        """To both."""
        self._file.write(text)
        return self._stream.write(text)

    def flush(self) -> None:
        """Both."""
        self._file.flush()
        self._stream.flush()

    def fileno(self) -> int:
        """The stream's."""
        return self._stream.fileno()

    def isatty(self) -> bool:
        """Whether the stream is a terminal."""
        return self._stream.isatty()

    @property
    def encoding(self) -> str:  # type: ignore[override]
        """The stream's."""
        return self._stream.encoding

    @property
    def errors(self) -> str | None:  # type: ignore[override]
        """The stream's."""
        return self._stream.errors


def _remove(folder: Path) -> None:
    if folder.is_symlink():
        folder.unlink()
    elif folder.exists():
        shutil.rmtree(folder)
