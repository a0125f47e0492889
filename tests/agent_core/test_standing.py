"""The place in the queue: asked rarely, for all jobs at once, by who listens; and never wrong where nobody can know it."""

import errno
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.agent_core.site import Site
from tests.agent_core.yard import eventually
from xpm.agent import limits, slurm_standing
from xpm.agent.slurm_line import Stands
from xpm.wire import files

pytestmark = pytest.mark.host
OPEN = limits.UNKNOWN._replace(hides_jobs=False)
LINE = (
    "1|cpu|9|Resources|\n2_[0-9]|cpu|8|Priority|\n1001|cpu|5|Priority|\n3|cpu|4|Priority|\n%xpm 0\n"
)
THERE = [Stands("1001", "", "cpu", 12, 13)]


class Listener:
    """An agent that somebody listens to, beside a queue full of others' jobs."""

    def __init__(self, site: Site) -> None:
        self.site = site
        site.learned(OPEN)
        self.line(LINE)
        site.yard.ask("a")
        site.advance()
        self.come()

    def come(self) -> None:
        self.site.come()
        assert self.site.place is not None
        self.standing = self.site.place.standing
        self.standing.is_wanted = True

    def line(self, text: str) -> None:
        (self.site.state / "line").write_text(text.replace("%xpm 0\n", ""))

    def asked(self) -> list[list[str]]:
        """The questions about everybody's jobs."""
        return [each["argv"] for each in self.site.calls("squeue") if "-p" in each["argv"]]

    def plan(self) -> dict[str, Any]:
        return files.load(str(Path(self.site.yard.layout.own, "standing.asked"))) or {}

    def advance(self, later_s: float = 0.0) -> list[Stands]:
        """Advance, hear what was asked, and tell."""
        self.site.advance(later_s)
        process = self.standing._running
        if process is not None:
            eventually(lambda: process.poll() is not None)
        self.site.advance()
        return self.places()

    def places(self) -> list[Stands]:
        assert self.site.place is not None
        return self.standing.places(self.site.place.queue.answer(), self.site.now)


@pytest.fixture
def listener(tmp_path: Path) -> Iterator[Listener]:
    site = Site(tmp_path)
    yield Listener(site)
    site.rest()


def test_a_job_that_waits_for_its_turn_is_told_where_it_stands(listener: Listener) -> None:
    assert THERE == listener.advance(60)

    (argv,) = listener.asked()
    assert ["-a", "-h", "-t", "PD", "-p", "cpu"] == argv[:6]
    assert "-r" not in argv
    assert "Resources" not in json.dumps(
        files.load(str(listener.site.yard.layout.own + "/standing.json"))
    )


def test_it_is_asked_once_in_some_minutes_whoever_listens_and_not_at_the_same_second_everywhere(
    listener: Listener,
) -> None:
    listener.advance(60)
    for _ in range(4):
        listener.advance(10)
        listener.come()
    assert 1 == len(listener.asked())

    pause = listener.plan()["next"] - listener.plan()["at"]
    assert 300 <= pause < 376
    listener.advance(400)
    assert 2 == len(listener.asked())
    listener.standing._chance = lambda: 1.0
    listener.advance(400)
    assert 375 == pytest.approx(listener.plan()["next"] - listener.plan()["at"])


def test_nobody_asks_when_nobody_listens(listener: Listener) -> None:
    listener.standing.is_wanted = False

    assert [] == listener.advance(60)
    assert [] == listener.asked()


@pytest.mark.parametrize("hides", [True, None])
def test_where_the_jobs_of_others_are_hidden_or_that_is_not_known_nothing_is_asked_or_told(
    listener: Listener, hides: bool | None
) -> None:
    assert THERE == listener.advance(60)
    listener.site.learned(limits.UNKNOWN._replace(hides_jobs=hides))

    assert [] == listener.advance(400)
    assert 1 == len(listener.asked())


@pytest.mark.parametrize(
    "change",
    [
        {"reason": "Dependency"}, {"reason": "JobHeldUser"}, {"reason": "AssocGrpCpuLimit"}, {"reason": "None"},
        {"state": "RUNNING", "reason": "None"},
    ],
)  # fmt: skip
def test_only_for_jobs_that_wait_for_their_turn(listener: Listener, change: dict[str, str]) -> None:
    listener.site.batch("1001", **change)

    assert [] == listener.advance(60)
    assert [] == listener.asked()


def test_a_job_that_waits_for_something_else_since_has_no_place_any_more(
    listener: Listener,
) -> None:
    assert THERE == listener.advance(60)
    listener.site.batch("1001", reason="AssocGrpCpuLimit")

    assert [] == listener.advance(60)


