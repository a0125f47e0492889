"""Tokens: what a task holds while it runs."""

import pickle

import pytest

from tests.plan.recording import Recording
from xpm import Config, Param, Task, Token
from xpm.errors import PlanProblem


class Learn(Task):
    epochs: Param[int] = 1

    def execute(self) -> None:
        """Nothing."""


class Part(Config):
    x: Param[int] = 1


def test_a_task_holds_units_in_both_spellings(xp: Recording) -> None:
    cpu, disk = Token("cpu", 3), Token("disk", 1)
    cpu(2, disk(1, Learn())).submit()
    Learn(epochs=2).add_dependencies(cpu.dependency(1), disk.dependency(1)).submit()

    assert xp.submitted[0].tokens == (("cpu", 2, 3), ("disk", 1, 1))
    assert xp.submitted[1].tokens == (("cpu", 1, 3), ("disk", 1, 1))


def test_a_token_returns_the_task() -> None:
    learn = Learn()

    assert learn is Token("cpu", 3)(2, learn)


def test_units_of_one_token_add_up(xp: Recording) -> None:
    cpu = Token("cpu", 3)
    cpu(1, cpu(1, Learn())).submit()

    assert xp.submitted[0].tokens == (("cpu", 2, 3),)


def test_more_than_the_total_is_refused_at_once() -> None:
    cpu = Token("cpu", 3)

    with pytest.raises(PlanProblem, match="4 units of token cpu can never be had: it has 3"):
        cpu(4, Learn())
    with pytest.raises(PlanProblem, match="can never be had"):
        cpu.dependency(4)
    with pytest.raises(PlanProblem, match="can never be had"):
        cpu(2, cpu(2, Learn()))


@pytest.mark.parametrize("count", [0, -1, True, 1.0, "1"])
def test_a_strange_count_is_refused(count: int) -> None:
    with pytest.raises(PlanProblem, match="cannot be held"):
        Token("cpu", 3)(count, Learn())


@pytest.mark.parametrize(
    ("name", "total"), [("", 1), ("a/b", 1), ("CPU", 1), ("cpu", 0), ("cpu", True)]
)
def test_a_strange_token_is_refused(name: str, total: int) -> None:
    with pytest.raises(PlanProblem):
        Token(name, total)


def test_only_tasks_hold_tokens() -> None:
    with pytest.raises(PlanProblem, match="a Part cannot hold token cpu"):
        Token("cpu", 3)(1, Part())


def test_a_token_is_a_value() -> None:
    token = Token("cpu", 3)

    assert token == Token("cpu", 3) == pickle.loads(pickle.dumps(token))
    assert len({token, Token("cpu", 3)}) == 1
    assert token != Token("cpu", 4)
    with pytest.raises(AttributeError):
        token.total = 4
