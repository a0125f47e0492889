"""The facade of the laptop's side: one main folder, and the connectors its jobs need."""

import time
from collections import Counter
from collections.abc import Callable, Collection, Mapping, Sequence
from functools import cached_property
from pathlib import Path
from queue import Empty, SimpleQueue
from typing import TYPE_CHECKING

from xpm.connectors import asking
from xpm.connectors.jobs import JobRef
from xpm.errors import HostUnreachable, UsageProblem, XpmError
from xpm.follow.journal import Happened, Journal, remember
from xpm.follow.looking import Look
from xpm.follow.main import MainFolder
from xpm.follow.views import OVER, ExperimentView, JobView, experiment
from xpm.sync import staying

if TYPE_CHECKING:
    from xpm.connectors.base import Connector, Snapshot
    from xpm.connectors.specs import Spec
    from xpm.follow.events import Event
    from xpm.follow.lane import Lane
    from xpm.follow.outbox import Entry
    from xpm.follow.waiting import Waiting
    from xpm.follow.world import World
    from xpm.launchers.profiles import Profiles
    from xpm.launchers.raising import Wishes

LEAVE_S = 5.0
INTERRUPTED_LEAVE_S = 1.0
ASKING_LEAVE_S = 0.2
"""Who ends a command instead of answering a question does not wait for the connection that asked."""
LATE_S = 1.0
HERE = "local"
BUSY = "{} has not answered yet: this machine is busy; waiting until it has"


