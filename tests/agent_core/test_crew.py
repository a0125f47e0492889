"""Who supervises a plain host, told in files and in a starter that starts nothing."""

import time
from pathlib import Path
from typing import Any

import pytest

from tests.agent_core.yard import Yard, job_id
from xpm.agent.advance import advance
from xpm.agent.crew import Crew
from xpm.agent.starting import Starter

AGAIN = {"retry": {"exit": {"max": 1}}}


class Runner:
    """A runner that lives as long as a test likes."""

    pid = 1 << 30  # nobody has it

    def __init__(self) -> None:
        self.code: int | None = None

    def poll(self) -> int | None:
        return self.code


@pytest.fixture
def started(monkeypatch: pytest.MonkeyPatch) -> dict[str, list[Runner]]:
    """The runners that were started, by submission."""
    found: dict[str, list[Runner]] = {}

    def start(self: Starter, submission: str, request: dict[str, Any]) -> Runner:
        found.setdefault(submission, []).append(Runner())
        return found[submission][-1]

    monkeypatch.setattr(Starter, "start", start)
    return found


def test_an_attempt_is_started_once_though_the_run_before_it_takes_its_time_to_leave(
    tmp_path: Path, started: dict[str, list[Runner]]
) -> None:
    yard = Yard(tmp_path / "ws")
    crew = Crew(yard.layout, {"kind": "plain", "capacity": {"jobs": 4}, "travel": "t"}, yard.id)
    yard.ask("a", request=AGAIN)
    board = yard.board(fresh_s=0.0)
    advance(board, crew, time.time(), 0.0)
    ((first,),) = started.values()
    yard.finish("a", "failed")
    advance(board, crew, time.time(), 0.0)
    assert len(started) == 2

    first.code = 1
    advance(board, crew, time.time(), 0.0)

    assert [1, 1] == [len(runners) for runners in started.values()]
    assert crew.slots(board) == 3
    assert job_id("a") in board.live
