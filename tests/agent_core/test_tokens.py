from pathlib import Path

import pytest

from tests.agent_core.yard import Yard, job_id
from xpm.agent import tokens
from xpm.agent.tokens import Need
from xpm.wire import files

ONE = (Need("gpu", 1, 2, ""),)
BOTH = (Need("gpu", 2, 2, ""),)


class Tokens(tokens.Tokens):
    """Tokens that a test asks short questions."""

    def takes(self, job: str, needs: tuple[Need, ...]) -> bool:
        return self.take(self.units.holder(job, 1), needs)

    def has_all(self, job: str, needs: tuple[Need, ...]) -> bool:
        totals = {tokens.stock(need): need.total for need in needs}
        return self.look(totals).has_all(self.units.holder(job, 1), needs)

    def available(self, name: str, total: int) -> int:
        return total - self.look({("", name): total}).used[f"token {name}"]


class Desk:
    """Tokens, and the attempts that are over."""

    def __init__(self, yard: Yard) -> None:
        self.yard = yard
        self.over: set[str] = set()

    def new(self) -> Tokens:
        """The tokens as a process sees them that has just come."""
        return Tokens(self.yard.layout, lambda job, _: job in self.over, lambda _: "lab.work")


@pytest.fixture
def desk(yard: Yard) -> Desk:
    return Desk(yard)


def test_units_are_taken_until_there_are_none(desk: Desk) -> None:
    there = desk.new()

    assert [there.takes(job, ONE) for job in "abc"] == [True, True, False]
    assert desk.new().available("gpu", 2) == 0


def test_a_unit_comes_back_when_its_holder_is_over(desk: Desk) -> None:
    for job in "ab":
        desk.new().takes(job, ONE)

    desk.over.add("a")

    assert desk.new().available("gpu", 2) == 1
    assert desk.new().takes("c", ONE)
    assert not desk.new().takes("d", ONE)


def test_who_holds_them_already_is_told_so_again(desk: Desk) -> None:
    assert desk.new().takes("a", BOTH)

    assert desk.new().takes("a", BOTH)
    assert desk.new().has_all("a", BOTH)
    assert not desk.new().has_all("b", BOTH)


def test_all_or_nothing(desk: Desk) -> None:
    desk.new().takes("a", ONE)

    assert not desk.new().takes("b", BOTH)

    assert desk.new().available("gpu", 2) == 1
    assert desk.new().takes("c", ONE)


def test_several_tokens_are_taken_together(desk: Desk) -> None:
    needs = (Need("gpu", 1, 1, ""), Need("disk", 2, 3, ""))

    assert desk.new().takes("a", needs)
    assert not desk.new().takes("b", needs)
    assert desk.new().available("disk", 3) == 1


def half_taken(desk: Desk, job: str, unit: int) -> None:
    """Somebody was killed when it had one of the two units this job needs."""
    folder = Path(desk.yard.layout.tokens, "gpu")
    folder.mkdir(exist_ok=True)
    content = {"job": job, "attempt": 1, "ticket": ["gpu", unit, 1]}
    assert files.create(str(folder / f"{unit}.1"), files.dump(content))


def test_what_was_half_taken_is_completed(desk: Desk) -> None:
    half_taken(desk, "a", 0)

    assert desk.new().takes("a", BOTH)
    assert desk.new().available("gpu", 2) == 0


def test_what_was_half_taken_stands_in_nobodys_way(desk: Desk) -> None:
    half_taken(desk, "b", 0)

    assert desk.new().available("gpu", 2) == 2
    assert desk.new().takes("a", BOTH)
    assert not desk.new().takes("b", BOTH)


def test_two_jobs_that_each_have_half_do_not_wait_for_each_other(desk: Desk) -> None:
    half_taken(desk, "a", 0)
    half_taken(desk, "b", 1)

    assert [desk.new().takes(job, BOTH) for job in "ba"] == [False, True]


def test_a_ticket_that_was_voided_cannot_be_committed(desk: Desk) -> None:
    half_taken(desk, "b", 0)
    gpu = Path(desk.yard.layout.tokens, "gpu")
    files.create(str(gpu / "0.2"), files.dump({"free": True}))
    files.create(
        str(gpu / "1.1"),
        files.dump({"job": "b", "attempt": 1, "ticket": ["gpu", 0, 1]}),
    )

    assert desk.new().available("gpu", 2) == 2
    assert not desk.new().has_all("b", BOTH)


def test_a_token_may_be_called_anything(desk: Desk) -> None:
    for name in ("..", "a/b", ".", "\u00e9"):
        assert desk.new().takes(job_id("a"), (Need(name, 1, 1, ""),))

    assert len(list(Path(desk.yard.layout.tokens).iterdir())) == 4
