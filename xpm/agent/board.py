"""What one workspace's files say of its jobs, kept up to date by reading only what is new.

The board folds bundles, cancels, attempts and ledger entries into the decider's jobs (xpm/decide). Every file it
reads is immutable, so each is read once; the names come from four folders that only grow. Words (``waiting`` …
``skipped``) are derived again for jobs something happened to, and for their children when a word changed.

A job that nobody asked for here but that is somebody's parent is a *stranger*: only its own folder speaks for it.
"""

import os
from collections import OrderedDict
from typing import Any, Dict, Iterable, List, Optional, Tuple

from xpm.agent import reading
from xpm.agent.names import Names
from xpm.agent.tokens import Need, Tokens, needs_of, stock
from xpm.agent.units import Stock
from xpm.agent.viewing import View as View
from xpm.agent.viewing import view_of
from xpm.decide import retry, states, transitions
from xpm.decide.facts import UNKNOWN_JOB, CancelAsked, Event, Job, Joined, Wanted
from xpm.wire import ledger
from xpm.wire.workspace import Layout, require

_SWEEP_S = 2.0
_SWEEP_JOBS = 50


class JobFacts(object):
    """One job on the board: what was asked (``bundle`` has the whole entry) and what is known (``facts``)."""

    __slots__ = (
        "asked_at", "at", "bundle", "children", "facts", "job", "order", "parents", "reason", "request", "seq", "task", "tokens",
        "view", "wish", "word",
    )  # fmt: skip

    def __init__(self, task: str, job: str) -> None:
        self.task = task
        self.job = job
        self.facts: Job = UNKNOWN_JOB
        self.wish = 0  # the attempt that ``bundle`` asks for
        self.bundle = ""
        self.asked_at = 0.0  # when that bundle was written
        self.order = 0
        self.parents: Tuple[str, ...] = ()
        self.children: List[str] = []
        self.tokens: Tuple[Need, ...] = ()
        self.request: Dict[str, Any] = {}
        self.word = ""
        self.reason = ""  # why it does not start, as advance found it
        self.at = 0.0
        self.view: Optional[View] = None
        self.seq = 0

    @property
    def is_stranger(self) -> bool:
        """Whether nobody asked for it here."""
        return not self.wish

    @property
    def asks_for(self) -> Dict[str, Any]:
        """The request of its next attempt: what was asked for, after all that its attempts have come to."""
        return retry.effective_request(self.request, transitions.ends(self.facts))