class Session:
    """What experiments and commands do with a main folder. Used from one thread."""

    def __init__(self, main: MainFolder, world: "World | None" = None) -> None:
        self.main = main
        self._given = world
        self.events: SimpleQueue[Event] = SimpleQueue()
        self._lanes: dict[str, Lane] = {}
        self.waiting: dict[str, Waiting] = {}
        """The connectors that are waited for now, as far as ``next`` has told."""
        self.notes: dict[str, list[str]] = {}
        """What connectors have said to people during ``refresh``."""
        self.heard: dict[str, float] = {}  # when each connector last answered whole
        self.asked: Sequence[tuple[str, JobRef, int]] = ()
        """The connector, job and attempt of what the last refresh was to ask for."""
        self.brought: Counter[str] = Counter()
        """The bytes of results that came from each connector during ``refresh``."""
        self.says: Callable[[str], object] = lambda text: None
        """Who says at once what people are to know while they wait."""
        self._undelivered: dict[str, set[tuple[JobRef, int]]] = {}
        self._late: set[str] = set()
        """The connectors that have not answered in time: nobody waits for them at the end."""
        self._profiles: Profiles | None = None
        self._journal: Journal | None = None
        self._look: Look | None = None
        self._own: dict[str, Connector] = {}

    @cached_property
    def world(self) -> "World":
        """What lies around: made when it is needed."""
        from xpm.follow.world import World

        return self._given or World()

    @property
    def profiles(self) -> "Profiles":
        """The launcher profiles; read once."""
        if self._profiles is None:
            self._profiles = self.world.profiles()
            if self._profiles.files:
                self._refresh_schemas(self._profiles)
        return self._profiles

    @property
    def journal(self) -> Journal:
        """The journal, for this thread."""
        if self._journal is None:
            remember(self.main.path)
            self._journal = Journal(self.main)
        return self._journal

    def submit(
        self,
        spec: "Spec",
        entry: "Entry",
        snapshot: "Snapshot | None",
        environment: "Snapshot | None" = None,
    ) -> None:
        """Note durably that a job is wanted there; it is sent soon, and followed.

        Without a snapshot, the code the entry names has been sent there before; likewise its environment's recipe.
        """
        lane = self._lane(spec)  # first: a new one sends what it finds in the outbox
        self.main.outbox.put(spec.name, entry)
        ref, attempt = JobRef(str(entry["task"]), str(entry["job"])), int(str(entry["attempt"]))
        self._undelivered.setdefault(spec.name, set()).add((ref, attempt))
        lane.submit(entry, snapshot, environment)

    def follow(self, spec: "Spec", ref: JobRef, attempt: int) -> None:
        """Hear of a job sent earlier: its state soon, then its changes."""
        self._lane(spec).follow(ref, attempt)

    def ask_log(self, job: JobView, stream: str, offset: int) -> None:
        """Have its connector tell what a job has printed from there on: a ``Logged`` will come, over broken links too."""
        self._lane(self.spec(job.connector)).tail(job.ref, stream, offset)

    def recall(self, spec: "Spec", ref: JobRef, attempt: int) -> None:
        """Note durably that an attempt is to be cancelled, and say so there soon."""
        self.main.outbox.owe(spec.name, ref, attempt, self.world.clock())
        self._lane(spec).poke()

    def spec(self, connector: str) -> "Spec":
        """The connector of this name."""
        if connector in self._lanes:
            return self._lanes[connector].spec
        from xpm.follow.world import spec_named

        return spec_named(self.profiles, connector)

    def next(self, timeout_s: float | None = None) -> "Event | None":
        """The next event of any connector; None after the timeout; what ended a lane is raised."""
        from xpm.follow.events import Delivered, LinkDown, LinkUp, Stopped, Turned

        try:
            event = self.events.get(timeout=timeout_s)
        except Empty:
            return None
        if isinstance(event, Delivered):
            self._undelivered.get(event.connector, set()).difference_update(event.attempts)
        if isinstance(event, LinkDown):
            self.waiting[event.connector] = event.waiting
        if isinstance(event, Turned | LinkUp):
            self.heard[event.connector] = self.world.clock()
        if isinstance(event, LinkUp):
            self.waiting.pop(event.connector, None)
        if isinstance(event, Stopped):
            self._lanes.pop(event.connector, None)
            if event.error is not None:
                raise event.error
        return event

    @property
    def all_sent(self) -> bool:
        """Whether all that was submitted is safe on the far side."""
        return not any(self._undelivered.values())

    @property
    def is_sending(self) -> bool:
        """Whether something is not sent yet, and a lane is at it."""
        return any(self._undelivered.get(name) for name in self._lanes)

    def patience_s(self, interrupted: bool = False) -> float:
        """How long to wait for each lane when all is to end."""
        if asking.is_asking():
            return ASKING_LEAVE_S
        return INTERRUPTED_LEAVE_S if interrupted else LEAVE_S

    def hurry(self) -> None:
        """Let the lanes do at once what there is to do."""
        for lane in self._lanes.values():
            lane.hurry()

    def views(self) -> Sequence[ExperimentView]:
        """All experiments, as last known."""
        look = self.look()
        return [experiment(look, each.id) for each in self.main.experiments()]

    def refresh(
        self,
        connectors: Collection[str] | None = None,
        patience_s: float | None = None,
        is_shared: bool = False,
    ) -> Mapping[str, XpmError]:
        """One exchange with every connector that has something to tell or to be told.

        Args:
            connectors: only these.
            patience_s: seconds after which those that have not answered are left out.
            is_shared: ask for what is over and not done too: another laptop may have tried it again.

        Returns:
            The connectors that could not be asked, and why.
        """
        look = self.look()
        asked: dict[str, dict[JobRef, int]] = {name: {} for name in self.main.outbox.connectors()}
        self.asked = look.unsettled()
        for name, ref, attempt in self.asked:
            asked.setdefault(name, {})[ref] = attempt
        shared: dict[str, dict[JobRef, int]] = {}
        for name, ref, attempt in look.ended_badly() if is_shared else ():
            if name != HERE:
                shared.setdefault(name, {})[ref] = attempt
        problems: dict[str, XpmError] = {}
        waiting: dict[str, int] = {}
        for name in asked.keys() | shared.keys():
            if connectors is not None and name not in connectors:
                continue
            try:
                lane = self._lane(self.spec(name))
            except UsageProblem as problem:
                problems[name] = problem
                continue
            lane.follow_all({**shared.get(name, {}), **asked.get(name, {})})
            waiting[name] = lane.poke(is_live=is_shared)
            lane.hurry()
        problems.update(self._one_round(waiting, patience_s) if waiting else {})
        if problems:
            look.reconcile(list(problems))
        return {name: problem for name, problem in problems.items() if name in asked}

    def look(self) -> Look:
        """What is known now, to be asked."""
        if self._look is None:
            self._look = Look(self.main, self.journal)
        else:
            self._look.update()
        return self._look

    def _one_round(
        self, waiting: dict[str, int], patience_s: float | None
    ) -> Mapping[str, XpmError]:
        from xpm.connectors.specs import LocalSpec
        from xpm.follow.events import LinkDown, Stopped, Turned

        problems: dict[str, XpmError] = {}
        if patience_s is not None and self._late.issuperset(waiting):
            patience_s = min(patience_s, LATE_S)  # they had their time before
        until = None if patience_s is None else time.monotonic() + patience_s
        while waiting:
            try:
                left = None if until is None else max(0.0, until - time.monotonic())
                event = self.events.get(timeout=left)
            except Empty:
                if asking.is_asking():
                    until = time.monotonic() + 1.0
                    continue
                late = f"it did not answer within {patience_s:.0f} s"
                far = [each for each in waiting if not isinstance(self.spec(each), LocalSpec)]
                for name in far:
                    problems[name] = HostUnreachable("no news", on=name, cause=late)
                    self._late.add(name)
                    del waiting[name]
                for name in waiting:
                    self.says(BUSY.format(name))
                until = None
                continue
            error = self._hear(event)
            if error is not None:
                problems[event.connector] = error
            is_stale = isinstance(event, Turned) and event.pokes < waiting.get(event.connector, 0)
            if isinstance(event, Turned | LinkDown | Stopped) and not is_stale:
                waiting.pop(event.connector, None)
                self._late.discard(event.connector)
        return problems

    def _hear(self, event: "Event") -> XpmError | None:
        """Note what a connector says; the error that kept it from being asked, if this is one."""
        from xpm.follow.events import Arrived, Delivered, LinkDown, Noted, Stopped

        if isinstance(event, Delivered):
            self._undelivered.get(event.connector, set()).difference_update(event.attempts)
        elif isinstance(event, Arrived):
            self.brought[event.connector] += event.fetched.bytes
        elif isinstance(event, Noted):
            self.notes.setdefault(event.connector, []).append(event.text)
        elif isinstance(event, LinkDown):
            return event.error
        elif isinstance(event, Stopped):
            self._lanes.pop(event.connector, None)
            if event.error is not None and not isinstance(event.error, XpmError):
                raise event.error
            return event.error
        return None

    def sync(self, connectors: Collection[str] | None = None) -> Mapping[str, XpmError]:
        """Send what waits, hear what happened (on other laptops too), bring what is over: the same exchange."""
        return self.refresh(connectors, is_shared=True)

    def cancel(
        self, jobs: Sequence[JobView], patience_s: float | None = None
    ) -> Mapping[str, XpmError]:
        """Cancel these jobs: noted here durably, then told to their connectors.

        Returns:
            The connectors that could not be told within the time, and why.
        """
        now = self.world.clock()
        for job in jobs:
            if job.state not in OVER:
                self.main.outbox.owe(job.connector, job.ref, max(job.attempt, 1), now)
        self.journal.happened(
            Happened(now, job.id, "cancel asked", {"attempt": job.attempt}) for job in jobs
        )
        return self.refresh({job.connector for job in jobs}, patience_s)

    def retry(
        self,
        jobs: Sequence[JobView],
        patience_s: float | None = None,
        wishes: "Wishes | None" = None,
    ) -> Mapping[str, XpmError]:
        """Give failed jobs, and those skipped after them, a new attempt with the code they had.

        Args:
            jobs: those that failed.
            patience_s: how long to wait for their connectors.
            wishes: what they ask for now (xpm/launchers/raising.py); those skipped after them ask for what they did.

        Returns:
            The connectors that have not taken them within the time, and why.
        """
        for job in jobs:
            if job.state not in OVER - {"done"}:
                raise UsageProblem(
                    f"job {job.id[:12]} is {job.state}", on=job.task,
                    hint="only failed, cancelled, lost and skipped jobs can be tried again",
                )  # fmt: skip
        from xpm.follow import retrying

        chosen = retrying.with_skipped(self, jobs)
        failed = [job for job in jobs if job.state != "skipped"] if wishes else []
        wished = {job.ref: retrying.wished(self, job, wishes or {}) for job in failed}
        for job in chosen:
            retrying.resubmit(self, job, wished.get(job.ref))
        return self.refresh({job.connector for job in chosen}, patience_s)

    def tail(self, job: JobView, stream: str, offset: int, limit: int = 1 << 18) -> bytes:
        """Bytes of a job's log from an offset on: from here when they are here."""
        if is_here(job, stream):
            try:
                with (Path(job.path) / stream).open("rb") as file:
                    file.seek(offset)
                    return file.read(limit)
            except FileNotFoundError:
                return b""
        return self.connector(job.connector).tail(job.ref, stream, offset, limit).content

    def connector(self, name: str) -> "Connector":
        """The connector of this name, for what is not followed: the lane's when there is one, else opened once."""
        if name in self._lanes:
            return self._lanes[name].opened()
        if name not in self._own:
            self._own[name] = self.world.open(self.spec(name), self.main.path)
        return self._own[name]

    def up(self, name: str) -> "Connector | None":
        """A connector while its lane has it open and it answers: any thread may ask it for the ends of logs."""
        lane = self._lanes.get(name)
        return None if lane is None else lane.up

    def close(self, interrupted: bool = False) -> None:
        """End all lanes, soon when a person has interrupted them; jobs go on."""
        patience_s = self.patience_s(interrupted)
        for lane in self._lanes.values():
            lane.stop()
        for name, lane in self._lanes.items():
            is_lost = name in self._late or name in self.waiting
            lane.leave(0.0 if is_lost else patience_s)
        self._lanes.clear()
        self.events = SimpleQueue()
        for connector in self._own.values():
            connector.close()
        self._own.clear()
        if self._journal is not None:
            self._journal.close()
            self._journal = self._look = None

    def _refresh_schemas(self, profiles: "Profiles") -> None:
        from xpm.launchers import schemas  # there is one beside a profile alone

        schemas.refresh(profiles.files)

    def _lane(self, spec: "Spec") -> "Lane":
        from xpm.follow.lane import Lane  # with all that travels: who only looks needs none of it

        lane = self._lanes.get(spec.name)
        if lane is None:
            remember(self.main.path)
            rules = self.profiles.rules(spec.name)
            link = self._own.pop(spec.name, None)
            lane = Lane(spec, self.main, self.events, self.world, link, rules)
            self._lanes[spec.name] = lane
            lane.start()
        return lane


def is_here(job: JobView, stream: str) -> bool:
    """Whether what a job has printed is on this machine, all of it that there is."""
    if job.connector == HERE:
        return True
    return job.settled and not any(each.path == stream for each in staying.noted(Path(job.path)))
