"""Questions about the jobs of a main folder, answered from its journal: by SQL, so that many jobs cost little.

The view ``seen`` (xpm/follow/seen.py) is how a job stands. A job is *settled* when it is over and its files are here; *unsent*
when it still lies in the outbox. No folder of a job is looked into: what a lane heard or
brought it has noted in the journal, and ``xpm.follow.session`` reconciles those of a connector that does not answer.
"""

import json
from collections.abc import Collection, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import NamedTuple

from xpm.connectors.jobs import JobRef
from xpm.follow.conditions import ALL, Condition
from xpm.follow.journal import Journal, Place
from xpm.follow.leaving import Stays
from xpm.follow.main import MainFolder
from xpm.follow.records import Line, Run
from xpm.follow.seen import OVER as OVER
from xpm.follow.seen import OVER_SQL, VIEWS
from xpm.follow.standing import Standing, Standings
from xpm.sync.staying import Left

_UNSENT = "CREATE TEMP TABLE IF NOT EXISTS unsent (job TEXT, connector TEXT, PRIMARY KEY (job, connector)) WITHOUT ROWID"
_decode = json.JSONDecoder().raw_decode
"""Reads what the journal has written itself, in a third of the time that json.loads takes."""
_COUNTS = f"(is_current OR state NOT IN ({OVER_SQL}))"
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
    """When the oldest of it was seen; 0 of what is settled."""


class Look:
    """What is known now; ``update`` makes it later. For one thread."""

    def __init__(self, main: MainFolder, journal: Journal) -> None:
        self.main = main
        self.journal = journal
        self.standings = Standings(journal.folder)
        journal.read(_UNSENT)
        for each in VIEWS:
            journal.read(each)
        self.update()

    def forsaken(self, but: Collection[str] = ()) -> int:
        """How many jobs elsewhere are over and in the latest run of no experiment."""
        found = self.journal.read(
            "WITH older AS (SELECT l.job FROM records r CROSS JOIN lines l ON l.experiment = r.experiment AND l.run < r.run"
            " UNION SELECT l.job FROM records r CROSS JOIN lines l ON l.experiment = r.experiment AND l.run > r.run)"
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
            f"SELECT state, 1, connector, count(*), 0.0 FROM {_ended(condition)} GROUP BY state, connector"
            " UNION ALL SELECT state, 0, connector, count(*), min(seen_at)"
            f" FROM {_alive(condition)} GROUP BY state, connector",
            (experiment, *condition.values) * 2,
        )
        return [Tally(*row) for row in rows]

    def by_task(self, experiment: str) -> Iterator[tuple[str, str, int]]:
        """How many jobs of an experiment are of which task and in which state, in the order of their submission."""
        return self.journal.read(
            "SELECT task, state, sum(jobs) FROM"
            f" (SELECT task, state, count(*) AS jobs, 0 AS older, min(place) AS first FROM {_ended(ALL)} GROUP BY task, state"
            " UNION ALL SELECT task, state, count(*), min(NOT is_current), min(place)"
            f" FROM {_alive(ALL)} GROUP BY task, state) GROUP BY task, state ORDER BY min(older), min(first)",
            (experiment, experiment),
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
        some = _some(experiment, condition, most, but)
        return self._rows(f"WHERE {some.sql} {_IN_ORDER}", some.values)

    def briefly(
        self, experiment: str, condition: Condition = ALL, most: int = -1, but: int = 0
    ) -> Iterator[Brief]:
        """The same jobs, in few words: for who wants many of them."""
        some = _some(experiment, condition, most, but)
        found = self.journal.read(
            f"SELECT task, job, state, tags FROM seen WHERE {some.sql} {_IN_ORDER}", some.values
        )
        return map(Brief._make, found)

    def holds(self, condition: Condition, experiment: str | None = None) -> bool:
        """Whether any job fulfils a condition, of one experiment or of all."""
        sql = f"(?1 IS NULL OR experiment = ?1) AND {condition.sql}"
        values = (experiment, *condition.values)
        return any(
            self.journal.read(f"SELECT 1 FROM {those} AND {sql} LIMIT 1", values).fetchone()
            for those in ("ended WHERE is_current", f"seen WHERE NOT settled AND {_COUNTS}")
        )

    def tag_names(self) -> Sequence[str]:
        """The tags that jobs have."""
        rows = self._rows(f"WHERE {_COUNTS}", ())
        return sorted({name for row in rows for name in row.tags})

    def pressing(
        self, experiment: str, order: Sequence[str], most: int, condition: Condition = ALL
    ) -> Sequence[Row]:
        """So many jobs at most, those in states that come first in an order; in the order of their submission."""
        cases = " ".join(f"WHEN '{state}' THEN {place}" for place, state in enumerate(order))
        some = _some(experiment, condition, most, order=f"CASE state {cases} ELSE 0 END, ")
        return list(self._rows(f"WHERE {some.sql} {_IN_ORDER}", some.values))

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
        like = "task = ? AND job != ? AND state = 'done'"
        query = (
            f"WHERE (experiment, place) IN (SELECT experiment, place FROM ended WHERE is_current AND {like}"
            f" UNION ALL SELECT experiment, place FROM seen WHERE NOT settled AND {_COUNTS} AND {like}"
            " ORDER BY place DESC LIMIT ?) ORDER BY place"
        )
        return list(self._rows(query, (*(ref.task, ref.job) * 2, most)))

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


def _ended(condition: Condition) -> str:
    """The settled jobs of an experiment that fulfil a condition: what follows FROM."""
    return f"ended WHERE experiment = ? AND is_current AND {condition.sql}"


def _alive(condition: Condition) -> str:
    """The others."""
    return f"seen WHERE experiment = ? AND NOT settled AND {_COUNTS} AND {condition.sql}"


def _some(
    experiment: str, condition: Condition, most: int, but: int = 0, order: str = ""
) -> Condition:
    """So many jobs of an experiment (-1: all of them): first they are found by little of each, then the few are read."""
    values = (experiment, *condition.values)
    if most < 0 and not but:
        return Condition(f"experiment = ? AND {_COUNTS} AND {condition.sql}", values)
    return Condition(
        "experiment = ? AND place IN (SELECT place FROM"
        f" (SELECT place, state, is_current FROM {_ended(condition)}"
        f" UNION ALL SELECT place, state, is_current FROM {_alive(condition)})"
        f" ORDER BY {order}NOT is_current, place LIMIT ? OFFSET ?)",
        (experiment, *values, *values, most, but),
    )


def _started(run: Run | None) -> float:
    return run.started if run is not None else 0.0


def _line(values: Sequence[object]) -> Line:
    job, task, attempt, connector, launcher, tags, parents, workspace, at, run = values
    pairs = tuple((one, other) for one, other in json.loads(str(parents)))
    return Line(
        str(job), str(task), int(str(attempt)), str(connector), str(launcher),
        json.loads(str(tags)), pairs, str(workspace), float(str(at)), str(run),
    )  # fmt: skip
