"""What a keeper does when its turn has come: advance until all is sent, hand over, go."""

import os
import subprocess
import time
from typing import Any, Callable, Dict

from xpm.agent import place as places
from xpm.agent.advance import advance
from xpm.agent.board import Board
from xpm.agent.keeper import outlook
from xpm.wire.workspace import found

STAY_S = 45.0
"""How long it stays for what takes its time, within the two minutes that it asks for."""
LOOK_S = 1.0
REQUEUE_S = 10.0
_COMMAND_S = 60.0


def main(
    root: str,
    number: int,
    clock: Callable[[], float] = time.time,
    sleep: Callable[[float], None] = time.sleep,
) -> int:
    """Be this keeper of a workspace; the exit code."""
    layout, _ = found(root)
    content = places.read(layout)
    if content is None or content["kind"] != "slurm":
        return 0
    board, place, begun = Board(layout), places.build(layout, content), clock()
    place.keeper.become(number)
    while True:
        place.keeper.hands_over = _knows(place, begun, clock())
        report = advance(board, place, clock(), LOOK_S)
        if report.joined or report.ended:
            place.keeper.did_something()
        now = clock()
        if _may_leave(board, place, begun, now):
            break
        if now - begun >= STAY_S and _is_put_back(content["environ"]):
            return 0  # it starts again, and tries again
        if not _knows(place, begun, now):
            place.queue.ask(now, early=True)
        sleep(LOOK_S if now - begun < STAY_S else REQUEUE_S)
    place.keeper.leave(clock())
    return 0


def _knows(place: Any, begun: float, now: float) -> bool:
    """Whether squeue has told what became of the jobs we waited for; or seems not to tell any more."""
    answer = place.queue.answer()
    return now - begun >= STAY_S or (answer is not None and answer.at >= begun)


def _may_leave(board: Board, place: Any, begun: float, now: float) -> bool:
    """Whether all is done that can be."""
    if now - begun < STAY_S:
        return _knows(place, begun, now) and bool(place.is_settled(board, now))
    return not place.keeper.is_missing(outlook(board, now))


def _is_put_back(environ: Dict[str, str]) -> bool:
    """Whether SLURM has taken us back into its queue, to start again later."""
    batch_id = os.environ.get("SLURM_JOB_ID")
    if batch_id is None:
        return True
    argv = ["scontrol", "requeue", batch_id]
    try:
        return subprocess.call(argv, env=environ, timeout=_COMMAND_S) == 0
    except (OSError, subprocess.TimeoutExpired):
        return False
