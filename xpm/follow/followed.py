"""The jobs a lane follows: what was last said of each, and whose files have yet to come."""

import math
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from queue import SimpleQueue

from xpm.connectors.base import Change, Connector, Fetched, JobRef, Paused
from xpm.follow import standing
from xpm.follow.bringing import Bringing
from xpm.follow.events import Arrived, Changed, Event, Noted
from xpm.follow.journal import Journal
from xpm.follow.leaving import ID_SHOWN
from xpm.follow.main import local_end
from xpm.follow.reporting import keep
from xpm.follow.views import OVER
from xpm.sync import staying
from xpm.sync.rules import Choice, Rules
from xpm.wire import ledger

UNREADABLE = "nobody may read it there"
LIVE_S = 10.0
LIVE_MOST_S = 60.0
"""How often files of jobs that run are brought: less and less often while nothing new is there."""
LOOKS_S = (0.5, 1.0, 2.0, 4.0, 4.0, 4.0)
"""How long to wait, again and again, for the record of a job that is done: a host may be late to see it, over NFS."""


class Followed:
    """The jobs of one connector that somebody wants to hear of. Used by the lane's thread.

    Args:
        connector: its name.
        events: where news goes.
        clock: the time.
        rules: which files come.
        launcher_of: the launcher of a job.
        timer: seconds that only grow.
    """

    def __init__(
        self,
        connector: str,
        events: SimpleQueue[Event],
        clock: Callable[[], float],
        rules: Rules,
        launcher_of: Callable[[JobRef], str],
        timer: Callable[[], float] = time.monotonic,
    ) -> None:
        self._connector = connector
        self._events = events
        self._clock = clock
        self._rules = rules
        self._launcher_of = launcher_of
        self._timer = timer
        self._choices: dict[JobRef, Choice] = {}
        self._live_pace_s = LIVE_S
        self._live_at: float | None = None
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
        self,
        link: Connector,
        journal: Journal,
        main: Path,
        fresh: Mapping[JobRef, int],
        wait_s: float,
    ) -> Mapping[str, object] | None:
        """Hear what happened; wait at most so long for something to.

        Args:
            link: the connector.
            journal: where news is noted.
            main: the main folder, where it is kept how far jobs are.
            fresh: jobs whose state is told in any case.
            wait_s: seconds.

        Returns:
            What the site allows, when that is news.
        """
        whole = bool(fresh) or self._cursor is None
        self.add(fresh)
        news = link.observe(None if whole else self._cursor, list(self._attempts), wait_s)
        self._cursor = news.cursor
        keep(main, [each for each in news.progress if each.ref in self._attempts])
        changes = list(news.changes)
        if whole:
            heard = {each.ref for each in changes}
            changes += [_never_heard(ref, self._clock()) for ref in fresh if ref not in heard]
        if whole or news.standing is not None:
            standing.keep(journal.folder, self._connector, news.standing or ())
        self._tell(changes, fresh, journal)
        for text in news.notes:
            self._note(text)
        return news.site

    def bring(
        self,
        link: Connector,
        journal: Journal,
        main: Path,
        pauses: Callable[[], bool] = lambda: False,
    ) -> None:
        """Bring the files of what is over, unless they are here since an earlier time.

        Args:
            link: the connector.
            journal: where it is noted.
            main: the main folder.
            pauses: whether something more urgent has come; the rest then comes the next time.
        """
        refs = list(self._unfetched)
        lacking = [ref for ref in refs if not _is_here(main, self._unfetched[ref])]
        choices = {ref: self._choice(ref).after(self._unfetched[ref].state) for ref in lacking}
        by_ref: dict[JobRef, Fetched] = {}
        progress = Bringing(self._note, self._timer, pauses)
        try:
            for choice, some in _alike(choices).items():
                found = link.fetch(some, str(main), progress, choice)
                by_ref.update((each.ref, each) for each in found)
            for look_s in LOOKS_S:
                late = {ref: choices[ref] for ref in by_ref if self._is_late(main, ref)}
                if not late:
                    break
                _rest(look_s, pauses)
                for choice, some in _alike(late).items():
                    found = link.fetch(some, str(main), progress, choice)
                    by_ref.update((each.ref, each) for each in found)
        except Paused:
            refs = [
                ref
                for ref in refs
                if ref not in choices or (ref in by_ref and not self._is_late(main, ref))
            ]
        brought = [self._unfetched[ref] for ref in refs]
        left = {
            ref: staying.left(
                by_ref[ref].stayed if ref in by_ref else staying.noted(_folder(main, ref))
            )
            for ref in refs
        }
        journal.arrived(  # fails on a full disk: it comes again
            self._connector, brought, self._clock(), left
        )
        for change in brought:
            del self._unfetched[change.ref]
            self._choices.pop(change.ref, None)
            fetched = by_ref.get(change.ref) or Fetched(change.ref, 0, 0, ())
            barred = [f"{each.path}: {UNREADABLE}" for each in fetched.stayed if each.is_unreadable]
            for problem in (*fetched.problems, *fetched.kept, *barred):
                self._note(f"{change.ref.task} {change.ref.job[:ID_SHOWN]}: {problem}")
            self._events.put(Arrived(self._connector, change, fetched))

    def _is_late(self, main: Path, ref: JobRef) -> bool:
        """Whether a job is done whose record has not come: its host may see that later than it hears of it (NFS)."""
        change = self._unfetched[ref]
        return change.state == "done" and not _is_here(main, change)

    def live_in_s(self) -> float:
        """Seconds until files of jobs that run are to be brought; infinite when there are none."""
        if not self._live():
            self._live_at, self._live_pace_s = None, LIVE_S
            return math.inf
        if self._live_at is None:
            self._live_at = self._timer() + LIVE_S
        return max(0.0, self._live_at - self._timer())

    def bring_live(self, link: Connector, main: Path) -> None:
        """Bring what is new in the files of jobs that run, of all at once."""
        arrived = 0
        for choice, some in _alike(self._live()).items():
            found = link.fetch(some, str(main), _nobody, choice)
            arrived += sum(each.bytes for each in found)
            for each in found:
                for words in each.kept:
                    self._note(f"{each.ref.task} {each.ref.job[:ID_SHOWN]}: {words}")
        slower = min(LIVE_MOST_S, self._live_pace_s * 2)
        self._live_pace_s = LIVE_S if arrived else slower
        self._live_at = self._timer() + self._live_pace_s

    def _note(self, text: str) -> None:
        self._events.put(Noted(self._connector, text))

    def _live(self) -> Mapping[JobRef, Choice]:
        """The jobs that run and whose files are to be seen meanwhile."""
        if not self._rules.is_live:
            return {}
        running = [ref for ref in self._attempts if self._is_running(ref)]
        choices = {ref: self._choice(ref) for ref in running}
        return {ref: each.meanwhile for ref, each in choices.items() if each.live is not None}

    def _is_running(self, ref: JobRef) -> bool:
        last = self._last.get(ref)
        return last is not None and last.state == "running"

    def _choice(self, ref: JobRef) -> Choice:
        if not self._rules.by_launcher:
            return self._rules.usual
        if ref not in self._choices:
            self._choices[ref] = self._rules.of(self._launcher_of(ref))
        return self._choices[ref]

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


