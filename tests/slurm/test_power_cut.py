"""What a power cut leaves of files that were not synced, on a plain host."""

import time
from pathlib import Path

import pytest

from tests.agent_core.yard import Yard, word
from xpm.agent import advance
from xpm.agent.crew import Crew
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
