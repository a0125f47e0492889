"""The experiment: the context in which a plan submits its tasks, and follows them to their end."""

import os
import sys
import threading
from collections import Counter
from dataclasses import replace
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING

from xpm import _absent, _ending, _leaving, _notebook
from xpm._callbacks import Callbacks, Wanted
from xpm._code import plan_script
from xpm._deciding import Deciding
from xpm._failures import failed
from xpm._interactive import Interactive
from xpm._jobs import Callback, Handle, Job, Phase
from xpm._notify import Notified
from xpm._patience import Patience
from xpm._place import Place
from xpm._retried import Retried
from xpm.connectors.base import Change, JobRef
from xpm.errors import JobsFailed, PlanProblem, ProfileProblem
from xpm.follow import leaving
from xpm.follow import options as run_options
from xpm.follow.events import Arrived, Changed, Delivered, Event, LinkDown, LinkUp, Noted, Turned
from xpm.follow.main import MainFolder
from xpm.follow.options import RunOptions
from xpm.follow.session import Session
from xpm.follow.views import OVER, JobView
from xpm.plan import context, places
from xpm.plan.requirements import Req
from xpm.sync import staying
from xpm.sync.staying import Left

if TYPE_CHECKING:
    from xpm.monitor.serving import Server
    from xpm.plan.sealing import Sealed
    from xpm.plan.tokens import Token

GONE = (
    "it was done, but its record is not in its folder: the folder was removed, or its files could"
    " not be brought here (put them back, or use another main folder)"
)

NOTHING = "nothing was submitted: a task is run when task.submit() is called"


