"""The jobs a lane follows: what was last said of each, and whose files have yet to come."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from queue import SimpleQueue

from xpm.connectors.base import Change, Connector, Fetched, JobRef
from xpm.follow.events import Arrived, Changed, Event, Noted
from xpm.follow.journal import Journal
from xpm.follow.main import local_end
from xpm.follow.views import OVER
from xpm.wire import ledger


class Followed:
    """The jobs of one connector that somebody wants to hear of. Used by the lane's thread.

    Args:
        connector: its name.
        events: where news goes.
        clock: the time.
    """

    def __init__(
        self, connector: str, events: SimpleQueue[Event], clock: Callable[[], float]
    ) -> None:
        self._connector = connector
        self._events = events
        self._clock = clock
        self._attempts: dict[JobRef, int] = {}
        self._last: dict[JobRef, Change] = {}
        self._unfetched: dict[JobRef, Change] = {}
        self._cursor: str | None = None

    def __bool__(self) -> bool:
        """Whether there is any job to hear of."""
        return bool(self._attempts)

    def add(self, attempts: Mapping[JobRef, int]) -> None:
        """Hear of these too."""
        self._attempts.update(attempts)

    @property
    def lacks_files(self) -> bool:
        """Whether jobs are over whose files are not here."""
        return bool(self._unfetched)

    @property
    def count_unfetched(self) -> int:
        """How many they are."""
        return len(self._unfetched)

    def ask_for_all(self) -> None:
        """Ask for the states of all, the next time: news may have been lost."""
        self._cursor = None

    def ask(
        self, link: Connector, journal: Journal, fresh: Mapping[JobRef, int], wait_s: float
    ) -> Mapping[str, object] | None:
        """Hear what happened; wait at most so long for something to.

        Args:
            link: the connector.
            journal: where news is noted.
            fresh: jobs whose state is told in any case.
            wait_s: seconds.

        Returns:
            What the site allows, when that is news.
        """
        whole = bool(fresh) or self._cursor is None
        self.add(fresh)
        news = link.observe(None if whole else self._cursor, list(self._attempts), wait_s)
        self._cursor = news.cursor
        changes = list(news.changes)
        if whole:
            heard = {each.ref for each in changes}
            changes += [_never_heard(ref, self._clock()) for ref in fresh if ref not in heard]
        self._tell(changes, fresh, journal)
        for text in news.notes:
            self._events.put(Noted(self._connector, text))
        return news.site

    def bring(self, link: Connector, journal: Journal, main: Path) -> None:
        """Bring the files of what is over, unless they are here since an earlier time."""
        refs = list(self._unfetched)
        lacking = [ref for ref in refs if not _is_here(main, self._unfetched[ref])]
        found = link.fetch(lacking, str(main), lambda count: None) if lacking else []
        by_ref = {each.ref: each for each in found}
        brought = [self._unfetched[ref] for ref in refs]
        journal.arrived(
            self._connector, brought, self._clock()
        )  # fails on a full disk: it comes again
        for change in brought:
            del self._unfetched[change.ref]
            fetched = by_ref.get(change.ref) or Fetched(change.ref, 0, 0, ())
            for problem in fetched.problems:
                self._events.put(Noted(self._connector, f"{change.ref.task}: {problem}"))
            self._events.put(Arrived(self._connector, change, fetched))

    def _tell(
        self, changes: Sequence[Change], fresh: Mapping[JobRef, int], journal: Journal
    ) -> None:
        told = [each for each in changes if self._is_news(each, fresh)]
        journal.record(
            self._connector, told, self._clock()
        )  # fails on a full disk: it is told again
        over = [each for each in told if each.state == "skipped"]
        if over:
            journal.arrived(self._connector, over, self._clock())
        for each in told:
            self._last[each.ref] = each
            if each.state in OVER:
                self._attempts.pop(each.ref, None)
                if each.state != "skipped" and each.attempt:
                    self._unfetched[each.ref] = each
        if told:
            self._events.put(Changed(self._connector, told))

    def _is_news(self, change: Change, fresh: Mapping[JobRef, int]) -> bool:
        if change.ref not in self._attempts:
            return False
        return change.ref in fresh or _facts(change) != _facts(self._last.get(change.ref))


def _is_here(main: Path, change: Change) -> bool:
    """Whether the final record of this attempt is here, and with it everything else."""
    end = local_end(Path(ledger.job_folder(str(main), change.ref.task, change.ref.job)))
    return end is not None and (end.attempt, end.state) == (change.attempt, change.state)


def _facts(change: Change | None) -> object:
    if change is None:
        return None
    return (
        change.state, change.cause, change.attempt, change.generation, change.batch_id,
        change.reason, change.message,
    )  # fmt: skip


def _never_heard(ref: JobRef, now: float) -> Change:
    return Change(ref, "unknown", None, 0, 0, None, "not known there", "", now)
