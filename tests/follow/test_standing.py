"""Where jobs stand in a queue: kept beside the journal, no event of any job."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from queue import SimpleQueue

import pytest

from tests.follow.fakes import Cluster
from tests.follow.test_rules_of_results import Clock
from xpm.connectors.base import Change, JobRef, Stands
from xpm.follow import standing, views
from xpm.follow.events import Event
from xpm.follow.followed import Followed
from xpm.follow.journal import Journal
from xpm.follow.looking import Look
from xpm.follow.main import MainFolder
from xpm.follow.records import Line
from xpm.follow.standing import Standing, Standings
from xpm.sync.rules import Rules

ROWS = [
    Stands("40", "", "gpu", 3, 9),
    Stands("41", "2-5,9%3", "cpu", 7, 20),
    Stands("41_7", "", "cpu", 2, 20),
]


@dataclass(frozen=True)
class Asked:
    batch_id: str | None
    state: str = "pending"
    reason: str = "others come first (Priority)"
    connector: str = "cluster"


@pytest.fixture
def known(tmp_path: Path) -> Standings:
    standing.keep(tmp_path, "cluster", ROWS)
    found = Standings(tmp_path)
    assert found.refresh()
    return found


@pytest.mark.parametrize(
    ("batch_id", "place"),
    [
        ("40", Standing(3, 9, "gpu")), ("41_2", Standing(7, 20, "cpu")), ("41_4", Standing(9, 20, "cpu")),
        ("41_7", Standing(2, 20, "cpu")), ("41_5", None), ("41_9", None), ("41_1", None), ("41", Standing(7, 20, "cpu")),
        ("4", None), ("", None), (None, None), ("41_x", None), ("40_1", None),
    ],
)  # fmt: skip
def test_elements_of_an_array_stand_behind_each_other_as_far_as_they_may_run_at_once(
    known: Standings, batch_id: str | None, place: Standing | None
) -> None:
    assert place == known.of(Asked(batch_id))


@pytest.mark.parametrize(
    "asked",
    [
        Asked("40", state="running"), Asked("40", state="submitted"), Asked("40", reason="being cancelled"),
        Asked("40", connector="other"),
    ],
)  # fmt: skip
def test_who_does_not_wait_there_has_no_place(known: Standings, asked: Asked) -> None:
    assert known.of(asked) is None


def test_each_connector_has_its_own_and_what_is_told_last_counts(tmp_path: Path) -> None:
    found = Standings(tmp_path)
    standing.keep(tmp_path, "../evil/" + "x" * 500, [Stands("40", "", "gpu", 1, 1)])
    standing.keep(tmp_path, "cluster", ROWS)
    assert found.refresh()
    assert not found.refresh()

    standing.keep(tmp_path, "cluster", [])
    assert found.refresh()

    assert found.of(Asked("40")) is None
    assert Standing(1, 1, "gpu") == found.of(Asked("40", connector="../evil/" + "x" * 500))
    assert 2 == len(list(tmp_path.iterdir()))


@pytest.mark.parametrize(
    "content",
    ["", "{", "[]", "7", '{"format": 2}', '{"format": 1, "rows": [["40"]]}', '{"format": 1, "connector": "cluster"}',
     '{"format": 1, "connector": "cluster", "rows": 5}'],
)  # fmt: skip
def test_a_file_that_cannot_be_read_says_nothing(
    known: Standings, tmp_path: Path, content: str
) -> None:
    (path,) = tmp_path.iterdir()
    path.write_text(content)

    known.refresh()

    assert known.of(Asked("40")) is None


def test_where_it_cannot_be_written_nothing_is_lost(tmp_path: Path) -> None:
    standing.keep(tmp_path / "nowhere", "cluster", ROWS)

    assert not Standings(tmp_path / "nowhere").refresh()


class Place:
    """A job that waits on a cluster, followed by one laptop."""

    def __init__(self, main: MainFolder) -> None:
        main.prepare()
        self.main, self.journal = main, Journal(main)
        self.ref = JobRef("demo.task", "a" * 64)
        record = main.experiment("demo")
        run = record.start(1.0, "plan.py", [])
        record.append(
            Line(self.ref.job, self.ref.task, 1, "cluster", "gpu", {}, (), str(main.path), 1.0, run)
        )
        record.close()
        self.cluster = Cluster(stuck=True)
        self.followed = Followed(
            "cluster", SimpleQueue[Event](), Clock(), Rules(), lambda ref: "", Clock()
        )
        pending = Change(self.ref, "pending", None, 1, 0, "40", "others come first", "", 2.0)
        self.journal.record("cluster", [pending], 2.0)
        self.journal.catch_up()

    def hear(self, found: Sequence[Stands] | None, fresh: bool = False) -> None:
        self.cluster.standing = None if found is None else list(found)
        asked = {self.ref: 1} if fresh else {}
        link = self.cluster.open()
        self.followed.ask(link, self.journal, self.main.path, asked, 0.0)

    def job(self) -> views.JobView:
        look = Look(self.main, self.journal)
        return views.seen(look, next(iter(look.rows("demo"))))


@pytest.fixture
def place(main_path: Path) -> Place:
    return Place(MainFolder(main_path))


def test_it_is_seen_with_the_job_and_as_fields_of_their_own(place: Place) -> None:
    assert place.job().standing is None

    place.hear(ROWS)

    assert Standing(3, 9, "gpu") == place.job().standing
    look = Look(place.main, place.journal)
    (told,) = json.loads(json.dumps(views.as_json(views.experiment(look, "demo"))))["jobs"]
    assert {"place": 3, "of": 9, "partition": "gpu"} == told["queue"]
    assert "others come first" == told["reason"]


def test_a_place_that_changes_is_no_event_and_no_row_of_the_journal(place: Place) -> None:
    place.hear(ROWS)
    (events,) = place.journal.read("SELECT count(*) FROM events").fetchone()
    jobs = place.journal.jobs()

    for ahead in range(5, 1, -1):
        place.hear([Stands("40", "", "gpu", ahead, 9)])
        assert place.job().standing == Standing(ahead, 9, "gpu")

    assert (events,) == place.journal.read("SELECT count(*) FROM events").fetchone()
    assert jobs == place.journal.jobs()


def test_no_news_keeps_it_and_an_agent_that_never_tells_takes_it_away(place: Place) -> None:
    place.hear(ROWS)
    place.followed._cursor = "1"
    place.hear(None)
    assert place.job().standing is not None

    place.followed.ask_for_all()
    place.hear(None)
    assert place.job().standing is None


def test_a_cancel_that_is_on_its_way_has_no_place(place: Place) -> None:
    place.hear(ROWS)
    place.main.outbox.owe("cluster", place.ref, 1, 3.0)

    assert place.job().standing is None
