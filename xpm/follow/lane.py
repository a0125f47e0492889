"""One connector, followed by a thread of its own.

A lane goes round: send what the laptop owes (code, jobs, cancels), ask for news, bring the files of what is over.
Others hand it work at any moment and read its events from one queue; it owns the connector, the cursor and what
is last known of each job it follows. A host that does not answer changes no state: the lane says so once, waits with
growing patience, and goes on where it was. An error that patience cannot mend ends the lane and is its last event.

Work handed in while the lane sits in ``observe`` is announced by ``nudge``. A short linger lets a plan's quick
submissions travel together, so that equal ones can become one array; ``hurry`` ends it.
"""

import contextlib
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from queue import SimpleQueue

from xpm.connectors.base import Change, Connector, Fetched, JobRef, Snapshot
from xpm.connectors.specs import Spec
from xpm.errors import HostProblem, HostUnknown, HostUnreachable
from xpm.follow import sites
from xpm.follow.events import (
    Arrived,
    Changed,
    Delivered,
    Event,
    LinkDown,
    LinkUp,
    Noted,
    Stopped,
    Turned,
)
from xpm.follow.journal import Journal
from xpm.follow.main import MainFolder
from xpm.follow.outbox import Entry, Outbox
from xpm.follow.views import OVER
from xpm.follow.world import World

OBSERVE_S = 30.0
LINGER_S = 0.02
LINGER_MOST_S = 0.25
BATCH = 1000
NO_CODE = "jobs of an interrupted run wait for their code: run their plan again to send them"


