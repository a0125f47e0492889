"""What a power cut or a restart leaves of a plain host's jobs."""

import os
import re
import time
from pathlib import Path

import pytest

from tests.agent_core.yard import Yard, job_id, word
from xpm.agent import advance, processes
from xpm.agent.crew import Crew
from xpm.decide import transitions
from xpm.wire import files


@pytest.mark.parametrize("rings", [True, False])
def test_a_claim_that_a_power_cut_has_emptied_is_a_run_that_is_over(
    tmp_path: Path, rings: bool
) -> None:
    yard = Yard(tmp_path / "ws")
    yard.ask("a")
    yard.link("a")
    yard.claim("a", ring=rings)
    Path(yard.folder("a"), ".xpm", "a1.1").write_bytes(b"")
    board = yard.board(fresh_s=0.0)
    crew = Crew(yard.layout, {"kind": "plain", "capacity": {"jobs": 1}, "travel": "t"}, yard.id)

    for _ in range(3):
        board.refresh(time.time())
        crew.watch(board, time.time() + 10)
        advance.settle_due(board, crew, time.time())

    last = files.load(str(Path(yard.folder("a"), ".xpm", "a1.2")))
    assert last
    assert ("revoked", "lost") == (last["kind"], last["state"])
    assert word(board, "a") in ("ready", "lost")


def test_what_ran_when_the_host_was_restarted_is_lost_in_words_and_tried_again(
    tmp_path: Path,
) -> None:
    yard = Yard(tmp_path / "ws")
    yard.ask("a")
    yard.link("a")
    yard.claim("a", **{**processes.identity(), "boot": "the one before"})
    os.utime(Path(yard.folder("a"), ".xpm", "a1.1"), (1, 1))
    board = yard.board(fresh_s=0.0)
    crew = Crew(yard.layout, {"kind": "plain", "travel": "t"}, yard.id)

    crew.watch(board, time.time())
    advance.settle_due(board, crew, time.time())

    last = yard.ledger("a")[-1]
    assert ("revoked", "lost") == (last["kind"], last["state"])
    assert re.fullmatch(
        r"the host was restarted at \d{4}-\d\d-\d\d \d\d:\d\d UTC, while it ran", last["message"]
    )
    assert word(board, "a") == "ready"
    assert transitions.current(board.jobs[job_id("a")].facts).number == 2


def test_a_run_on_another_machine_of_the_same_name_goes_on(tmp_path: Path) -> None:
    yard = Yard(tmp_path / "ws")
    yard.ask("a")
    yard.link("a")
    yard.claim("a", **{**processes.identity(), "boot": "of another machine"})
    board = yard.board(fresh_s=0.0)
    crew = Crew(yard.layout, {"kind": "plain", "travel": "t"}, yard.id)

    crew.watch(board, time.time())
    advance.settle_due(board, crew, time.time())

    assert word(board, "a") == "running"
