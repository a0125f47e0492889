"""One connector, followed by a thread of its own.

A lane goes round: send what the laptop owes (cancels, code, jobs: outgoing.py), ask for news, bring the files of what is
over (followed.py). Others hand it work at any moment and read its events from one queue; it owns the connector. A host
that does not answer changes no state: the lane says so once, waits with
growing patience (none left over when this machine has slept), and goes on where it was. Where a login is needed it
waits, without trying, until somebody has logged in. An error that patience cannot mend ends the lane and is its last event.

Work handed in while the lane sits in ``observe`` is announced by ``nudge``. A short linger lets a plan's quick
submissions travel together, so that equal ones can become one array; ``hurry`` ends it.
"""

import contextlib
import functools
import math
import sys
import threading
import time
from collections.abc import Callable, Mapping
from queue import SimpleQueue

from xpm.connectors.base import Connector, JobRef, Snapshot
from xpm.connectors.specs import LocalSpec, Spec
from xpm.errors import HostProblem, LoginNeeded
from xpm.follow import sent, sites
from xpm.follow.events import Delivered, Event, LinkDown, LinkUp, Logged, Noted, Stopped, Turned
from xpm.follow.followed import Followed
from xpm.follow.journal import Journal
from xpm.follow.main import MainFolder
from xpm.follow.outbox import Entry, Outbox
from xpm.follow.outgoing import Outgoing
from xpm.follow.waiting import Waiting, as_problem, heals
from xpm.follow.world import World
from xpm.sync.rules import EVERYTHING_COMES, Rules
from xpm.wire import files

OBSERVE_S = 30.0
LINGER_S = 0.02
LINGER_MOST_S = 0.25
LOGIN_LOOK_S = 2.0
TAIL_BYTES = 1 << 18


