"""An experiment that only finds out what a run would do: nothing is written, nobody is asked.

The decisions are those of a real run (xpm/_deciding.py); here its session, main folder and record are ones that only
remember. What a plan submits after it has waited for something that is not done cannot be known, so the script ends
where it waits.
"""

import json
import shutil
import sys
import tempfile
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, cast

from xpm._deciding import Deciding
from xpm._failures import failed
from xpm._jobs import Callback, Handle, Job, Phase
from xpm._place import Place
from xpm.connectors.base import JobRef, Snapshot
from xpm.connectors.specs import Spec
from xpm.errors import JobsFailed, ProfileProblem
from xpm.follow import dry, inheriting
from xpm.follow.dry import DryJob, DryRun
from xpm.follow.journal import Journal, Known, journal_folder
from xpm.follow.main import MainFolder
from xpm.follow.options import DryOptions, RunOptions
from xpm.follow.outbox import Entry, Outbox
from xpm.follow.records import ExperimentRecord, Line
from xpm.follow.session import Session
from xpm.plan import context, places
from xpm.plan.requirements import Req

if TYPE_CHECKING:
    from xpm.launchers.profiles import Profiles
    from xpm.plan.sealing import Sealed
    from xpm.plan.tokens import Token


class Waits(SystemExit):
    """The plan waits for what a dry run does not do; the script ends."""


class DryExperiment:
    """What a plan sees of an experiment, with nothing behind it."""

    def __init__(
        self,
        path: Path,
        id: str,
        launcher: str | None,
        require: "Req | str | None",
        options: RunOptions,
    ) -> None:
        assert options.dry is not None
        sys.dont_write_bytecode = True  # not even beside the plan's own modules
        self._main = DryMain(path)
        self._session = DrySession(self._main, options)
        self._launcher = options.launcher or launcher
        self._require = Req.of(require) if require is not None else None
        self._run = DryRun(id, str(self._main.path))
        options.dry.found.append(self._run)
        record = DryRecord(self._main.experiment(id).folder)
        self._deciding = DryDeciding(self._session, record, self._run)
        self._scratch = Path(tempfile.mkdtemp(prefix="xpm-dry-"))
        options.dry.scratch.append(self._scratch)

    def __enter__(self) -> "DryExperiment":
        """Make it the experiment that tasks are submitted to."""
        self._session.profiles.launcher(self._launcher)
        context.push(self)
        return self

    def __exit__(self, kind: object, error: BaseException | None, traceback: object) -> None:
        """Wait, as a run would: the script goes on only when all is done."""
        try:
            if error is None:
                self._wait("")
        finally:
            context.pop(self)
            self._tell()
            self._session.close()

    def start(self) -> "DryExperiment":
        """Open it without a block."""
        return self.__enter__()

    def update(self) -> "DryExperiment":
        """Nothing happens in a dry run."""
        return self

    def close(self) -> None:
        """End it: the script goes on, as it does not wait."""
        context.pop(self)
        self._tell()
        self._session.close()

    @property
    def main(self) -> Path:
        """The main folder, absolute."""
        return self._main.path

    @property
    def project(self) -> Path:
        """The folder whose code would travel, absolute."""
        return self._deciding.code.project

    @property
    def resultspath(self) -> Path:
        """A folder that exists, and is gone after the dry run."""
        return self._scratch

    def results(self) -> object:
        """As ever when all is done here; end the script otherwise."""
        from xpm._results import framed, of_folder

        self._wait(places.show(places.caller()))
        jobs = [(job, job.line) for job in self._deciding.jobs.values()]
        found = [
            of_folder(job.ref, job.state, line.tags, str(job.folder))
            for job, line in jobs
            if job.state == "done" and line is not None
        ]
        return framed([each for each in found if each.metrics])

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
        """Find out what would become of a sealed task."""
        try:
            chosen = self._session.profiles.launcher(launcher or self._launcher)
        except ProfileProblem as problem:
            problem.where = problem.where or sealed.where
            raise
        require = require.over(self._require) if require else self._require
        return Handle(self, self._deciding.add(sealed, chosen, require), task)

    def wait(self) -> None:
        """Go on when all is done here; end the script otherwise."""
        self._wait(places.show(places.caller()))

    def await_job(self, job: Job) -> None:
        """Go on when this job is done here; end the script otherwise."""
        if job.phase is not Phase.OVER:
            self._end(places.show(places.caller()))

    def call_back(self, job: Job, callback: Callback, subject: object, when_done: bool) -> None:
        """Nobody is called."""

    def failure(self, job: Job) -> JobsFailed:
        """Why a job is not done, in words."""
        return failed(self._run.experiment, [job])

    def _wait(self, where: str) -> None:
        if self._deciding.alive:
            self._end(where)

    def _end(self, where: str) -> None:
        self._run.ends_at = where
        self._tell()  # nobody else does, where the experiment was opened without a block
        raise Waits(0)

    def _tell(self) -> None:
        deciding = self._deciding
        self._run.jobs = [deciding.told(job) for job in deciding.jobs.values()]
        self._run.snapshot = self._session.snapshot
        self._run.project = str(deciding.code.project)
        self._run.recipes = self._session.recipes


