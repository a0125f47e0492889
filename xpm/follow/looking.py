"""Questions about the jobs of a main folder, answered from its journal: by SQL, so that many jobs cost little.

The view ``seen`` below is how a job stands: what was submitted last, and what is known of it. A job is *settled* when it is
over and its files are here; *unsent* when it still lies in the outbox. No folder of a job is looked into: what a lane heard or
brought it has noted in the journal, and ``xpm.follow.session`` reconciles those of a connector that does not answer.
"""

import json
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import NamedTuple

from xpm.connectors.base import JobRef
from xpm.follow.journal import Journal, Place
from xpm.follow.leaving import Stays
from xpm.follow.main import MainFolder
from xpm.follow.narrowing import ALL, Condition
from xpm.follow.records import Line, Run
from xpm.follow.standing import Standing, Standings
from xpm.sync.staying import Left

OVER = frozenset({"done", "failed", "cancelled", "lost", "skipped"})
_OVER = ", ".join(f"'{each}'" for each in sorted(OVER))
_UNSENT = "CREATE TEMP TABLE IF NOT EXISTS unsent (job TEXT, connector TEXT, PRIMARY KEY (job, connector)) WITHOUT ROWID"
_SEEN = f"""
CREATE TEMP VIEW IF NOT EXISTS seen AS SELECT
    place, experiment, task, job, connector, launcher, tags, parents, is_current, settled, is_unsent, at,
    CASE WHEN settled THEN known WHEN is_unsent THEN 'waiting' ELSE coalesce(known, 'waiting') END AS state,
    CASE WHEN is_asked THEN cause END AS cause,
    CASE WHEN is_asked AND attempt THEN attempt ELSE wanted END AS attempt,
    CASE WHEN is_asked THEN generation ELSE 0 END AS generation,
    CASE WHEN is_asked THEN batch_id END AS batch_id,
    CASE WHEN is_asked THEN reason WHEN is_unsent THEN 'not sent yet' ELSE 'sent; no news yet' END AS reason,
    CASE WHEN is_asked THEN message ELSE '' END AS message,
    CASE WHEN settled THEN seen_at WHEN is_asked THEN max(seen_at, place_at) ELSE at END AS seen_at
FROM (SELECT *,
    known IS NOT NULL AND (settled OR NOT is_unsent) AS is_asked
FROM (SELECT *,
    coalesce(known IN ({_OVER}) AND arrived, 0) AS settled
FROM (SELECT
    l.place, l.experiment, l.task, l.job, l.connector, l.launcher, l.tags, l.parents, l.at, l.attempt AS wanted,
    l.run = r.run AS is_current, u.job IS NOT NULL AS is_unsent, coalesce(c.seen_at, 0) AS place_at,
    CASE WHEN j.attempt < l.attempt AND j.seen_at < l.at THEN NULL ELSE j.state END AS known,
    j.cause, j.attempt, j.generation, j.batch_id, j.reason, j.message, j.seen_at, j.arrived
FROM lines l
JOIN records r ON r.experiment = l.experiment
LEFT JOIN jobs j ON j.job = l.job AND j.task = l.task
LEFT JOIN connectors c ON c.name = l.connector
LEFT JOIN unsent u ON u.job = l.job AND u.connector = l.connector
WHERE l.is_last)))
"""
_decode = json.JSONDecoder().raw_decode
"""Reads what the journal has written itself, in a third of the time that json.loads takes."""
_COUNTS = f"(is_current OR state NOT IN ({_OVER}))"
"""What makes an experiment: the jobs of its latest run, and older ones still alive."""


class Row(NamedTuple):
    """One job as the journal has it."""

    place: int
    experiment: str
    task: str
    id: str
    connector: str
    launcher: str
    tags_text: str
    parents_text: str
    is_current: int
    settled: int
    state: str
    cause: str | None
    attempt: int
    generation: int
    batch_id: str | None
    reason: str
    message: str
    seen_at: float

    @property
    def tags(self) -> Mapping[str, object]:
        """Its tags."""
        found: Mapping[str, object] = _decode(self.tags_text)[0]
        return found

    @property
    def parents(self) -> Sequence[JobRef]:
        """The jobs it depends on."""
        if self.parents_text == "[]":
            return ()
        return [JobRef(task, job) for task, job in json.loads(self.parents_text)]

    @property
    def ref(self) -> JobRef:
        """What names its folder."""
        return JobRef(self.task, self.id)


