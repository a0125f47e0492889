"""What becomes of a task that a plan submits: reused, followed again, or sent in a new attempt."""

import time
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, cast

from xpm import _reach
from xpm._asking import Asking
from xpm._code import Code
from xpm._environments import Environments
from xpm._jobs import AGAIN, Job, Phase
from xpm._reach import HERE
from xpm._reuse import changed_since, unheeded
from xpm.agent.limits import SiteLimits
from xpm.connectors.base import Change, JobRef, Snapshot
from xpm.connectors.specs import SlurmSpec, Spec
from xpm.errors import PlanProblem
from xpm.follow.batches import Batches
from xpm.follow.journal import Known
from xpm.follow.main import LocalEnd
from xpm.follow.records import ExperimentRecord, Line
from xpm.follow.retrying import ENTRY_FIELDS
from xpm.follow.session import Session
from xpm.follow.told import told
from xpm.follow.views import OVER
from xpm.wire import files

if TYPE_CHECKING:
    from xpm.launchers.profiles import Launcher
    from xpm.plan.requirements import Req
    from xpm.plan.sealing import Sealed

NOT_STARTED = frozenset({"waiting", "ready", "submitted", "pending"})
KEEPS = (
    "the code has changed since: jobs that have not started keep what they were submitted with"
    " (`xpm run --refresh` gives them the code of now)"
)
STAYS = (
    "jobs that were sent to {old} stay there, though they are to go to {new} now"
    " (`xpm run --move` cancels those that have not started, and sends them there)"
)
REFRESHED = "jobs that have not started run the code of now"


