"""What the ready jobs of a plain host wait for, told by the agent: what its supervisor knows, that tells nobody."""

import os
import time
from typing import Any, Dict, List, Mapping, Optional, Tuple

from xpm.agent import admission
from xpm.agent.board import Board
from xpm.agent.machine import Gpu
from xpm.agent.room import Room
from xpm.decide.admit import Want

EVERY_S = 1.0
SHARE = 20.0
"""So many times as long as the last look took passes before the next."""
PLACES = "a place"
_MANY = 1 << 12


class Waits(object):
    """Words for ready jobs, from the files that the supervisor goes by."""

    kind = "plain"

    def __init__(self, content: Mapping[str, Any]) -> None:
        self._room = _Room(content.get("capacity") or {}, os.environ)
        self._seq = -1
        self._next_at = 0.0

    def explain(self, board: Board, now: float) -> None:
        """Note on a board why its ready jobs do not start, if that may have changed."""
        began = time.monotonic()
        if board.seq == self._seq or began < self._next_at or not board.ready:
            return
        found = admission.look(board, self, None, now)
        for job in list(board.ready):
            board.note(job, found.reasons.get(job, ""))
        board.settle()
        self._seq = board.seq
        ended = time.monotonic()
        self._next_at = ended + max(EVERY_S, SHARE * (ended - began))

    # ------------------------------------------------------ what admission asks of a place

    def wants(self, request: Mapping[str, Any]) -> Tuple[Want, ...]:
        """What a job takes of the host."""
        wants = self._room.wants(request)
        most = self._room.jobs
        return (Want(PLACES, 1, most, PLACES), *wants) if most else wants

    def used(self, board: Board) -> Dict[str, int]:
        """How much of the host is in use."""
        live = list(board.live.values())
        return {**self._room.used(each.asks_for for each in live), PLACES: len(live)}


class _Room(Room):
    """A host whose GPUs are not looked for, which takes seconds: those the profile counts, else as many as anybody wants."""

    @property
    def gpus(self) -> List[Gpu]:
        """Stand-ins, as many as there may be."""
        said: Optional[Any] = self._said.get("gpus")
        count = said if isinstance(said, int) else len(said) if said is not None else _MANY
        return [Gpu(str(number), "") for number in range(count)]
