"""What the journal notes of jobs that are over agrees with what it would tell if every job were looked at."""

import shutil
from collections import Counter
from collections.abc import Sequence
from typing import NamedTuple

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.follow.fakes import job_id
from xpm.connectors.base import Change, JobRef
from xpm.follow.conditions import ALL, Condition
from xpm.follow.journal import Journal
from xpm.follow.looking import OVER, Look
from xpm.follow.main import MainFolder
from xpm.follow.records import Line

STATES = ("waiting", "running", "failed", "done", "cancelled", "skipped", "lost")
ORDER = ("failed", "lost", "skipped", "running", "waiting", "cancelled", "done")
CONNECTORS = ("here", "there")
EXPERIMENTS = ("one", "two")
TASKS = ("demo.learn", "demo.score")


class Submitted(NamedTuple):
    """A run submits a job."""

    experiment: str
    job: int
    attempt: int
    is_new_run: bool
    connector: str


class Removed(NamedTuple):
    """Somebody removes an experiment."""

    experiment: str


class Heard(NamedTuple):
    """A connector tells of an attempt."""

    job: int
    attempt: int
    state: str
    arrived: bool
    connector: str


EVENTS = st.lists(
    st.one_of(
        st.builds(
            Submitted, st.sampled_from(EXPERIMENTS), st.integers(0, 3), st.integers(1, 3), st.booleans(),
            st.sampled_from(CONNECTORS),
        ),
        st.builds(
            Heard, st.integers(0, 3), st.integers(1, 3), st.sampled_from(STATES), st.booleans(),
            st.sampled_from(CONNECTORS),
        ),
        st.builds(Removed, st.sampled_from(EXPERIMENTS)),
    ),
    max_size=20,
)  # fmt: skip


def ref(number: int) -> JobRef:
    return JobRef(TASKS[number % 2], job_id(str(number)))


@settings(
    suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=60
)
@given(
    events=EVENTS,
    most=st.integers(0, 5),
    unsent=st.lists(st.tuples(st.integers(0, 3), st.sampled_from(CONNECTORS))),
)
def test_what_is_noted_of_settled_jobs_is_what_their_news_and_lines_tell(
    tmp_path_factory: pytest.TempPathFactory,
    events: Sequence[Submitted | Heard | Removed],
    most: int,
    unsent: Sequence[tuple[int, str]],
) -> None:
    folder = tmp_path_factory.mktemp("seen")
    main = MainFolder(folder / "main")
    main.prepare()
    journal = Journal(main, folder / "journal")

    for at, event in enumerate(events, 1):
        happen(main, journal, event, float(at))

    look = Look(main, journal)
    rows = [(ref(number).job, connector) for number, connector in unsent]
    journal.write_aside("INSERT OR IGNORE INTO unsent VALUES (?, ?)", rows)
    assert [] == disagreeing(journal)
    assert looked_at(journal) == journal.read(f"SELECT {SHOWN} FROM seen ORDER BY 1, 2").fetchall()
    for name in look.experiments():
        agree(look, name, most)
    journal.close()


def happen(
    main: MainFolder, journal: Journal, event: Submitted | Heard | Removed, at: float
) -> None:
    if isinstance(event, Removed):
        shutil.rmtree(main.experiment(event.experiment).folder, ignore_errors=True)
        journal.catch_up()
        return
    if isinstance(event, Heard):
        tell = journal.arrived if event.arrived else journal.record
        tell(
            event.connector,
            [Change(ref(event.job), event.state, None, event.attempt, 1, None, "", "", at)],
            at,
        )
        return
    record = main.experiment(event.experiment)
    known = record.latest()
    run = record.start(at, None, []) if known is None or event.is_new_run else known.run
    one = ref(event.job)
    record.append(
        Line(one.job, one.task, event.attempt, event.connector, "gpu", {}, (), "", at, run)
    )
    record.close()
    journal.catch_up()