class Experiment(Interactive):
    """Submits tasks, follows them, calls back; see ``xpm.experiment``."""

    def __init__(
        self,
        path: str | os.PathLike[str],
        id: str,
        port: int | None = None,
        launcher: str | None = None,
        require: "Req | str | None" = None,
        *,
        options: RunOptions | None = None,
    ) -> None:
        self._options = options or run_options.current()
        self._main = MainFolder(Path(self._options.workdir or path))
        self._record = self._main.experiment(id)
        self._port = port
        self._page: Server | None = None
        self._launcher = self._options.launcher or launcher
        self._require = Req.of(require) if require is not None else None
        self._place = str(self._main.path), id
        self._session = Session(self._main, self._options.world)
        self._shows = (self._options.observer or _notebook.observer)()
        self._observer = Notified(self._shows, lambda: self._session.profiles.notify)
        self._callbacks = Callbacks(self._observer.note)
        self._counts: Counter[str] = Counter()
        self._shown: dict[JobRef, str] = {}
        self._news: list[JobView] = []
        self._left: list[tuple[str, str, Left]] = []
        self._run = ""
        self._outcome = "error"
        self._thread = threading.get_ident()
        self._is_safe = False  # and has been said to be
        self._stray: PlanProblem | None = None  # raised in a thread whose end nobody may notice

    def __enter__(self) -> "Experiment":
        """Make the main folder, and the experiment the one that tasks are submitted to."""
        _ending.install()
        self._session.profiles.launcher(self._launcher)  # an unknown one is refused at once
        patience = Patience(self._session, self._observer)
        with self._main.writing():
            patience.write(self._main.prepare)
            patience.write(self._start)
        self._deciding = Deciding(
            self._session,
            self._record,
            self._run,
            self._observer.note,
            patience.write,
            self._options.refresh,
            self._options.move,
        )
        self._retried = Retried(self._record, self._run, self._deciding, self._counts)
        self._observer.started(self._record.id, str(self._main.path))
        if self._port is not None:
            from xpm.monitor.serving import beside  # here: it is large

            self._page = beside(
                self._main.path,
                self._port,
                self._observer.note,
                self._session.world,
                self._session.up,
            )
        context.push(self)
        return self

    def _start(self) -> None:
        script = str(found) if (found := plan_script()) else None
        self._run = self._record.start(self._session.world.clock(), script, sys.argv[1:])

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Wait for everything; leave the jobs alone when something else went wrong."""
        if error is not None:
            _absent.explain(error, self._is_alive)
        try:
            if error is None:
                self.wait()
                self._outcome = "done"
                if not self._deciding.jobs:
                    self._observer.note(NOTHING)
        except BaseException as late:
            error = late
            raise
        finally:
            context.pop(self)
            self._leave(error)

    def _is_alive(self, ref: JobRef) -> bool:
        job = self._deciding.jobs.get(ref)
        return job is not None and job.state not in OVER

    def _open(self) -> None:
        self.__enter__()

    def _leave_alone(self) -> None:
        _leaving.send_rest(self._session, self._observer.note)
        ends = {job.state for job in self._deciding.jobs.values()}
        self._outcome = "done" if ends <= {"done"} else "failed" if ends <= OVER else "detached"
        context.pop(self)
        self._leave(None)

    def _views(self) -> list[JobView]:
        jobs = self._deciding.jobs.values() if self._run else ()
        return [view for job in jobs if (view := job.view()) is not None]

    @property
    def resultspath(self) -> Path:
        """Where the plan puts what it makes of its results; exists."""
        return self._record.results

    @property
    def main(self) -> Path:
        """The main folder, absolute."""
        return self._main.path

    @property
    def project(self) -> Path:
        """The folder whose code travels, absolute."""
        return self._deciding.code.project

    @property
    def connector(self) -> Place:
        """The connector of the default launcher."""
        return Place(self._session.profiles.launcher(self._launcher).connector.name)

    def token(self, name: str, total: int) -> "Token":
        """A counted right to run."""
        return self.connector.createtoken(name, total)

    def accept(
        self, sealed: "Sealed", task: object, launcher: str | None, require: "Req | None" = None
    ) -> Handle:
        """Submit a sealed task; equal tasks of a run are one job."""
        if threading.get_ident() != self._thread:
            self._stray = PlanProblem(
                f"{sealed.task} is submitted in another thread than the experiment's",
                hint="submit in the thread that opened it: jobs run at the same time anyway",
                where=sealed.where,
            )
            raise self._stray
        try:
            chosen = self._session.profiles.launcher(launcher or self._launcher)
        except ProfileProblem as problem:
            problem.where = problem.where or sealed.where
            raise
        with self._main.writing():
            job = self._deciding.add(
                sealed, chosen, require.over(self._require) if require else self._require
            )
        self._show(job)
        self._tell()
        return Handle(self, job, task)

    def wait(self) -> None:
        """Return when all submitted tasks are done, and all callbacks with what they submitted.

        Raises:
            JobsFailed: all is over, but some tasks failed or were not run.
            CallbackFailed: all is done, but a callback raised.
        """
        try:
            self._until(None)
        except KeyboardInterrupt:
            self._rather_words()
            raise
        self._settle()
        for line in leaving.lines(leaving.added(self._left), self._record.id):
            self._observer.note(line)
        self._left.clear()
        jobs = list(self._deciding.jobs.values())
        raised = self._callbacks.failure(self._record.id)
        if any(job.state != "done" for job in jobs):
            raise failed(self._record.id, jobs) from raised
        if raised is not None:
            raise raised
        if self._stray is not None:
            raise self._stray

    def await_job(self, job: Job) -> None:
        """Follow until this job is over; callbacks run meanwhile."""
        self._until(job)

    def call_back(self, job: Job, callback: Callback, subject: object, when_done: bool) -> None:
        """Call back in the plan's thread, once, when the job is over as wished and its files are here."""
        self._callbacks.add(Wanted(job, callback, subject, when_done, places.caller()))

    def failure(self, job: Job) -> JobsFailed:
        """Why a job is not done, in words."""
        return failed(self._record.id, [job])

    def _until(self, job: Job | None) -> None:
        self._begin_to_wait()
        if self._options.detach:
            self._detach()
        self._session.hurry()
        while True:
            self._call_back()
            self._follow_retried()
            if self._is_over(job):
                return
            if job is None:
                self._tell_safe()
            self._session.hurry()
            event = self._session.next(self._retried.sooner_s(self._pause_s))
            if event is not None:
                self._take(event)
            else:
                self._refresh_all()

    def _follow_retried(self) -> None:
        for job in self._retried.look():
            self._show(job)
        self._tell()

    def _tell_safe(self) -> None:
        """Say once that this machine is not needed for a while, as soon as that is so."""
        if self._is_safe or not self._session.all_sent or self._deciding.undecided:
            return
        self._is_safe = True
        text = _leaving.safe(
            self._record.id, [self._deciding.jobs[ref] for ref in self._deciding.alive]
        )
        if text:
            self._observer.note(text)

    def _call_back(self) -> None:
        """Call who is due; what they submit belongs to this experiment, whichever is open too."""
        context.push(self)
        try:
            self._callbacks.call()
        finally:
            context.pop(self)

    def _is_over(self, job: Job | None) -> bool:
        if job is not None:
            return job.phase is Phase.OVER
        return not self._deciding.alive

    def _take(self, event: Event) -> None:
        if isinstance(event, Changed):
            for change in event.changes:
                self._hear(change)
        elif isinstance(event, Delivered):
            self._deciding.delivered(event.attempts)
        elif isinstance(event, Arrived):
            self._arrive(event)
        elif isinstance(event, LinkDown | LinkUp):
            self._observer.waiting(list(self._session.waiting.values()))
            if isinstance(event, LinkUp):
                self._observer.note(f"{event.connector} answers again")
        elif isinstance(event, Turned):
            self._observer.heard(dict(self._session.heard))
        elif isinstance(event, Noted):
            self._observer.note(f"{event.connector}: {event.text}")
        self._tell()

    def _hear(self, change: Change) -> None:
        if not self._deciding.hear(change):
            return
        job = self._deciding.jobs[change.ref]
        job.seen_at = self._session.world.clock()
        if job.state == "skipped":  # nothing ran: there are no files to wait for
            self._end(job)
        self._show(job)

    def _arrive(self, event: Arrived) -> None:
        job = self._deciding.jobs.get(event.change.ref)
        if job is None or job.phase is not Phase.FOLLOWED or event.change.attempt < job.attempt:
            return
        if job.state in OVER:
            if job.state == "done" and not self._is_here(job):
                job.known = replace(event.change, state="lost", cause="lost", message=GONE)
            left = staying.left(event.fetched.stayed)
            self._left.append((event.connector, event.change.ref.job, left))
            self._end(job)
            self._show(job)

    def _is_here(self, job: Job) -> bool:
        end = self._main.local_end(job.ref)
        return end is not None and end.state == "done"

    def _end(self, job: Job) -> None:
        self._deciding.end(job)
        self._callbacks.ended(job)

    def _show(self, job: Job) -> None:
        view = job.view()
        if view is None:
            return
        before = self._shown.get(job.ref)
        if before is not None:
            self._counts[before] -= 1
        self._counts[view.state] += 1
        self._shown[job.ref] = view.state
        self._news.append(view)

    def _tell(self) -> None:
        for text in self._deciding.batches.news():
            self._observer.note(text)
        if self._news:
            news, self._news = self._news, []
            self._observer.changed(news, self._counts)

    def _detach(self) -> None:
        """Make all that was submitted safe on the far side, then end the process."""
        self._session.hurry()
        while not self._session.all_sent or self._deciding.undecided:
            event = self._session.next()
            if event is not None:
                self._take(event)
        self._outcome = "detached"
        self._observer.note(
            f"{_leaving.are_safe(len(self._deciding.jobs))}, this process is not needed any more;"
            f" `xpm status {self._record.id}` tells how they are, and running the plan again"
            " brings results and runs callbacks"
        )
        raise SystemExit(0)

    def _leave(self, error: BaseException | None) -> None:
        interrupted = isinstance(error, KeyboardInterrupt)
        try:
            if error is not None and self._outcome != "detached":
                _leaving.send_rest(self._session, self._observer.note)
        finally:
            self._callbacks.close()
            if isinstance(error, JobsFailed):
                self._outcome = "failed"
            elif interrupted:
                self._outcome = "interrupted"
            note = self._observer.note
            _leaving.end_reused(self._session, self._deciding, self._outcome, note)
            self._observer.ended(self._counts)
            self._session.close(interrupted)
            now = self._session.world.clock()
            _leaving.close_record(self._record, self._run, now, self._outcome, self._observer.note)
            if self._page is not None:
                self._page.close()
        if interrupted:
            self._rather_words()
            self._observer.note(
                "interrupted; submitted jobs go on. Run the plan again to follow them,"
                f" or `xpm status {self._record.id}`, `xpm cancel {self._record.id}`"
            )
            raise SystemExit(130) from None