class DryDeciding(Deciding):
    """Decides as ever, and remembers why."""

    def __init__(self, session: "DrySession", record: ExperimentRecord, run: DryRun) -> None:
        super().__init__(session, record, "dry", run.notes.append, lambda write: write())
        self.code.writes = False
        self._dry = session
        self._whys: dict[JobRef, str] = {}

    def told(self, job: Job) -> DryJob:
        """What would become of a job."""
        fate, why = self._fate(job)
        sealed = job.sealed
        entry = self._dry.submitted.get(job.ref)
        request = cast("Mapping[str, object]", entry["request"]) if entry else job.request
        return DryJob(
            job.ref, fate, why, job.attempt, job.spec, job.launcher, request, sealed.tags,
            job.parents, sealed.where, entry,
        )  # fmt: skip

    def _fate(self, job: Job) -> tuple[str, str]:
        if job.phase is Phase.OVER:
            return dry.DONE, "done here already"
        if job.phase is Phase.ASKED:
            return dry.ALIVE, self._last_seen(job)
        awaited = [parent for parent in self._parents(job) if parent.phase is not Phase.OVER]
        if job.phase is Phase.HELD:
            unknown = sum(parent.undecided for parent in awaited)
            return dry.WAITING, f"decided when {unknown} of what it waits for are known"
        if awaited:
            tasks = sorted({parent.sealed.task for parent in awaited})
            return dry.WAITING, f"for {len(awaited)} of {', '.join(tasks)}"
        return dry.NEW, self._whys.get(job.ref, "")

    def _last_seen(self, job: Job) -> str:
        known = self._dry.states().get(job.ref)
        if known is None:
            return f"sent to {job.spec.name} earlier; not heard of since"
        age = self._dry.world.clock() - known.seen_at
        return f"{known.state} on {known.connector}, as of {_duration(age)} ago"

    def _send(self, job: Job, attempt: int) -> None:
        self._whys[job.ref] = self._why(job, attempt)
        super()._send(job, attempt)

    def _why(self, job: Job, attempt: int) -> str:
        if attempt == 1:
            return "never run"
        end = self._main.local_end(job.ref)
        known = self._dry.states().get(job.ref)
        if end is not None and end.attempt == attempt - 1:
            return f"attempt {attempt}: {end.state}{_cause(end.cause)} before"
        if known is not None and known.attempt == attempt - 1:
            return f"attempt {attempt}: {known.state}{_cause(known.cause)} before"
        return f"attempt {attempt}"

    def _hold(self, job: Job) -> None:
        job.phase = Phase.HELD


class DrySession(Session):
    """Remembers what would be submitted; opens nothing."""

    def __init__(self, main: "DryMain", options: RunOptions) -> None:
        super().__init__(main, options.world)
        self.submitted: dict[JobRef, Entry] = {}
        self.snapshot: Snapshot | None = None
        self.recipes: dict[str, Mapping[str, object]] = {}
        self._states: Mapping[JobRef, Known] | None = None

    def _refresh_schemas(self, profiles: "Profiles") -> None:
        """Nothing is written."""

    @property
    def journal(self) -> Journal:
        """What there is to ask of a journal."""
        return cast("Journal", self)

    def jobs(self) -> Mapping[JobRef, Known]:
        """The last known states."""
        return self.states()

    def states(self) -> Mapping[JobRef, Known]:
        """The last known state of every job."""
        if self._states is None:
            with _copied(self.main) as journal:
                self._states = journal.jobs() if journal is not None else {}
        return self._states

    def submit(
        self,
        spec: Spec,
        entry: Entry,
        snapshot: Snapshot | None,
        environment: Snapshot | None = None,
    ) -> None:
        """Remember it."""
        self.submitted[JobRef(str(entry["task"]), str(entry["job"]))] = entry
        self.snapshot = snapshot or self.snapshot
        if environment is not None and environment.id not in self.recipes:
            _, _, source = environment.files["recipe.json"]
            self.recipes[environment.id] = json.loads(Path(source).read_bytes())

    def follow(self, spec: Spec, ref: JobRef, attempt: int) -> None:
        """Nobody is asked."""


class DryMain(MainFolder):
    """A main folder that is only read."""

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        self.outbox = DryOutbox(self.own)
        self._noted: dict[JobRef, Mapping[str, object]] = {}

    def note_job(self, connector: str, where: str, at: float, entry: Mapping[str, object]) -> None:
        """Remember it: what depends on it may ask."""
        ref = JobRef(str(entry["task"]), str(entry["job"]))
        self._noted[ref] = {"connector": connector, "where": where, "at": at, **entry}

    def job(self, ref: JobRef) -> Mapping[str, object] | None:
        """What was submitted last of a job, now or earlier."""
        return self._noted.get(ref) or super().job(ref)


class DryOutbox(Outbox):
    """An outbox that is only read."""

    def withdraw(self, connector: str, job: str) -> bool:
        """Whether it could be taken back."""
        return self.could_withdraw(connector, job)


class DryRecord(ExperimentRecord):
    """A record that takes no lines."""

    def append(self, line: Line) -> None:
        """Forget it."""


@contextmanager
def _copied(main: MainFolder) -> Generator[Journal | None]:
    """The journal as it is, in a copy: opening a database of SQLite's may write."""
    folder = journal_folder(main)
    if not inheriting.all_in(folder):
        yield None
        return
    with tempfile.TemporaryDirectory(prefix="xpm-dry-") as copy:
        shutil.copytree(folder, Path(copy) / "journal")
        journal = Journal(main, Path(copy) / "journal")
        try:
            yield journal
        finally:
            journal.close()


def _cause(cause: str | None) -> str:
    return f" ({cause})" if cause else ""


def _duration(seconds: float) -> str:
    from xpm.wire import hints

    return hints.duration(max(0.0, seconds))


def tidy(options: DryOptions) -> None:
    """Remove what dry experiments left for the time of the script."""
    for each in options.scratch:
        shutil.rmtree(each, ignore_errors=True)
