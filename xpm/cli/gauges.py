"""What is shown below the bars of a run: jobs that run, what others wait for, tokens that are held."""

import time
from collections import Counter
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from datetime import UTC, datetime

from xpm.cli.bars import ROOMY, TIGHT, bar
from xpm.follow.progress import Pace, Word, said
from xpm.follow.standing import Standing, Standings, standings
from xpm.follow.views import JobView
from xpm.wire import jobfile
from xpm.words import standing, starts, telling

HOLDING = frozenset({"submitted", "pending", "running", "unknown"})
"""The states in which a job holds its tokens."""
MOST_RUNNING = 5
MOST_REASONS = 3
MOST_READ = 50
"""Of so many jobs at once the files are read: of more, what one of them says matters less than the bars."""
PLACES_S = 10.0
"""How often places in a queue are looked up again, of all that wait, while none is news."""
BAR, BAR_TIGHT = 20, 6
HERE = "local"


class Gauges:
    """The jobs of an experiment that run or wait, as lines."""

    def __init__(self, main: str, clock: Callable[[], float] = time.time) -> None:
        self._main = main
        self._clock = clock
        self._holding: dict[str, JobView] = {}
        self._paces: dict[str, Pace] = {}
        self._tokens: dict[str, Mapping[str, tuple[int, int]]] = {}
        self._read_at = 0.0
        self._words: dict[str, Word] = {}
        self._standings = standings(main) if main else None
        self._first: Mapping[str, Standing] = {}
        self._placed_at = 0.0
        self._heard: Mapping[str, float] = {}
        self._lost: Collection[str] = ()

    def heard(self, at: Mapping[str, float]) -> None:
        """Note when each connector last answered."""
        self._heard = at

    def lost(self, connectors: Collection[str]) -> None:
        """Note which connectors are waited for: what is said of them is said elsewhere."""
        self._lost = connectors

    def put(self, jobs: Sequence[JobView]) -> None:
        """Note the states of these jobs."""
        for job in jobs:
            if job.state in HOLDING:
                self._holding[job.path] = job
            elif self._holding.pop(job.path, None) is not None:
                for known in (self._paces, self._tokens, self._words):
                    known.pop(job.path, None)

    def lines(self, columns: int = ROOMY) -> list[str]:
        """What to show now on so many columns; files are looked into once a second."""
        now = self._clock()
        jobs = list(self._holding.values())  # another thread puts
        if now - self._read_at >= 1.0:
            self._read_at = now
            self._look(jobs)
        return [
            *self._of_running(jobs, now, columns),
            *_of_pending(jobs, datetime.fromtimestamp(now, UTC), self._first),
            *self._of_tokens(),
            *self._of_links(jobs, now),
        ]

    def _look(self, jobs: Sequence[JobView]) -> None:
        for job in [job for job in jobs if job.state == "running"][:MOST_READ]:
            word = said(job.path)
            if word is not None:
                self._words[job.path] = word
                self._paces.setdefault(job.path, Pace()).seen(word.at, word.fraction)
        if self._standings is not None:
            is_news = self._standings.refresh()
            if is_news or self._read_at - self._placed_at >= PLACES_S:
                self._placed_at = self._read_at
                self._first = _first_places(jobs, self._standings)
        for job in jobs[:MOST_READ]:
            if job.path not in self._tokens:
                self._tokens[job.path] = self._wanted(job)

    def _wanted(self, job: JobView) -> Mapping[str, tuple[int, int]]:
        """How many of which tokens a job has, and how many there are."""
        noted = jobfile.read(self._main, job.task, job.id) or {}
        return {
            str(name): (int(count), int(total)) for name, count, total in noted.get("tokens") or ()
        }

    def _of_running(self, jobs: Sequence[JobView], now: float, columns: int) -> Iterator[str]:
        told = [job for job in jobs if job.path in self._words]
        for job in told[:MOST_RUNNING]:
            word, left = self._words[job.path], self._paces[job.path].left(1.0, now)
            tags = f" {telling.tag_text(job.tags)}" if job.tags else ""
            shown = "".join(
                bar(
                    word.fraction, BAR if columns >= ROOMY else BAR_TIGHT if columns >= TIGHT else 0
                )
            )
            parts = [f"{shown} {word.fraction:4.0%}".lstrip(), word.description, in_words(left)]
            yield f"  {job.id[: telling.ID_SHOWN]}{tags}  " + "  ".join(
                each for each in parts if each
            )
        if len(told) > MOST_RUNNING:
            yield f"  and {len(told) - MOST_RUNNING} more that tell how far they are"

    def _of_links(self, jobs: Sequence[JobView], now: float) -> Iterator[str]:
        """The places whose links are up, where jobs are."""
        for name in sorted({job.connector for job in jobs} - {HERE} - set(self._lost)):
            if name in self._heard:
                yield f"{name}: link up, heard {telling.age(max(0.0, now - self._heard[name]))} ago"

    def _of_tokens(self) -> Iterator[str]:
        held: Counter[str] = Counter()
        totals: dict[str, int] = {}
        for each in list(self._tokens.values()):
            for name, (count, total) in each.items():
                held[name] += count
                totals[name] = total
        if held and len(self._holding) <= MOST_READ:
            yield "tokens: " + ", ".join(
                f"{held[name]} of {totals[name]} {name}" for name in sorted(held)
            )


def in_words(left: float | None) -> str:
    """``3 min left``; nothing when it is not known."""
    return "" if left is None else f"{telling.age(left)} left"


def _first_places(jobs: Sequence[JobView], known: Standings) -> Mapping[str, Standing]:
    """The best place of those that wait for the same."""
    best: dict[str, Standing] = {}
    for job in jobs if known else ():
        where = known.of(job)
        if where is not None and (job.reason not in best or where.place < best[job.reason].place):
            best[job.reason] = where
    found: dict[str, Standing] = {}
    for text, where in sorted(best.items(), key=lambda each: each[1].place):
        found.setdefault(_bare(text)[0], where)
    return found


def _bare(reason: str) -> tuple[str, datetime | None]:
    return starts.parted(" ".join(reason.split()))


def _of_pending(
    jobs: Sequence[JobView], now: datetime, places: Mapping[str, Standing]
) -> Iterator[str]:
    """What jobs in a queue wait for, in the words of the batch system, the most frequent reasons first.

    Of jobs that wait for the same the best place is told, and the earliest start that the batch system expects.
    """
    reasons: Counter[str] = Counter()
    first: dict[str, datetime] = {}
    texts = Counter([job.reason for job in jobs if job.state == "pending" and job.reason])
    for text, count in texts.items():  # few, however many jobs there are
        reason, start = _bare(text)
        reasons[reason] += count
        if start is not None:
            first[reason] = min(start, first.get(reason, start))
    for reason, count in reasons.most_common(MOST_REASONS):
        start_told = f"first start {starts.about(first[reason], now)}" if reason in first else ""
        place = standing.told(places.get(reason))
        place = f"the first is {place}" if place and count > 1 else place
        told = "; ".join(each for each in (reason, place, start_told) if each)
        yield f"{count} pending: {told}"
