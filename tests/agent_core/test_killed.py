"""Advancers killed, or overtaken by another one, before every change they make: nothing is lost, nothing runs twice."""

import signal
from pathlib import Path

import pytest

from tests.agent_core import killing
from tests.agent_core.cases import CASES, wrong
from tests.agent_core.life import Life

pytestmark = pytest.mark.host


@pytest.mark.parametrize("name", CASES)
def test_killed_before_every_change_it_is_healed_by_the_next(tmp_path: Path, name: str) -> None:
    number = 0
    killed: int | None = 0
    while killed is not None:
        number += 1
        life = Life(tmp_path / str(number))
        CASES[name].prepare(life)
        life.site.rest()

        killed = killing.stopped_at(life.advance_once, number, signal.SIGKILL)

        assert [] == wrong(life, CASES[name]), f"killed before change {number}"
    assert number > 3


@pytest.mark.parametrize("name", CASES)
def test_overtaken_before_every_change_it_does_no_harm(tmp_path: Path, name: str) -> None:
    number = 0
    while True:
        number += 1
        life = Life(tmp_path / str(number))
        CASES[name].prepare(life)
        life.site.rest()

        slow = killing.stopped_at(life.advance_once, number, signal.SIGSTOP)
        if slow is None:
            break
        life.advance_once()
        life.run_batch_jobs()
        killing.go_on(slow)

        assert [] == wrong(life, CASES[name]), f"overtaken before change {number}"
    assert number > 3
