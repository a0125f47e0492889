"""What the journal notes of jobs that are over agrees with what it would tell if every job were looked at."""

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

STATES = ("waiting", "running", "failed", "done", "cancelled")
ORDER = ("failed", "running", "waiting", "cancelled", "done")
EXPERIMENTS = ("one", "two")
TASKS = ("demo.learn", "demo.score")


class Submitted(NamedTuple):
    """A run submits a job."""

    experiment: str
    job: int
    attempt: int
    is_new_run: bool


class Heard(NamedTuple):
    """A connector tells of an attempt."""

    job: int
    attempt: int
    state: str
    arrived: bool


EVENTS = st.lists(
    st.one_of(
        st.builds(
            Submitted, st.sampled_from(EXPERIMENTS), st.integers(0, 3), st.integers(1, 2), st.booleans()
        ),
        st.builds(
            Heard, st.integers(0, 3), st.integers(1, 2), st.sampled_from(STATES), st.booleans()
        ),
    ),
    max_size=14,
)  # fmt: skip


def ref(number: int) -> JobRef:
    return JobRef(TASKS[number % 2], job_id(str(number)))


@settings(
    suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=60
)
@given(events=EVENTS, most=st.integers(0, 5))
def test_what_is_noted_of_settled_jobs_is_what_their_news_and_lines_tell(
    tmp_path_factory: pytest.TempPathFactory, events: Sequence[Submitted | Heard], most: int
) -> None:
    folder = tmp_path_factory.mktemp("seen")
    main = MainFolder(folder / "main")
    main.prepare()
    journal = Journal(main, folder / "journal")

    for at, event in enumerate(events, 1):
        happen(main, journal, event, float(at))

    look = Look(main, journal)
    assert [] == disagreeing(journal)
    for name in look.experiments():
        agree(look, name, most)
    journal.close()


def happen(main: MainFolder, journal: Journal, event: Submitted | Heard, at: float) -> None:
    if isinstance(event, Heard):
        tell = journal.arrived if event.arrived else journal.record
        tell(
            "here",
            [Change(ref(event.job), event.state, None, event.attempt, 1, None, "", "", at)],
            at,
        )
        return
    record = main.experiment(event.experiment)
    known = record.latest()
    run = record.start(at, None, []) if known is None or event.is_new_run else known.run
    one = ref(event.job)
    record.append(Line(one.job, one.task, event.attempt, "here", "here", {}, (), "", at, run))
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


def agree(look: Look, name: str, most: int) -> None:
    """What is counted and picked from the index is what a look at every job of an experiment finds."""
    rows = list(look.rows(name))
    for condition, chosen in (
        (ALL, rows),
        (Condition("state = ?", ("done",)), [row for row in rows if row.state == "done"]),
        (Condition("attempt > ?", (1,)), [row for row in rows if row.attempt > 1]),
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