def _rest(seconds: float, pauses: Callable[[], bool]) -> None:
    """Wait, unless there is something more urgent.

    Raises:
        Paused: there is.
    """
    if pauses():
        raise Paused
    threading.Event().wait(seconds)


def _is_here(main: Path, change: Change) -> bool:
    """Whether the final record of this attempt is here, and with it everything else."""
    end = local_end(_folder(main, change.ref))
    return end is not None and (end.attempt, end.state) == (change.attempt, change.state)


def _folder(main: Path, ref: JobRef) -> Path:
    return Path(ledger.job_folder(str(main), ref.task, ref.job))


def _alike(choices: Mapping[JobRef, Choice]) -> Mapping[Choice, Sequence[JobRef]]:
    """Jobs of equal rules together: one exchange for each."""
    found: dict[Choice, list[JobRef]] = {}
    for ref, choice in choices.items():
        found.setdefault(choice, []).append(ref)
    return found


def _nobody(count: int) -> None:
    """Hears of bytes that arrive, and tells nobody."""


def _facts(change: Change | None) -> object:
    if change is None:
        return None
    return (
        change.state, change.cause, change.attempt, change.generation, change.batch_id,
        change.reason, change.message,
    )  # fmt: skip


def _never_heard(ref: JobRef, now: float) -> Change:
    return Change(ref, "unknown", None, 0, 0, None, "not known there", "", now)
