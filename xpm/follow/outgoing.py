"""What a connector has yet to be sent, and how: code first, then the jobs that need it, many together."""

import threading
from collections.abc import Callable, Iterator, Mapping, Sequence

from xpm.connectors.base import CodeGone, Connector, JobRef, Snapshot
from xpm.errors import SiteProblem
from xpm.follow.journal import Journal
from xpm.follow.outbox import Entry, Outbox
from xpm.follow.sending import Sending
from xpm.follow.views import sent

BATCH = 1000
MOST_AGAIN = 3
BATCH_BYTES = 24 * 1024 * 1024
"""With one more entry (wire/jobfile.py) less than a message may be (wire/frames.py)."""

NO_CODE = "jobs of an interrupted run wait for their code: run their plan again to send them"

Attempts = Mapping[JobRef, int]


class Outgoing:
    """The jobs on their way to one connector. Any thread adds, the lane's sends.

    Args:
        connector: its name.
        outbox: where each job lies until it is accepted.
        clock: the time.
        tell: says something to people.
        arrived: called with code that is there now.
        is_far: whether code has a way to go that people may want to hear of.
    """

    def __init__(
        self,
        connector: str,
        outbox: Outbox,
        clock: Callable[[], float],
        tell: Callable[[str], None],
        arrived: Callable[[Snapshot], object] = lambda snapshot: None,
        is_far: bool = True,
    ) -> None:
        self._connector = connector
        self._outbox = outbox
        self._clock = clock
        self._note = tell
        self._is_far = is_far
        self._arrived = arrived
        self._lock = threading.Lock()  # guards the next three; the rest is the lane's
        self._entries = {str(each["job"]): each for each in outbox.entries(connector)}
        self._snapshots: dict[str, Snapshot] = {}
        self._sent_before: set[str | None] = {None}
        self._staged: set[str] = set()
        self._absent: set[str] = set()

    def __len__(self) -> int:
        """How many jobs there are to send."""
        return len(self._entries)

    def add(
        self, entry: Entry, snapshot: Snapshot | None, environment: Snapshot | None = None
    ) -> None:
        """Send this job, which is in the outbox already; without a snapshot its code is there."""
        with self._lock:
            self._entries[str(entry["job"])] = entry
            for name, tree in zip(_trees_of(entry), (snapshot, environment), strict=True):
                if tree is not None:
                    self._snapshots[tree.id] = tree
                else:
                    self._sent_before.add(name)

    def send(self, link: Connector, journal: Journal) -> Iterator[Attempts]:
        """Send what there is; after each exchange, the attempts that are accepted."""
        with self._lock:
            entries = list(self._entries.values())
        is_told = False
        self._absent.clear()
        for batch in self._batches(entries):
            attempts = self._send_batch(batch, link, journal)
            if len(attempts) < len(batch) and not is_told:
                is_told = True
                self._note(NO_CODE)
            yield attempts

    def make_safe(self) -> None:
        """Let all of it survive a power cut, and later edits of the code: it may take long.

        The code first: it is quick, and the plan may end before 10,000 jobs are synced.
        """
        with self._lock:
            snapshots = list(self._snapshots.values())
        for snapshot in snapshots:
            if snapshot.id not in self._staged:
                self._outbox.keep(snapshot)
        self._outbox.settle(self._connector)

    def _batches(self, entries: Sequence[Entry]) -> Iterator[Sequence[Entry]]:
        """The entries in order, as many at once as fit into a message."""
        batch: list[Entry] = []
        size = 0
        for each in entries:
            if len(batch) == BATCH or size > BATCH_BYTES:
                yield batch
                batch, size = [], 0
            batch.append(each)
            size += self._outbox.size(self._connector, each)
        if batch:
            yield batch

    def _send_again(
        self,
        entries: Sequence[Entry],
        gone: CodeGone,
        link: Connector,
        journal: Journal,
        again: int,
    ) -> Attempts:
        if again == MOST_AGAIN:
            raise SiteProblem(
                "the code of jobs vanishes there as often as it is sent", on=self._connector,
                cause=", ".join(each[:12] for each in gone.trees),
                hint="does something delete files there? `xpm doctor` looks at the place",
            )  # fmt: skip
        with self._lock:
            self._staged.difference_update(gone.trees)
            self._sent_before.difference_update(gone.trees)
        return self._send_batch(entries, link, journal, again + 1)

    def _send_batch(
        self, entries: Sequence[Entry], link: Connector, journal: Journal, again: int = 0
    ) -> Attempts:
        sendable = [each for each in entries if self._has_trees(each, link)]
        if sendable:
            self._outbox.trying(self._connector)
            try:
                link.submit(sendable)
            except CodeGone as gone:  # cleaned away since it was sent, or deleted by the site
                return self._send_again(entries, gone, link, journal, again)
            self._outbox.remove(self._connector, sendable)
            now = self._clock()
            news = [
                sent(_ref(each), _attempt(each), now)
                for each in sendable
                if not each.get("refresh")
            ]
            journal.sent(self._connector, news, now)
        with self._lock:
            for each in entries:
                if self._entries.get(str(each["job"])) is each:
                    del self._entries[str(each["job"])]
        return {_ref(each): _attempt(each) for each in sendable}

    def _has_trees(self, entry: Entry, link: Connector) -> bool:
        code, environment = _trees_of(entry)
        return self._stage(code, link, True) and self._stage(environment, link, False)

    def _stage(self, snapshot_id: str | None, link: Connector, is_code: bool) -> bool:
        with self._lock:
            if snapshot_id is None or snapshot_id in self._sent_before | self._staged:
                return True
            snapshot = self._snapshots.get(snapshot_id)
        snapshot = snapshot or self._outbox.kept(snapshot_id)
        if snapshot is None:
            return self._is_there(snapshot_id, link)
        sending = Sending(snapshot_id, self._note if is_code and self._is_far else _nobody)
        link.stage(snapshot, sending)
        sending.ended()
        self._staged.add(snapshot_id)
        self._arrived(snapshot)
        self._outbox.forget(snapshot_id)
        return True

    def _is_there(self, snapshot: str, link: Connector) -> bool:
        """Whether other jobs of a run that is over have taken their code there."""
        if snapshot not in self._absent and link.holds(snapshot):
            self._staged.add(snapshot)
        else:
            self._absent.add(snapshot)
        return snapshot in self._staged


def _nobody(text: str) -> None:
    """What need not be said."""


def _ref(entry: Entry) -> JobRef:
    return JobRef(str(entry["task"]), str(entry["job"]))


def _attempt(entry: Entry) -> int:
    return int(str(entry["attempt"]))


def _trees_of(entry: Entry) -> tuple[str | None, str | None]:
    """What a job needs besides its entry: its code, and the recipe of its environment."""
    return _named(entry.get("code"), "snapshot"), _named(entry.get("request"), "environment")


def _named(content: object, key: str) -> str | None:
    return str(content[key]) if isinstance(content, Mapping) and content.get(key) else None