def disagreeing(journal: Journal) -> list[object]:
    """Lines of which something else is noted than follows from the tables: said here once more, in other words."""
    over = ", ".join(f"'{each}'" for each in OVER)
    return journal.read(
        "SELECT * FROM (SELECT l.n, l.settled AS noted, CASE WHEN j.arrived AND j.state IN"
        f" ({over}) AND (j.attempt >= l.attempt OR j.seen_at >= l.at) THEN j.state END AS told"
        " FROM lines l LEFT JOIN jobs j ON j.job = l.job AND j.task = l.task WHERE l.is_last)"
        " WHERE noted IS NOT told"
    ).fetchall()


SHOWN = (
    "experiment, place, task, job, connector, launcher, tags, parents, is_current, settled, state, cause, attempt,"
    " generation, batch_id, reason, message, seen_at"
)


def looked_at(journal: Journal) -> list[object]:
    """Every job as it stands, without what is noted of any: said here once more."""
    over = ", ".join(f"'{each}'" for each in OVER)
    return journal.read(
        f"WITH told AS (SELECT l.*, l.run = r.run AS is_current, u.job IS NOT NULL AS is_unsent, j.state AS word,"
        " coalesce(c.seen_at, 0) AS place_at, j.cause, j.attempt AS tried, j.generation, j.batch_id, j.reason, j.message,"
        " j.seen_at, j.arrived, j.state IS NOT NULL AND (j.attempt >= l.attempt OR j.seen_at >= l.at) AS is_known"
        " FROM lines l JOIN records r USING (experiment) LEFT JOIN jobs j ON j.job = l.job AND j.task = l.task"
        " LEFT JOIN connectors c ON c.name = l.connector"
        " LEFT JOIN unsent u ON u.job = l.job AND u.connector = l.connector WHERE l.is_last),"
        f" judged AS (SELECT *, is_known AND arrived AND word IN ({over}) AS is_over FROM told)"
        " SELECT experiment, place, task, job, connector, launcher, tags, parents, is_current, is_over,"
        " CASE WHEN is_over THEN word WHEN is_unsent OR NOT is_known THEN 'waiting' ELSE word END,"
        " iif(has_news, cause, NULL), iif(has_news AND tried, tried, attempt), iif(has_news, generation, 0),"
        " iif(has_news, batch_id, NULL),"
        " CASE WHEN has_news THEN reason WHEN is_unsent THEN 'not sent yet' ELSE 'sent; no news yet' END,"
        " iif(has_news, message, ''),"
        " CASE WHEN is_over THEN seen_at WHEN has_news THEN max(seen_at, place_at) ELSE at END"
        " FROM (SELECT *, is_over OR (is_known AND NOT is_unsent) AS has_news FROM judged) ORDER BY 1, 2"
    ).fetchall()


def agree(look: Look, name: str, most: int) -> None:
    """What is counted and picked from the index is what a look at every job of an experiment finds."""
    rows = list(look.rows(name))
    for condition, chosen in (
        (ALL, rows),
        (Condition("state = ?", ("done",)), [row for row in rows if row.state == "done"]),
        (Condition("attempt > ?", (1,)), [row for row in rows if row.attempt > 1]),
        (Condition("connector = ?", ("there",)), [row for row in rows if row.connector == "there"]),
        (
            Condition("state IN (?, ?)", ("skipped", "waiting")),
            [row for row in rows if row.state in ("skipped", "waiting")],
        ),
    ):
        counted = Counter[tuple[str, int]]()
        for each in look.tallies(name, condition):
            counted[each.state, each.settled] += each.jobs
        assert Counter((row.state, row.settled) for row in chosen) == counted
        assert chosen[:most] == list(look.rows(name, condition, most))
        assert chosen[most:] == list(look.rows(name, condition, but=most))
        assert [row.id for row in chosen[:most]] == [
            each.id for each in look.briefly(name, condition, most)
        ]
        first = sorted(chosen, key=lambda row: ORDER.index(row.state))[:most]
        assert sorted(first, key=rows.index) == list(look.pressing(name, ORDER, most, condition))
    told = Counter({(task, state): count for task, state, count in look.by_task(name)})
    assert Counter((row.task, row.state) for row in rows) == told