class Brief(NamedTuple):
    """What names a job, and how it stands."""

    task: str
    id: str
    state: str
    tags_text: str


_COLUMNS = (
    "place, experiment, task, job, connector, launcher, tags, parents, is_current, settled, state, cause, attempt,"
    " generation, batch_id, reason, message, seen_at"
)
_IN_ORDER = "ORDER BY NOT is_current, place"


class Tally(NamedTuple):
    """So many jobs of an experiment are in one state on one connector."""

    state: str
    settled: int
    connector: str
    jobs: int
    seen_at: float
    """When the oldest of it was seen."""


class Look:
    """What is known now; ``update`` makes it later. For one thread."""

    def __init__(self, main: MainFolder, journal: Journal) -> None:
        self.main = main
        self.journal = journal
        self.standings = Standings(journal.folder)
        journal.read(_UNSENT)
        journal.read(_SEEN)
        self.update()

    def forsaken(self, but: Collection[str] = ()) -> int:
        """How many jobs elsewhere are over and in the latest run of no experiment."""
        found = self.journal.read(
            "WITH older AS (SELECT DISTINCT l.job FROM lines l JOIN records r ON r.experiment = l.experiment"
            " WHERE l.run != r.run)"
            " SELECT l.job FROM lines l JOIN records r ON r.experiment = l.experiment WHERE l.job IN older GROUP BY l.job"
            " HAVING max(l.run = r.run) = 0 AND max(l.connector) != 'local'"
        )
        return sum(job not in but for (job,) in found)

    def update(self) -> None:
        """Take in what was submitted, sent and heard since."""
        self.journal.catch_up()
        self._left: Mapping[JobRef, Left] | None = None
        self.standings.refresh()
        self.places: Mapping[str, Place] = self.journal.places()
        self.journal.read("DELETE FROM unsent")
        self.journal.write_aside(
            "INSERT OR IGNORE INTO unsent VALUES (?, ?)",
            (
                (job, connector)
                for connector, jobs in self.main.outbox.unsent().items()
                for job in jobs
            ),
        )
        self._cancels = self._asked_cancels()

    def experiments(self) -> Sequence[str]:
        """The experiments, the one that ran last first."""
        runs = {each.id: each.latest() for each in self.main.experiments()}
        return sorted(runs, key=lambda name: _started(runs[name]), reverse=True)

    def run(self, experiment: str) -> Run | None:
        """Its latest run."""
        return self.main.experiment(experiment).latest()

    def tallies(self, experiment: str, condition: Condition = ALL) -> Sequence[Tally]:
        """How many jobs of an experiment, or of those that fulfil a condition, are in which state."""
        rows = self.journal.read(
            "SELECT state, settled, connector, count(*), min(seen_at) FROM seen"
            f" WHERE experiment = ? AND {_COUNTS} AND {condition.sql} GROUP BY 1, 2, 3",
            (experiment, *condition.values),
        )
        return [Tally(*row) for row in rows]

    def by_task(self, experiment: str) -> Iterator[tuple[str, str, int]]:
        """How many jobs of an experiment are of which task and in which state, in the order of their submission."""
        return self.journal.read(
            f"SELECT task, state, count(*) FROM seen WHERE experiment = ? AND {_COUNTS} GROUP BY 1, 2"
            " ORDER BY min(NOT is_current), min(place)",
            (experiment,),
        )

    def pairs(self, experiment: str) -> Iterator[tuple[str, str, int]]:
        """How many jobs of which task depend on ones of which other: the former, the latter, how many pairs."""
        return self.journal.read(
            "SELECT task, json_extract(p.value, '$[0]'), count(*) FROM seen, json_each(parents) p"
            f" WHERE experiment = ? AND parents != '[]' AND {_COUNTS} GROUP BY 1, 2",
            (experiment,),
        )

    def rows(
        self, experiment: str, condition: Condition = ALL, most: int = -1, but: int = 0
    ) -> Iterator[Row]:
        """The jobs of an experiment, or those of them that fulfil a condition, in the order of their submission.

        Args:
            experiment: which.
            condition: what they fulfil.
            most: so many at most; -1: all.
            but: without the first ones.
        """
        query = (
            f"WHERE experiment = ? AND {_COUNTS} AND {condition.sql} {_IN_ORDER} LIMIT ? OFFSET ?"
        )
        return self._rows(query, (experiment, *condition.values, most, but))

    def briefly(
        self, experiment: str, condition: Condition = ALL, most: int = -1, but: int = 0
    ) -> Iterator[Brief]:
        """The same jobs, in few words: for who wants many of them."""
        found = self.journal.read(
            f"SELECT task, job, state, tags FROM seen WHERE experiment = ? AND {_COUNTS} AND {condition.sql}"
            f" {_IN_ORDER} LIMIT ? OFFSET ?",
            (experiment, *condition.values, most, but),
        )
        return map(Brief._make, found)

    def holds(self, condition: Condition) -> bool:
        """Whether any job fulfils a condition."""
        query = f"SELECT 1 FROM seen WHERE {_COUNTS} AND {condition.sql} LIMIT 1"
        return self.journal.read(query, condition.values).fetchone() is not None

    def tag_names(self) -> Sequence[str]:
        """The tags that jobs have."""
        rows = self._rows(f"WHERE {_COUNTS}", ())
        return sorted({name for row in rows for name in row.tags})

    def pressing(
        self, experiment: str, order: Sequence[str], most: int, condition: Condition = ALL
    ) -> Sequence[Row]:
        """So many jobs at most, those in states that come first in an order; in the order of their submission."""
        cases = " ".join(f"WHEN '{state}' THEN {place}" for place, state in enumerate(order))
        rows = self._rows(
            f"WHERE experiment = ? AND {_COUNTS} AND {condition.sql}"
            f" ORDER BY CASE state {cases} ELSE 0 END, NOT is_current, place LIMIT ?",
            (experiment, *condition.values, most),
        )
        return sorted(rows, key=lambda row: (not row.is_current, row.place))

    def beginning(self, start: str, task: str = "", most: int = -1) -> Sequence[Row]:
        """The jobs whose id begins like this, of a task or of any; each once, as its latest experiment has it."""
        rows = self._rows(
            f"WHERE job >= ? AND job < ? AND (? = '' OR task = ?) AND {_COUNTS} {_IN_ORDER} LIMIT ?",
            (start, f"{start}g", task, task, most),
        )
        return list({row.ref: row for row in rows}.values())

    def job(self, ref: JobRef) -> Row | None:
        """One job, as its latest experiment has it."""
        found = [row for row in self.beginning(ref.job, ref.task) if row.id == ref.job]
        return found[-1] if found else None

    def alike(self, ref: JobRef, most: int) -> Sequence[Row]:
        """Other done jobs of the same task, the latest ones."""
        query = f"WHERE task = ? AND job != ? AND state = 'done' AND {_COUNTS} ORDER BY place DESC LIMIT ?"
        return list(self._rows(query, (ref.task, ref.job, most)))[::-1]

    def on(self, connector: str, states: Sequence[str]) -> Iterator[Row]:
        """The jobs of a connector in these states."""
        marks = ", ".join("?" * len(states))
        query = f"WHERE connector = ? AND state IN ({marks}) AND {_COUNTS} {_IN_ORDER}"
        return self._rows(query, (connector, *states))

    @property
    def left(self) -> Mapping[JobRef, Left]:
        """How much of each job stays on the far side, of those of which something does."""
        if self._left is None:
            found = self.journal.read("SELECT task, job, files, bytes FROM stayed")
            self._left = {JobRef(task, job): Left(count, size) for task, job, count, size in found}
        return self._left

    def stays(self, experiment: str) -> Sequence[Stays]:
        """How much of an experiment stays on which connector."""
        if not self.left:
            return ()
        found = self.journal.read(
            "SELECT s.connector, count(*), sum(t.files), sum(t.bytes), min(s.job) FROM seen s"
            f" JOIN stayed t ON t.job = s.job AND t.task = s.task WHERE experiment = ? AND {_COUNTS}"
            " GROUP BY s.connector",
            (experiment,),
        )
        return [Stays(*row) for row in found]

    def unsettled(self) -> Sequence[tuple[str, JobRef, int]]:
        """The connector, job and attempt of all that is not over with its files here."""
        return self._attempts("NOT settled")

    def ended_badly(self) -> Sequence[tuple[str, JobRef, int]]:
        """Likewise of what is over and not done: somebody may try it again."""
        return self._attempts("settled AND state != 'done'")

    def reconcile(self, connectors: Sequence[str]) -> None:
        """See in the folders of unsettled jobs whether they have ended: their connectors do not answer."""
        found = self._attempts("NOT settled AND NOT is_unsent")
        self.reconcile_jobs([each for each in found if each[0] in connectors])

    def reconcile_jobs(self, attempts: Sequence[tuple[str, JobRef, int]]) -> None:
        """See in their folders whether these attempts have ended."""
        if attempts:
            self.journal.reconcile((ref.task, ref.job, n, name) for name, ref, n in attempts)

    def lines(self, ref: JobRef) -> Sequence[tuple[str, Line]]:
        """Every submission of a job, with its experiment, oldest first."""
        rows = self.journal.read(
            "SELECT experiment, job, task, attempt, connector, launcher, tags, parents, workspace, at, run FROM lines"
            " WHERE job = ? AND task = ? ORDER BY n",
            (ref.job, ref.task),
        )
        return [(name, _line(rest)) for name, *rest in rows]

    def reason(self, row: Row) -> str:
        """Why a job waits, in words."""
        return row.reason if row.state in OVER else self._cancels.get(row.ref, row.reason)

    def standing(self, row: Row) -> Standing | None:
        """About where a job stands in the queue of its site; None when nobody knows."""
        if row.state != "pending" or row.ref in self._cancels:
            return None
        return self.standings.of(row)

    def _attempts(self, condition: str) -> Sequence[tuple[str, JobRef, int]]:
        rows = self.journal.read(
            f"SELECT DISTINCT connector, task, job, attempt FROM seen WHERE {condition} AND {_COUNTS}"
        )
        return [(name, JobRef(task, job), attempt) for name, task, job, attempt in rows]

    def _rows(self, condition: str, values: Sequence[object]) -> Iterator[Row]:
        found = self.journal.read(f"SELECT {_COLUMNS} FROM seen {condition}", values)
        return map(Row._make, found)

    def _asked_cancels(self) -> Mapping[JobRef, str]:
        """What to say of jobs whose cancelling has not been told to their connector."""
        found: dict[JobRef, str] = {}
        for name in self.main.outbox.cancelling():
            words = "being cancelled, not delivered yet"
            place = self.places.get(name)
            if place is not None and place.down_since is not None:
                since = datetime.fromtimestamp(place.down_since, UTC).astimezone()
                words += f": {name} is out of reach since {since:%Y-%m-%d %H:%M}"
            found.update((owed.ref, words) for owed in self.main.outbox.owed(name))
        return found


Matches = Callable[[Row], bool]


def _started(run: Run | None) -> float:
    return run.started if run is not None else 0.0


def _line(values: Sequence[object]) -> Line:
    job, task, attempt, connector, launcher, tags, parents, workspace, at, run = values
    pairs = tuple((one, other) for one, other in json.loads(str(parents)))
    return Line(
        str(job), str(task), int(str(attempt)), str(connector), str(launcher),
        json.loads(str(tags)), pairs, str(workspace), float(str(at)), str(run),
    )  # fmt: skip