class Lane(threading.Thread):
    """Sends, asks and fetches for one connector."""

    def __init__(
        self, spec: Spec, main: MainFolder, events: SimpleQueue[Event], world: World
    ) -> None:
        super().__init__(name=f"xpm lane {spec.name}", daemon=True)
        self.spec = spec
        self.connector_name = spec.name
        self._main = main
        self._outbox: Outbox = main.outbox
        self._events = events
        self._world = world
        self._changed = threading.Condition()  # guards the next nine
        self._outgoing = {str(each["job"]): each for each in self._outbox.entries(spec.name)}
        self._snapshots: dict[str, Snapshot] = {}
        self._sent_before: set[str | None] = {None}
        self._fresh: dict[JobRef, int] = {}
        self._stopping = False
        self._hurry = False
        self._pokes = self._answered = 0
        self._touched = 0.0
        self._link: Connector | None = None
        self._observing = False
        self._staged: set[str] = set()
        self._following: dict[JobRef, int] = {}
        self._last: dict[JobRef, Change] = {}
        self._unfetched: dict[JobRef, Change] = {}
        self._cursor: str | None = None
        self._down_since: float | None = None
        self._has_met = False

    # -- from other threads --

    def submit(self, entry: Entry, snapshot: Snapshot | None) -> None:
        """Send this job, which is in the outbox already, and follow it.

        Without a snapshot its code is there since an earlier attempt.
        """
        with self._changed:
            self._outgoing[str(entry["job"])] = entry
            if snapshot is not None:
                self._snapshots[snapshot.id] = snapshot
            else:
                self._sent_before.add(_snapshot_of(entry))
            self._touch()
        self._nudge()

    def follow(self, ref: JobRef, attempt: int) -> None:
        """Tell the state of this job soon, then whatever happens to it."""
        with self._changed:
            self._fresh[ref] = attempt
            self._touch()
        self._nudge()

    def hurry(self) -> None:
        """Do at once what there is to do; the plan waits."""
        with self._changed:
            self._hurry = True
            self._changed.notify_all()

    def poke(self) -> int:
        """Go round once at least: something may be owed. The number that ``Turned`` will tell."""
        with self._changed:
            self._pokes += 1
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
        """End now; a connector that hangs is closed under its lane."""
        self.stop()
        self.join(patience_s)
        if self.is_alive() and self._link is not None:
            self._link.close()
            self.join(patience_s)

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
        try:
            journal = Journal(self._main)
            self._go(journal)
        finally:
            if self._link is not None:
                self._link.close()
            if journal is not None:
                journal.close()
            self._events.put(Stopped(self.connector_name, sys.exc_info()[1]))

    def _go(self, journal: Journal) -> None:
        failures = 0
        while self._wait_for_work():
            try:
                self._round(journal)
                failures = 0
            except (HostProblem, OSError) as error:
                problem = _as_problem(error, self.connector_name)
                self._note_down(journal, problem)
                if not problem.transient or self._is_wrong_address(problem):
                    raise problem from error
                failures += 1
                self._rest(problem, failures)

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
            or self._pokes > self._answered
            or self._following
            or self._unfetched
            or self._outbox.owed(self.connector_name)
        )

    def _round(self, journal: Journal) -> None:
        if self._link is None:
            link = self._world.open(self.spec, self._main.path)
            with self._changed:
                self._link = link
        with self._changed:
            pokes = self._pokes
        self._deliver(journal)
        self._cancel()
        self._ask(journal)
        self._bring(journal)
        with self._changed:
            quiet = not (self._outgoing or self._fresh)
        if quiet and not self._unfetched:
            self._answered = pokes
            self._events.put(Turned(self.connector_name, pokes))

    def _is_wrong_address(self, problem: HostProblem) -> bool:
        """Whether nobody is there, nor was: what has jobs there waits for the network instead."""
        is_stranger = not (self._has_met or self._following or self._fresh)
        return is_stranger and isinstance(problem, HostUnknown)

    def _note_down(self, journal: Journal, problem: HostProblem) -> None:
        self._cursor = None
        first, self._down_since = self._down_since is None, self._down_since or self._world.clock()
        with contextlib.suppress(OSError):  # a full disk is told already, and tried again
            journal.down(self.connector_name, self._down_since, str(problem))
            if first:
                self._make_safe()

    def _rest(self, problem: HostProblem, failures: int) -> None:
        assert self._down_since is not None
        self._events.put(LinkDown(self.connector_name, self._down_since, problem))
        with self._changed:
            self._changed.wait_for(lambda: self._stopping, self._world.patience(failures))

    def _make_safe(self) -> None:
        self._outbox.settle(self.connector_name)
        with self._changed:
            snapshots = list(self._snapshots.values())
        for snapshot in snapshots:
            if snapshot.id not in self._staged:
                self._outbox.keep(snapshot)

    def _heard(self) -> None:
        self._has_met = True
        if self._down_since is not None:
            self._down_since = None
            self._events.put(LinkUp(self.connector_name))

    def _deliver(self, journal: Journal) -> None:
        with self._changed:
            entries = list(self._outgoing.values())
        for first in range(0, len(entries), BATCH):
            self._deliver_batch(entries[first : first + BATCH], journal)

    def _deliver_batch(self, entries: Sequence[Entry], journal: Journal) -> None:
        assert self._link is not None
        sendable = [each for each in entries if self._stage(_snapshot_of(each))]
        if sendable:
            self._outbox.trying(self.connector_name)
            self._link.submit(sendable)
            self._heard()
            self._outbox.remove(self.connector_name, sendable)
            now = self._world.clock()
            journal.record(self.connector_name, [_sent(each, now) for each in sendable], now)
        with self._changed:
            for each in entries:
                if self._outgoing.get(str(each["job"])) is each:
                    del self._outgoing[str(each["job"])]
        attempts = [(_ref(each), _attempt(each)) for each in sendable]
        self._following.update(attempts)
        self._events.put(Delivered(self.connector_name, attempts))

    def _stage(self, snapshot_id: str | None) -> bool:
        with self._changed:
            if snapshot_id is None or snapshot_id in self._sent_before | self._staged:
                return True
            snapshot = self._snapshots.get(snapshot_id)
        assert self._link is not None
        snapshot = snapshot or self._outbox.kept(snapshot_id)
        if snapshot is None:
            self._events.put(Noted(self.connector_name, NO_CODE))
            return False
        self._link.stage(snapshot, lambda done, total: None)
        self._staged.add(snapshot_id)
        self._outbox.forget(snapshot_id)
        return True

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
            urgent = bool(self._outgoing) or self._stopping
            urgent = urgent or self._pokes > self._answered
            self._hurry = False
            if not fresh and not self._following:
                return
            wait_s = 0.0 if fresh or urgent or self._unfetched else OBSERVE_S
            self._observing = wait_s > 0
        whole = bool(fresh) or self._cursor is None
        self._following.update(fresh)
        try:
            cursor = None if whole else self._cursor
            news = self._link.observe(cursor, list(self._following), wait_s)
        except HostProblem:
            with self._changed:
                self._fresh = {**fresh, **self._fresh}
            raise
        finally:
            self._observing = False
        self._heard()
        self._cursor = news.cursor
        if news.site is not None:
            sites.keep(self.spec, news.site)
        changes = list(news.changes)
        if whole:
            heard = {each.ref for each in changes}
            changes += [_never_heard(ref, self._world.clock()) for ref in fresh if ref not in heard]
        self._tell(changes, fresh, journal)
        for text in news.notes:
            self._events.put(Noted(self.connector_name, text))

    def _tell(
        self, changes: Sequence[Change], fresh: Mapping[JobRef, int], journal: Journal
    ) -> None:
        told = [each for each in changes if self._is_news(each, fresh)]
        for each in told:
            self._last[each.ref] = each
            if each.state in OVER:
                self._following.pop(each.ref, None)
                if each.state != "skipped" and each.attempt:
                    self._unfetched[each.ref] = each
        journal.record(self.connector_name, told, self._world.clock())
        over = [each for each in told if each.state == "skipped"]
        if over:
            journal.arrived(self.connector_name, over, self._world.clock())
        if told:
            self._events.put(Changed(self.connector_name, told))

    def _is_news(self, change: Change, fresh: Mapping[JobRef, int]) -> bool:
        if change.ref not in self._following:
            return False
        return change.ref in fresh or _facts(change) != _facts(self._last.get(change.ref))

    def _bring(self, journal: Journal) -> None:
        if not self._unfetched:
            return
        assert self._link is not None
        refs = list(self._unfetched)
        found = self._link.fetch(refs, str(self._main.path), lambda count: None)
        by_ref = {each.ref: each for each in found}
        self._heard()
        brought = [self._unfetched.pop(ref) for ref in refs]
        journal.arrived(self.connector_name, brought, self._world.clock())
        for change in brought:
            fetched = by_ref.get(change.ref) or Fetched(change.ref, 0, 0, ())
            for problem in fetched.problems:
                self._events.put(Noted(self.connector_name, f"{change.ref.task}: {problem}"))
            self._events.put(Arrived(self.connector_name, change, fetched))


def _facts(change: Change | None) -> object:
    if change is None:
        return None
    return (
        change.state, change.cause, change.attempt, change.generation, change.batch_id,
        change.reason, change.message,
    )  # fmt: skip


def _ref(entry: Entry) -> JobRef:
    return JobRef(str(entry["task"]), str(entry["job"]))


def _attempt(entry: Entry) -> int:
    return int(str(entry["attempt"]))


def _snapshot_of(entry: Entry) -> str | None:
    code = entry.get("code")
    return str(code["snapshot"]) if isinstance(code, Mapping) and code.get("snapshot") else None


def _sent(entry: Entry, now: float) -> Change:
    reason = "sent; no news yet"
    return Change(_ref(entry), "waiting", None, _attempt(entry), 0, None, reason, "", now)


def _never_heard(ref: JobRef, now: float) -> Change:
    return Change(ref, "unknown", None, 0, 0, None, "not known there", "", now)


def _as_problem(error: HostProblem | OSError, connector: str) -> HostProblem:
    if isinstance(error, HostProblem):
        return error
    return HostUnreachable(
        "a file could not be written here while jobs of a connector were followed",
        on=connector, cause=str(error),
        hint="free some room or mend permissions; it goes on by itself then",
    )  # fmt: skip