@pytest.mark.parametrize("how", ["fail", "slow", "cut"])
def test_a_bad_answer_says_nothing_costs_nothing_and_the_next_question_comes_later_and_later(
    listener: Listener, how: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(slurm_standing, "LIMIT_S", 1)
    listener.standing._chance = lambda: 0.0
    if how == "cut":
        monkeypatch.setattr("xpm.agent.slurm_line.MOST_BYTES", 20)
    listener.site.script(*[f"line {how}"] * 3)
    pauses = []
    for later_s in (60, 700, 1300):
        listener.site.advance(later_s)
        assert listener.site.place is not None
        assert listener.site.place.is_idle()
        assert [] == listener.advance()
        assert [] == listener.site.place.notes()
        pauses.append(listener.plan()["next"] - listener.site.now)
    assert [600, 1200, 2400] == pytest.approx(pauses, abs=250)
    assert THERE == listener.advance(2500) or how == "cut"
    assert "pending" == listener.site.word("a")


def test_a_disk_that_is_full_keeps_no_job_from_going_on(
    listener: Listener, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(path: str, content: bytes, sync: bool = False) -> None:
        if "standing" in path:
            raise OSError(errno.ENOSPC, "full")
        write(path, content, sync)

    write = files.write
    monkeypatch.setattr(files, "write", full)
    listener.site.advance(60)
    assert [] == listener.asked()
    listener.site.yard.ask("b")
    listener.site.advance(1)
    assert ["pending", "submitted"] == [listener.site.word(each) for each in "ab"]

    monkeypatch.setattr(files, "write", write)
    assert THERE == listener.advance(400)


def test_a_file_that_a_power_cut_has_left_empty_is_asked_for_again(listener: Listener) -> None:
    for name in ("asked", "json"):
        Path(listener.site.yard.layout.own, f"standing.{name}").write_text("")

    assert THERE == listener.advance(60)


def test_an_old_answer_says_nothing(listener: Listener) -> None:
    assert THERE == listener.advance(60)

    listener.site.ahead += slurm_standing.FRESH_S

    assert [] == listener.places()


def test_who_asked_and_left_has_asked_for_the_next_one(listener: Listener) -> None:
    """``xpm status`` is gone before squeue has answered."""
    listener.site.advance(60)
    process = listener.standing._running
    assert process is not None
    eventually(lambda: process.poll() is not None)
    listener.come()

    assert [] == listener.places()
    listener.site.advance(10)
    assert THERE == listener.places()
    assert 1 == len(listener.asked())
    left = [
        each.name
        for each in Path(listener.site.yard.layout.own).iterdir()
        if "~standing" in each.name
    ]
    assert [] == left


def test_the_elements_of_an_array_are_one_line(tmp_path: Path) -> None:
    site = Site(tmp_path)
    site.learned(OPEN)
    site.yard.ask("a", "b", "c")
    site.advance()
    listener = Listener.__new__(Listener)
    listener.site = site
    listener.come()
    listener.line("7|cpu|9|Priority|\n1001_[0-2]|cpu|8|Priority|\n")

    assert [Stands("1001", "0-2", "cpu", 2, 4)] == listener.advance(60)
    site.rest()


def test_a_file_of_an_older_agent_asks_nothing(listener: Listener) -> None:
    """Its squeue.json does not tell where jobs wait; nor does its limits.json say whether others' are hidden."""
    path = listener.site.yard.layout.squeue
    listener.standing.is_wanted = False
    listener.advance(60)
    content = files.load(path) or {}
    assert {"1001": "cpu"} == content.pop("turns")
    files.write(path, files.dump(content))
    listener.standing.is_wanted = True

    assert [] == listener.advance(1)
    assert [] == listener.asked()
    old = limits.dump(limits.UNKNOWN)
    del old["hides_jobs"]
    assert limits.parse(old).hides_jobs is None


@pytest.mark.parametrize(
    "rows", [1, "ab", {"a": 1}, [1, None, "abcde", ["1001"], [1001, "", "cpu", 1]]]
)
def test_places_that_another_version_tells_in_its_own_way_are_not_told(
    listener: Listener, rows: object
) -> None:
    listener.advance(60)
    told = Path(listener.site.yard.layout.own, "standing.json")
    files.write(str(told), files.dump({"at": listener.site.now, "rows": rows}))

    assert [] == listener.places()


def test_the_journey_of_a_place_writes_no_change_of_any_job(listener: Listener) -> None:
    listener.advance(60)
    assert listener.site.place is not None
    seq, _ = listener.site.board.changes(0)

    listener.line("1001|cpu|5|Priority|\n")
    assert [Stands("1001", "", "cpu", 1, 1)] == listener.advance(400)

    assert (seq, []) == listener.site.board.changes(seq)