class Lane(threading.Thread):
    """Sends, asks and fetches for one connector."""

    def __init__(
        self,
        spec: Spec,
        main: MainFolder,
        events: SimpleQueue[Event],
        world: World,
        link: Connector | None = None,
        rules: Rules = EVERYTHING_COMES,
    ) -> None:
        super().__init__(name=f"xpm lane {spec.name}", daemon=True)
        self.spec = spec
        self.connector_name = spec.name
        self._main = main
        self._outbox: Outbox = main.outbox
        self._events = events
        self._world = world
        arrived = functools.partial(sent.note_code, spec)
        self._outgoing = Outgoing(
            spec.name,
            main.outbox,
            world.clock,
            self._note,
            arrived,
            not isinstance(spec, LocalSpec),
        )
        self._followed = Followed(spec.name, events, world.clock, rules, main.launcher)
        self._changed = threading.Condition()  # guards the next nine
        self._fresh: dict[JobRef, int] = {}
        self._tails: dict[tuple[JobRef, str], int] = {}
        self._stopping = self._woke = False
        self._hurry = self._wants_live = False
        self._pokes = self._answered = 0
        self._touched = 0.0
        self._link = link
        self._observing = False
        self._down_since: float | None = None
        self._failures = 0
        self._has_met = False

    # -- from other threads --

    def submit(
        self, entry: Entry, snapshot: Snapshot | None, environment: Snapshot | None = None
    ) -> None:
        """Send this job, which is in the outbox already, and follow it.

        Without a snapshot its code is there since an earlier attempt; likewise its environment's recipe.
        """
        self._outgoing.add(entry, snapshot, environment)
        with self._changed:
            self._touch()
        self._nudge()

    def follow(self, ref: JobRef, attempt: int) -> None:
        """Tell the state of this job soon, then whatever happens to it."""
        with self._changed:
            self._fresh[ref] = attempt
            self._touch()
        self._nudge()

    def follow_all(self, attempts: Mapping[JobRef, int]) -> None:
        """Likewise of many jobs."""
        with self._changed:
            self._fresh.update(attempts)
            self._touch()
        self._nudge()

    def tail(self, ref: JobRef, stream: str, offset: int) -> None:
        """Tell what this job has printed from there on: at once, or when the host answers again."""
        with self._changed:
            self._tails[ref, stream] = offset
            self._touch()
        self._nudge()

    def hurry(self) -> None:
        """Do at once what there is to do; the plan waits."""
        with self._changed:
            self._hurry = True
            self._changed.notify_all()

    def poke(self, is_live: bool = False) -> int:
        """Go round once at least: something may be owed. The number that ``Turned`` will tell.

        Args:
            is_live: bring what is to be seen of jobs that run, too.
        """
        with self._changed:
            self._pokes += 1
            self._wants_live = self._wants_live or is_live
            self._touch()
            pokes = self._pokes
        self._nudge()
        return pokes

    def stop(self) -> None:
        """End soon; jobs go on."""
        with self._changed:
            self._stopping = True
            self._changed.notify_all()
        self._nudge()

    def leave(self, patience_s: float) -> None:
        """End now; a connector that hangs is closed under its lane, by a thread nobody waits for."""
        self.stop()
        self.join(patience_s)
        if self.is_alive() and self._link is not None:
            threading.Thread(target=self._link.close, daemon=True).start()
            self.join(patience_s)

    def opened(self) -> Connector:
        """The connector, of which others may ask for the tails of logs: a second login may not be wanted."""
        with self._changed:
            if self._link is None:
                self._link = self._world.open(self.spec, self._main.path)
            return self._link

    @property
    def up(self) -> Connector | None:
        """The connector while it answers, for others likewise; None: it is not open, or does not answer."""
        with self._changed:
            return self._link if self._has_met and self._down_since is None else None

    def _wake(self) -> None:
        with self._changed:
            self._woke = True
            self._changed.notify_all()

    def _touch(self) -> None:
        self._touched = time.monotonic()
        self._changed.notify_all()

    def _nudge(self) -> None:
        link = self._link
        if link is not None and self._observing:
            link.nudge()

    # -- the thread --

    def run(self) -> None:
        """Go round until stopped; what ends it otherwise is its last event."""
        with contextlib.suppress(Exception):
            self._run()

    def _run(self) -> None:
        journal = None
        forget = self._world.waking.tell(self._wake)
        try:
            while journal is None and self._goes_on():
                journal = self._opened()
            if journal is not None:
                self._go(journal)
        finally:
            forget()
            if self._link is not None:
                self._link.close()
            if journal is not None:
                journal.close()
            self._events.put(Stopped(self.connector_name, sys.exc_info()[1]))

    def _goes_on(self) -> bool:
        with self._changed:
            return not self._stopping

    def _opened(self) -> Journal | None:
        """The journal; None after a pause, when the disk here is full or away."""
        try:
            return Journal(self._main)
        except OSError as error:
            self._failures += 1
            self._rest(None, self._as_problem(error))
            return None

    def _go(self, journal: Journal) -> None:
        while self._wait_for_work():
            try:
                self._round(journal)
                self._failures = 0
            except (HostProblem, OSError) as error:
                problem = self._as_problem(error)
                self._failures += 1
                has_jobs = bool(self._followed or self._fresh)
                if not heals(problem, self._has_met, has_jobs):
                    self._note_down(journal, self._waiting(problem, 0.0))
                    raise problem from error
                self._rest(journal, problem)

    def _wait_for_work(self) -> bool:
        with self._changed:
            self._changed.wait_for(lambda: self._stopping or self._has_work())
            linger_until = time.monotonic() + LINGER_MOST_S
            while not (self._stopping or self._hurry) and (self._outgoing or self._fresh):
                quiet_until = min(self._touched + LINGER_S, linger_until)
                left = quiet_until - time.monotonic()
                if left <= 0:
                    break
                self._changed.wait(left)
            return not self._stopping

    def _has_work(self) -> bool:
        return bool(
            self._outgoing
            or self._fresh
            or self._tails
            or self._pokes > self._answered
            or self._followed
            or self._followed.lacks_files
            or self._outbox.owed(self.connector_name)
        )

    def _round(self, journal: Journal) -> None:
        self.opened()
        with self._changed:
            pokes = self._pokes
        self._cancel()  # first: what is to be cancelled need not be submitted
        self._deliver(journal)
        self._ask(journal)
        self._read()
        self._bring(journal)
        with self._changed:
            quiet = not (self._outgoing or self._fresh)
        if quiet and not self._followed.lacks_files:
            self._answered = pokes
            self._events.put(Turned(self.connector_name, pokes))

    def _as_problem(self, error: HostProblem | OSError) -> HostProblem:
        return as_problem(error, str(self._main.path))

    def _rest(self, journal: Journal | None, problem: HostProblem) -> None:
        """Say what is waited for, and wait."""
        self._followed.ask_for_all()
        pause_s = self._world.patience(self._failures)
        waiting = self._waiting(problem, pause_s)
        if journal is not None:
            self._note_down(journal, waiting)
        self._events.put(LinkDown(waiting))
        if isinstance(problem, LoginNeeded) and problem.renewed is not None:
            self._await_login(waiting, problem.renewed)
            return
        with self._changed:
            self._woke = False
            self._changed.wait_for(lambda: self._stopping or self._woke, pause_s)

    def _await_login(self, waiting: Waiting, is_renewed: Callable[[], bool]) -> None:
        """Wait until something has changed here that may let us in. Tries nothing: some sites ban who does."""
        told = self._pokes
        while not is_renewed():
            with self._changed:
                if self._pokes != told:
                    told = self._pokes
                    self._events.put(LinkDown(waiting))
                if self._changed.wait_for(lambda: self._stopping, LOGIN_LOOK_S):
                    return

    def _waiting(self, problem: HostProblem, pause_s: float) -> Waiting:
        now = self._world.clock()
        self._down_since = self._down_since or now
        return Waiting(
            self.connector_name, problem, self._down_since, now, now + pause_s,
            len(self._outgoing), self._followed.count_unfetched,
        )  # fmt: skip

    def _note_down(self, journal: Journal, waiting: Waiting) -> None:
        with contextlib.suppress(OSError):  # a full disk is told already, and tried again
            journal.down(self.connector_name, waiting.since, waiting.text)
            if self._failures == 1:
                self._outgoing.make_safe()

    def _note(self, text: str) -> None:
        self._events.put(Noted(self.connector_name, text))

    def _heard(self) -> None:
        self._has_met = True
        if self._down_since is not None:
            self._down_since = None
            self._events.put(LinkUp(self.connector_name))

    def _deliver(self, journal: Journal) -> None:
        assert self._link is not None
        for attempts in self._outgoing.send(self._link, journal):
            if attempts:
                self._heard()
            self._followed.add(attempts)
            self._events.put(Delivered(self.connector_name, list(attempts.items())))

    def _cancel(self) -> None:
        assert self._link is not None
        owed = self._outbox.owed(self.connector_name)
        if owed:
            self._link.cancel([(each.ref, each.attempt) for each in owed])
            self._outbox.paid(self.connector_name, owed)

    def _ask(self, journal: Journal) -> None:
        assert self._link is not None
        with self._changed:
            fresh, self._fresh = self._fresh, {}
            urgent = bool(self._outgoing or self._tails) or self._stopping
            urgent = urgent or self._pokes > self._answered
            self._hurry = False
            if not fresh and not self._followed:
                return
            wait_s = 0.0 if fresh or urgent or self._followed.lacks_files else OBSERVE_S
            wait_s = min(wait_s, self._followed.live_in_s())
            self._observing = wait_s > 0
        try:
            site = self._followed.ask(self._link, journal, self._main.path, fresh, wait_s)
        except HostProblem:
            with self._changed:
                self._fresh = {**fresh, **self._fresh}
            raise
        finally:
            self._observing = False
        self._heard()
        if site is not None:
            sites.keep(self.spec, site)

    def _is_urgent(self) -> bool:
        """Whether something is to be sent that should not wait for a big file."""
        if self._stopping or len(self._outgoing):
            return True
        return bool(self._outbox.owed(self.connector_name))

    def _read(self) -> None:
        assert self._link is not None
        with self._changed:
            wanted = list(self._tails.items())
        for (ref, stream), offset in wanted:
            printed = self._link.tail(ref, stream, offset, TAIL_BYTES)
            self._heard()
            with self._changed:
                if self._tails.get((ref, stream)) == offset:
                    del self._tails[ref, stream]
            self._events.put(Logged(self.connector_name, ref, stream, offset, printed))

    def _bring(self, journal: Journal) -> None:
        assert self._link is not None
        if self._followed.lacks_files:
            files.require(str(self._main.own))
            self._followed.bring(self._link, journal, self._main.path, self._is_urgent)
            self._heard()
        with self._changed:
            is_asked, self._wants_live = self._wants_live, False
        live_in_s = self._followed.live_in_s()
        if live_in_s <= 0 or (is_asked and live_in_s < math.inf):
            self._followed.bring_live(self._link, self._main.path)
            self._heard()
