from pathlib import Path

import pytest

from tests.agent_core.yard import Yard, job_id
from xpm.agent.tokens import Tokens
from xpm.wire import files

ONE = (("gpu", 1, 2),)
BOTH = (("gpu", 2, 2),)


class Desk:
    """Tokens, and the attempts that are over."""

    def __init__(self, yard: Yard) -> None:
        self.yard = yard
        self.over: set[str] = set()

    def new(self) -> Tokens:
        """The tokens as a process sees them that has just come."""
        return Tokens(self.yard.layout, lambda job, _: job in self.over)


@pytest.fixture
def desk(yard: Yard) -> Desk:
    return Desk(yard)


def test_units_are_taken_until_there_are_none(desk: Desk) -> None:
    tokens = desk.new()

    assert [tokens.take(job, 1, ONE) for job in "abc"] == [True, True, False]
    assert desk.new().available("gpu", 2) == 0


def test_a_unit_comes_back_when_its_holder_is_over(desk: Desk) -> None:
    for job in "ab":
        desk.new().take(job, 1, ONE)

    desk.over.add("a")

    assert desk.new().available("gpu", 2) == 1
    assert desk.new().take("c", 1, ONE)
    assert not desk.new().take("d", 1, ONE)


def test_who_holds_them_already_is_told_so_again(desk: Desk) -> None:
    assert desk.new().take("a", 1, BOTH)

    assert desk.new().take("a", 1, BOTH)
    assert desk.new().has_all("a", 1, BOTH)
    assert not desk.new().has_all("b", 1, BOTH)


def test_all_or_nothing(desk: Desk) -> None:
    desk.new().take("a", 1, ONE)

    assert not desk.new().take("b", 1, BOTH)

    assert desk.new().available("gpu", 2) == 1
    assert desk.new().take("c", 1, ONE)


def test_several_tokens_are_taken_together(desk: Desk) -> None:
    needs = (("gpu", 1, 1), ("disk", 2, 3))

    assert desk.new().take("a", 1, needs)
    assert not desk.new().take("b", 1, needs)
    assert desk.new().available("disk", 3) == 1


def half_taken(desk: Desk, job: str, unit: int) -> None:
    """Somebody was killed when it had one of the two units this job needs."""
    folder = Path(desk.yard.layout.tokens, "gpu")
    folder.mkdir(exist_ok=True)
    content = {"job": job, "attempt": 1, "ticket": ["gpu", unit, 1]}
    assert files.create(str(folder / f"{unit}.1"), files.dump(content))


def test_what_was_half_taken_is_completed(desk: Desk) -> None:
    half_taken(desk, "a", 0)

    assert desk.new().take("a", 1, BOTH)
    assert desk.new().available("gpu", 2) == 0


def test_what_was_half_taken_stands_in_nobodys_way(desk: Desk) -> None:
    half_taken(desk, "b", 0)

    assert desk.new().available("gpu", 2) == 2
    assert desk.new().take("a", 1, BOTH)
    assert not desk.new().take("b", 1, BOTH)


def test_two_jobs_that_each_have_half_do_not_wait_for_each_other(desk: Desk) -> None:
    half_taken(desk, "a", 0)
    half_taken(desk, "b", 1)

    assert [desk.new().take(job, 1, BOTH) for job in "ba"] == [False, True]


def test_a_ticket_that_was_voided_cannot_be_committed(desk: Desk) -> None:
    half_taken(desk, "b", 0)
    gpu = Path(desk.yard.layout.tokens, "gpu")
    files.create(str(gpu / "0.2"), files.dump({"free": True}))
    files.create(
        str(gpu / "1.1"),
        files.dump({"job": "b", "attempt": 1, "ticket": ["gpu", 0, 1]}),
    )

    assert desk.new().available("gpu", 2) == 2
    assert not desk.new().has_all("b", 1, BOTH)


def test_a_token_may_be_called_anything(desk: Desk) -> None:
    for name in ("..", "a/b", ".", "\u00e9"):
        assert desk.new().take(job_id("a"), 1, ((name, 1, 1),))

    assert len(list(Path(desk.yard.layout.tokens).iterdir())) == 4