class Deciding:
    """The jobs of one run, and how each came to its attempt. Used from the plan's thread.

    Args:
        session: the main folder, and the connectors its jobs need.
        record: the experiment's.
        run: the name of this run.
        note: says something once.
        patiently: writes, again and again while the disk here is full or away; each write may be repeated.
        refresh: give jobs that have not started the code of now.
        move: cancel jobs that have not started where an earlier run sent them, when they are to go elsewhere now.
    """

    def __init__(
        self,
        session: Session,
        record: ExperimentRecord,
        run: str,
        note: Callable[[str], None],
        patiently: Callable[[Callable[[], None]], None],
        refresh: bool = False,
        move: bool = False,
    ) -> None:
        self._patiently = patiently
        self._session = session
        self._main = session.main
        self._record = record
        self._run = run
        self._note = note
        self._refresh = refresh
        self._move = move
        self._left: dict[JobRef, int] = {}  # the attempts that are cancelled to be sent elsewhere
        self.code = Code(lambda: session.profiles.code)
        self.jobs: dict[JobRef, Job] = {}
        self._asking = Asking(self._told)
        self._environments = Environments(
            self.code.project, lambda: self.code.imports, self._note_once
        )
        self.alive: set[JobRef] = set()
        self.undecided: set[JobRef] = set()
        self.reused: list[Job] = []  # done before
        self.batches = Batches(time.time())
        self._held: list[Job] = []
        self._sites: dict[str, tuple[SiteLimits, str] | None] = {}
        self._noted: set[str] = set()
        self._known: Mapping[JobRef, Known] | None = None

    def add(self, sealed: "Sealed", launcher: "Launcher", require: "Req | None" = None) -> Job:
        """The job of a sealed task, decided if it can be already."""
        from xpm.plan.jobpath import JobPath

        ref = JobRef(sealed.task, sealed.job)
        known = self.jobs.get(ref)
        if known is not None:
            self._note_once(unheeded(known, sealed, launcher.name))
            return known
        parents = tuple(JobRef(task, job) for task, job in sealed.parents)
        barred = _reach.barred(self.jobs, launcher, parents)
        answer = self._asking.request(sealed, launcher, require, barred)
        job = Job(
            sealed=sealed,
            folder=JobPath(self._main.job_folder(ref)),
            launcher=launcher.name,
            spec=answer.connector,
            request=answer.request,
            slots=answer.slots,
            parents=parents,
            require=require,
        )
        self._decide(job)
        self.jobs[ref] = job
        if job.phase is not Phase.OVER:
            self.alive.add(ref)
        if job.undecided:
            self.undecided.add(ref)
        if job.phase is Phase.HELD:
            self._held.append(job)
        return job

    def end(self, job: Job) -> None:
        """Note that a job's end is known, and its files are here."""
        job.phase = Phase.OVER
        self.alive.discard(job.ref)

    def again(self, line: Line) -> Job | None:
        """Follow an attempt that somebody else has given a job of ours; None: it is no such attempt."""
        job = self.jobs.get(JobRef(line.task, line.job))
        if job is None or job.undecided or line.attempt <= job.attempt:
            return None  # such as all that this run has noted itself
        noted = self._main.job(job.ref)
        if noted is None:
            return None
        job.spec = self._session.spec(line.connector)
        job.attempt, job.line, job.seen_at, job.delivered = line.attempt, line, line.at, False
        job.phase = Phase.FOLLOWED
        self.alive.add(job.ref)
        entry = {name: noted[name] for name in ENTRY_FIELDS if name in noted}
        entry["attempt"] = line.attempt
        spec = job.spec
        self._patiently(lambda: self._session.submit(spec, entry, None))
        self._session.follow(spec, job.ref, line.attempt)  # it may be over there already
        return job

    def hear(self, change: Change) -> bool:
        """Take news of a job; whether it is one of ours and the news are not old."""
        job = self.jobs.get(change.ref)
        if job is None or job.phase in (Phase.HELD, Phase.OVER):
            return False
        if job.phase is Phase.ASKED:
            self._answer(job, change)
            if change.state not in OVER:
                self._note_batch(job, change)
            if not job.undecided:
                self.undecided.discard(job.ref)
                self._release()
            return True
        if change.attempt <= self._left.get(job.ref, 0):
            return False  # of where it was before
        if change.attempt < job.attempt and not job.delivered:
            return False  # of an attempt that is to be replaced
        job.known = change
        job.attempt = change.attempt
        self._note_batch(job, change)
        return True

    def _note_batch(self, job: Job, change: Change) -> None:
        if change.batch_id and isinstance(job.spec, SlurmSpec):
            ended = (change.state, change.at) if change.state in OVER else None
            self.batches.add(job.spec.name, change.batch_id, ended)

    def delivered(self, attempts: Sequence[tuple[JobRef, int]]) -> None:
        """Note what the far side wants now: from here on, its word counts for any attempt.

        It may follow an earlier attempt than the one it was asked for, when that one was alive after all.
        """
        for ref, attempt in attempts:
            job = self.jobs.get(ref)
            if job is not None and job.attempt == attempt:
                job.delivered = True

    def _release(self) -> None:
        held, self._held = self._held, []
        for job in held:
            self._decide(job)
            if job.phase is Phase.HELD:
                self._held.append(job)
            elif not job.undecided:
                self.undecided.discard(job.ref)

    def _decide(self, job: Job) -> None:
        end = self._main.local_end(job.ref)
        if end is not None and end.state == "done":
            self._reuse(job, end)
            return
        if any(parent.undecided for parent in self._parents(job)):
            self._hold(job)
            return
        noted = self._main.job(job.ref)
        sent = int(str(noted["attempt"])) if noted else 0
        if end is not None and end.attempt >= sent:
            self._send(job, end.attempt + 1)
        elif noted is None:
            self._send(job, 1)
        elif self._was_over(job.ref, sent):
            self._send(job, sent + 1)
        elif self._main.outbox.holds(job.spec.name, job.sealed.job):
            self._send(job, sent)  # nobody has it yet: it may as well take the code of today
        elif self._withdraw(job, str(noted["connector"])):
            self._send(job, sent)
        else:
            self._ask(job, sent, str(noted["connector"]))

    def _withdraw(self, job: Job, connector: str) -> bool:
        """Whether an earlier run meant it for another place, and it has never left from here."""
        if not self._main.outbox.withdraw(connector, job.sealed.job):
            return False
        self._note(
            f"{job.sealed.task} {job.sealed.job[:12]} was never sent to {connector}:"
            f" it goes to {job.spec.name} now"
        )
        return True

    def _was_over(self, ref: JobRef, attempt: int) -> bool:
        """Whether the journal knows that this attempt was skipped, or ended badly without a record here."""
        if self._known is None:
            self._known = self._session.journal.jobs()
        known = self._known.get(ref)
        return known is not None and known.attempt == attempt and known.state in AGAIN

    def _hold(self, job: Job) -> None:
        job.phase = Phase.HELD
        own = job.folder / ".xpm"
        self._patiently(lambda: files.make_below(str(self._main.own), str(own)))

    def _reuse(self, job: Job, end: LocalEnd) -> None:
        noted = self._main.job(job.ref)
        self._compare(job)
        job.known, job.attempt, job.seen_at = end, end.attempt, end.at
        self._append(job, str(noted["connector"]) if noted else HERE)
        job.phase = Phase.OVER
        self.reused.append(job)

    def _ask(self, job: Job, attempt: int, connector: str) -> None:
        if connector != job.spec.name:
            job.spec = self._session.spec(connector)
        job.attempt, job.phase = attempt, Phase.ASKED
        self._session.follow(job.spec, job.ref, attempt)

    def _answer(self, job: Job, change: Change) -> None:
        """What an earlier submission has come to decides whether a new attempt is needed."""
        if change.state in AGAIN:
            self._send(job, max(change.attempt, job.attempt) + 1)
        elif change.attempt == 0:
            self._send(job, job.attempt)  # it never got there
        elif self._leaves(job, change):
            job.attempt = max(change.attempt, job.attempt)
        else:
            self._compare(job)
            job.known, job.attempt = change, max(change.attempt, job.attempt)
            self._append(job, job.spec.name)
            job.phase = Phase.FOLLOWED
            if change.state in NOT_STARTED:
                self._renew(job)

    def _leaves(self, job: Job, change: Change) -> bool:
        """Whether it is cancelled where it waits, to be sent where it is to go now: once it is known to be over there."""
        if job.ref in self._left:
            if change.state == "done":  # it was faster
                del self._left[job.ref]
            return job.ref in self._left
        old, new = self._whereabouts(job)
        if old == new:
            return False
        if not self._move or change.state not in NOT_STARTED:
            self._note_once(STAYS.format(old=old, new=new))
            return False
        target = str(job.request["connector"])
        for parent in self._parents(job):
            if _reach.place_of(parent) != target and not (
                _reach.is_here(parent) and target == HERE
            ):
                self._note_once(f"jobs on {old} stay there: what they depend on is not on {target}")
                return False
        attempt, spec = max(change.attempt, job.attempt), job.spec
        self._left[job.ref] = attempt
        self._note_once(f"jobs on {old} that have not started are cancelled there, and go to {new}")
        self._patiently(lambda: self._session.recall(spec, job.ref, attempt))
        return True

    def _whereabouts(self, job: Job) -> tuple[str, str]:
        """Where it was sent and where it is to go, in words; equal when that is the same."""
        was = self._main.launcher(job.ref)
        old, new = job.spec.name, str(job.request["connector"])
        if was and was != job.launcher:
            return f"{old} (launcher {was})", f"{new} (launcher {job.launcher})"
        return old, new

    def _renew(self, job: Job) -> None:
        """Give a job that has not started the code as it is now, if that is wished and makes a difference."""
        noted = self._main.job(job.ref)
        code = cast("dict[str, object]", noted.get("code") or {}) if noted else {}
        if noted is None or code.get("snapshot") == self.code.content["snapshot"]:
            return  # what an earlier run has asked for is in the outbox, with its code
        if not self._refresh:
            self._note_once(KEEPS)
            return
        self._note_once(REFRESHED)
        entry = {name: noted[name] for name in ENTRY_FIELDS if name in noted}
        entry.update(attempt=job.attempt, code=self.code.content)
        now = self._session.world.clock()
        spec, where = job.spec, job.sealed.where
        renewed = {**entry, "refresh": True}
        # each is there before what speaks of it: whenever this machine dies, the next command delivers it
        self._patiently(lambda: self._main.outbox.keep(self.code.snapshot))
        self._patiently(lambda: self._session.submit(spec, renewed, self.code.snapshot))
        self._patiently(lambda: self._main.note_job(spec.name, where, now, entry))

    def _send(self, job: Job, attempt: int) -> None:
        if job.spec.name != job.request["connector"]:
            job.spec = self._session.spec(str(job.request["connector"]))
        self._choose_again(job)
        for parent in self._parents(job):
            _reach.require_reachable(job, parent)
        _reach.require_known(self.jobs, self._main, job)
        self._refuse_never(job)
        sealed = job.sealed
        environment = self._environment(job)
        request = dict(job.request, **({"environment": environment.id} if environment else {}))
        entry = {
            "job": sealed.job, "task": sealed.task, "attempt": attempt,
            "experiment": self._record.id, "parents": [list(each) for each in sealed.parents],
            "tokens": [list(each) for each in job.slots], "request": request,
            "document": sealed.document, "code": self.code.content, "tags": sealed.tags,
        }  # fmt: skip
        now = self._session.world.clock()
        job.attempt, job.known, job.seen_at, job.delivered = attempt, None, now, False
        spec = job.spec
        self._patiently(lambda: self._main.note_job(spec.name, sealed.where, now, entry))
        self._append(job, spec.name)
        self._patiently(lambda: self._session.submit(spec, entry, self.code.snapshot, environment))
        job.phase = Phase.FOLLOWED

    def _environment(self, job: Job) -> Snapshot | None:
        """The recipe of what it runs in."""
        launcher = self._session.profiles.launcher(job.launcher)
        try:
            return self._environments.of(launcher, job.spec.name)
        except PlanProblem as problem:
            problem.where = problem.where or job.sealed.where
            raise

    def _choose_again(self, job: Job) -> None:
        """What it depends on may have gone elsewhere since it was chosen where this goes."""
        launcher = self._session.profiles.launcher(job.launcher)
        barred = _reach.barred(self.jobs, launcher, job.parents)
        if str(job.request["connector"]) in barred:
            answer = self._asking.request(job.sealed, launcher, job.require, barred)
            job.spec, job.request, job.slots = answer.connector, answer.request, answer.slots

    def _told(self, spec: Spec) -> tuple[SiteLimits, str] | None:
        """What a place has lately said it allows, and its age in words."""
        if spec.name not in self._sites:
            self._sites[spec.name] = told(spec, self._session.world.clock())
        return self._sites[spec.name]

    def _refuse_never(self, job: Job) -> None:
        """What its site has lately said it can never run is not sent."""
        limits = self._told(job.spec)
        if limits is not None:
            launcher = self._session.profiles.launcher(job.launcher)
            launcher.refuse(job.request, *limits, job.sealed.where)

    def _append(self, job: Job, connector: str) -> None:
        sealed = job.sealed
        now = self._session.world.clock()
        line = job.line = Line(
            sealed.job, sealed.task, job.attempt, connector, job.launcher, sealed.tags,
            sealed.parents, getattr(job.spec, "workspace", str(self._main.path)), now, self._run,
        )  # fmt: skip
        job.seen_at = job.seen_at or now
        self._patiently(lambda: self._record.append(line))

    def _compare(self, job: Job) -> None:
        """No silent reuse: a default that changed is refused, a path that differs is told."""
        noted = self._main.job(job.ref)
        if noted is None or noted.get("document") == job.sealed.document:
            return
        for text in changed_since(job, cast("dict[str, Any]", noted["document"])):
            self._note_once(text)

    def _note_once(self, text: str) -> None:
        if text and text not in self._noted:
            self._noted.add(text)
            self._note(text)

    def _parents(self, job: Job) -> Sequence[Job]:
        return [self.jobs[ref] for ref in job.parents if ref in self.jobs]