class Board(object):
    """The jobs of a workspace. One thread uses it.

    Args:
        layout: the workspace.
        fresh_s: how often the folders are listed whatever their mtime says (NFS caches it).
        rest_s: how long a refresh does for the next ones too.
    """

    def __init__(self, layout: Layout, fresh_s: float = 1.0, rest_s: float = 0.0) -> None:
        self.layout = layout
        self.jobs: Dict[str, JobFacts] = {}
        self.ready: Dict[str, JobFacts] = {}
        self.live: Dict[str, JobFacts] = {}
        self.due: Dict[str, JobFacts] = {}
        self.seq = 0
        self.idle = (-1, 0.0)  # with this seq, at this time, none of the ready could start
        self.given_back = -1  # with this seq, what ended jobs held of shared tokens was given back
        self.now = 0.0
        self.asked_at = 0.0  # when the last bundle was written
        self._changed: "OrderedDict[str, int]" = OrderedDict()
        self.tokens = Tokens(layout, self.is_final, lambda job: self.jobs[job].task)
        self.token_totals: Dict[Stock, int] = {}
        self._rest_s = rest_s
        self._read_at = float("-inf")
        self._fresh_s = fresh_s
        self._fresh_at = float("-inf")
        self._swept_at = float("-inf")
        self._sweep: List[str] = []
        self._queue = Names(layout.queue)
        self._cancel = Names(layout.cancel)
        self._inbox = Names(layout.inbox)
        self._attempts = Names(layout.attempts)
        self._links = reading.Links()
        self._early: Dict[str, List[Event]] = {}
        self._strangers: Dict[str, JobFacts] = {}
        self._dirty: "OrderedDict[str, None]" = OrderedDict()

    # ------------------------------------------------------------------------- reading

    def refresh(self, now: float, at_once: bool = False) -> None:
        """Read what is new."""
        self.now = now
        if abs(now - self._read_at) < self._rest_s and not at_once:
            self.settle()
            return
        require(self.layout)  # of a disk that is away, nothing is news
        self._read_at = now
        fresh = abs(now - self._fresh_at) >= self._fresh_s
        if fresh:
            self._fresh_at = now
        bundles = [os.path.join(self.layout.queue, name) for name in self._queue.new(fresh)]
        for written_ns, path in sorted(map(reading.age_key, bundles)):  # first come, first served
            self.asked_at = max(self.asked_at, written_ns / 1e9)
            self._fold_bundle(os.path.basename(path), written_ns / 1e9)
        for name in self._inbox.new(fresh):
            self._fold_bell(name)
        for name in self._attempts.new(fresh):
            self._fold_attempt(name)
        for name in self._cancel.new(fresh):
            job, number = reading.attempt_name(name)
            if job:
                self._apply(job, CancelAsked(number))
        if abs(now - self._swept_at) >= _SWEEP_S:
            self._swept_at = now
            self.settle()
            self._look_for_missed_bells()
        self.settle()

    def look(self, job: str, number: int = 0, ring: bool = False) -> None:
        """Read a job's own folder, the truth that bells only announce.

        Args:
            job: which.
            number: which attempt; 0: the current one.
            ring: link what no bell has announced into the inbox.
        """
        known = self.jobs[job]
        folder = os.path.join(self.layout.job(known.task, job), ledger.FOLDER)
        if known.is_stranger:
            slots = ledger.slots(os.path.dirname(folder))
        else:
            slots = [self._next_slot(known, number or transitions.current(known.facts).number)]
        for slot in slots:  # grows while there is a next one
            content = reading.entry(folder, ledger.name(*slot))
            if content is None:
                continue
            if ring:
                path = os.path.join(folder, ledger.name(*slot))
                ledger.ring(path, dict(content, job=job), self.layout.inbox)
            self._apply(job, reading.ledger_event(content, slot))
            if not known.is_stranger and content["kind"] not in ledger.FINAL:
                slots.append(ledger.Slot(slot.attempt, slot.slot + 1))

    def _next_slot(self, known: JobFacts, number: int) -> ledger.Slot:
        found = transitions.attempt(known.facts, number)
        return ledger.Slot(number, (found.slot if found else 0) + 1)

    def tell(self, job: str, event: Event) -> None:
        """Fold something known by other means than a file of this board's folders."""
        self._apply(job, event)

    def note(self, job: str, reason: str) -> None:
        """Say why a job does not start yet; "" when nothing holds it."""
        known = self.jobs[job]
        if known.reason != reason:
            known.reason = reason
            self._dirty[job] = None

    # ------------------------------------------------------------------------- answers

    def views(self, now: float) -> Dict[str, View]:
        """How every job of the queue stands."""
        self.settle()
        return {job: known.view for job, known in self.jobs.items() if known.view is not None}

    def changes(self, after: int) -> "Tuple[int, List[View]]":
        """The views that changed since that number (0: all there are), and the number to ask with next."""
        self.settle()
        found: List[View] = []
        for job in reversed(self._changed):
            if self._changed[job] <= after:
                break
            view = self.jobs[job].view
            assert view is not None
            found.append(view)
        return self.seq, found[::-1]

    def tell_again(self, jobs: "Iterable[str]") -> None:
        """Let what is known of these jobs be news: who asks for them now may have been told of them before he did."""
        for job in jobs:
            known = self.jobs.get(job)
            if known is not None and known.view is not None:
                self._is_news(known)

    def counts(self) -> List[int]:
        """How many bundles, cancels and links have been read."""
        return [len(each.seen) for each in (self._queue, self._cancel, self._attempts)]

    def has_work(self) -> bool:
        """Whether there is something to start, to watch or to do."""
        return bool(self.ready or self.live or self.due)

    def is_final(self, job: str, number: int) -> bool:
        """Whether this attempt is over."""
        known = self.jobs.get(job)
        here = transitions.attempt(known.facts, number) if known is not None else None
        return here is not None and here.phase == states.ENDED

    def settle(self) -> None:
        """Derive again what the latest events may have changed."""
        while self._dirty:
            known = self.jobs[self._dirty.popitem(last=False)[0]]
            word = transitions.word(known.facts, self._upstream(known))
            if word != known.word:
                known.word = word
                known.at = self.now
                known.reason = ""
                self._dirty.update((child, None) for child in known.children)
            self._index(known)

    # ------------------------------------------------------------------------- folding

    def _fold_bundle(self, name: str, at: float) -> None:
        if not name.endswith(".json"):
            return
        try:
            entries = reading.bundle(os.path.join(self.layout.queue, name))
        except OSError:  # a hiccup of the file system: the next refresh reads it
            self._queue.forget(name)
            return
        for entry in entries:
            self._want(entry, name[: -len(".json")], at)

    def _want(self, entry: Dict[str, Any], bundle: str, at: float) -> None:
        job = str(entry["job"])
        known = self._meet(str(entry["task"]), job)
        wish = int(entry["attempt"])
        request = entry.get("request") or {}
        if wish > known.wish:
            self._strangers.pop(job, None)
            if not known.wish:
                known.order = len(self.jobs)
            known.wish = wish
            known.bundle = bundle
            known.asked_at = at
            known.request = request
            known.tokens = needs_of(entry)
            for need in known.tokens:
                most = max(need.total, self.token_totals.get(stock(need), 0))
                self.token_totals[stock(need)] = most
            self._adopt(known, [(str(t), str(j)) for t, j in entry.get("parents") or ()])
        self._apply(job, Wanted(wish, retry.table(request.get("retry") or {})))
        self._dirty[job] = None

    def _adopt(self, known: JobFacts, parents: "List[Tuple[str, str]]") -> None:
        for each in known.parents:
            self.jobs[each].children.remove(known.job)
        known.parents = tuple(job for _, job in parents)
        for task, job in parents:
            parent = self._meet(task, job)
            parent.children.append(known.job)
            if parent.is_stranger and job not in self._strangers:
                self._strangers[job] = parent
                self.look(job)

    def _meet(self, task: str, job: str) -> JobFacts:
        known = self.jobs.get(job)
        if known is None:
            known = self.jobs[job] = JobFacts(task, job)
            for event in self._early.pop(job, ()):
                self._apply(job, event)
        return known

    def _fold_bell(self, name: str) -> None:
        parsed = ledger.parse_bell(name)
        if parsed is None:
            return
        job, slot = parsed
        try:
            content = reading.entry(self.layout.inbox, name)
        except OSError:
            self._inbox.forget(name)
            return
        if content is not None:
            self._apply(job, reading.ledger_event(content, slot))

    def _fold_attempt(self, name: str) -> None:
        job, number = reading.attempt_name(name)
        if not job:
            return
        known = self.jobs.get(job)
        here = transitions.attempt(known.facts, number) if known else None
        if here is not None and here.slot:
            return  # its ledger has said all of it
        try:
            submission, at = self._links.joined(os.path.join(self.layout.attempts, name))
        except OSError:
            self._attempts.forget(name)
            return
        self._apply(job, Joined(number, submission, at))

    def _apply(self, job: str, event: Event) -> None:
        known = self.jobs.get(job)
        if known is None:
            self._early.setdefault(job, []).append(event)
            return
        facts = transitions.merge(known.facts, event)
        if facts is not known.facts:
            known.facts = facts
            self._dirty[job] = None

    def _look_for_missed_bells(self) -> None:
        if not self._sweep:
            self._sweep = list(self.live)
        batch, self._sweep = self._sweep[:_SWEEP_JOBS], self._sweep[_SWEEP_JOBS:]
        for job in batch:
            self.look(job, ring=True)
        for job, known in self._strangers.items():
            if known.word != states.DONE:
                self.look(job)

    # ------------------------------------------------------------------------- deriving

    def _upstream(self, known: JobFacts) -> str:
        found = {states.UPSTREAM.get(self.jobs[each].word, states.HELD) for each in known.parents}
        for each in (states.BROKEN, states.HELD):
            if each in found:
                return each
        return states.FREE

    def _index(self, known: JobFacts) -> None:
        if known.is_stranger:
            return
        here = transitions.current(known.facts)
        _keep(self.live, known, here.phase in (states.JOINED, states.CLAIMED))
        _keep(self.due, known, bool(transitions.due(known.facts, self.now)))
        _keep(self.ready, known, known.word == states.READY and transitions.is_open(known.facts))
        view = view_of(known, self.jobs)
        if view != known.view:
            known.view = view
            self._is_news(known)

    def _is_news(self, known: JobFacts) -> None:
        self.seq += 1
        known.seq = self.seq
        self._changed[known.job] = self.seq
        self._changed.move_to_end(known.job)


def _keep(where: Dict[str, JobFacts], known: JobFacts, wanted: bool) -> None:
    if wanted:
        where[known.job] = known
    else:
        where.pop(known.job, None)


def in_order(jobs: "Iterable[JobFacts]") -> "List[JobFacts]":
    """Jobs as they came."""
    return sorted(jobs, key=lambda known: known.order)
