"""When the agent runs advance: at once after a change, else every second while there is work.

Never for long: what takes time (sbatch, squeue) runs in processes of its own, which the next turn looks at and which
go on when the agent ends.
"""

from typing import Any, Callable, List, Optional

from xpm.agent import place
from xpm.agent.advance import advance
from xpm.agent.board import Board
from xpm.agent.learning import Learning
from xpm.agent.waits import Waits

EVERY_S = 1.0
CATCH_UP_S = 1.0
FINISH_S = 8.0


class Advancing:
    """Runs advance over one board; keeps the place between turns."""

    def __init__(self, board: Board) -> None:
        content = place.read(board.layout)
        assert content is not None, "a workspace is opened before it advances"
        self._board = board
        self._place = place.build(board.layout, content)
        self.site: Optional[Learning] = None
        if self._place.kind == "slurm":
            self.site = self._place.site
            self._place.examiner.is_patient = True  # we look again in a second
            self._place.standing.is_wanted = True
        self._waits = Waits(content) if self._place.delegates else None
        self._seq = -1
        self._last = float("-inf")
        self._had_work = False

    def catch_up(self, now: float) -> List[str]:
        """Have the truth before the first question: what the queue says now, if that is quick; what to tell people."""
        if self._waits is not None:
            self._waits.explain(self._board, now)
        if self._place.delegates or not self._board.has_work():
            return []
        advance(self._board, self._place, now, CATCH_UP_S)
        self._board.refresh(now)
        self._place.watch(self._board, now)
        return [str(note) for note in self._place.notes()]

    def standing(self, now: float) -> List[List[Any]]:
        """Where jobs stand in a queue, as ``standing`` in xpm/wire/messages.py."""
        if self.site is None:
            return []
        return [list(each) for each in self._place.standing.places(self._place.queue.answer(), now)]

    def hurry(self) -> None:
        """Run it at the next tick; let a supervisor look at once."""
        self._last = float("-inf")
        if self._place.delegates:
            self._place.wake()

    def tick(self, now: float) -> List[str]:
        """Run advance if it is time to; what the user should know of it."""
        due = self._seq != self._board.seq or abs(now - self._last) >= EVERY_S
        if not due or not self._is_wanted():
            return []
        self._last = now
        report = advance(self._board, self._place, now, 0.0)
        if self._waits is not None:
            self._waits.explain(self._board, now)
        self._seq = self._board.seq
        return [str(note) for note in report.notes]

    def finish(self, clock: Callable[[], float]) -> None:
        """The laptop is gone, maybe just after it brought jobs: for a few seconds, send what can be sent."""
        if self._place.delegates or not self._is_wanted():
            return
        ends = clock() + FINISH_S
        while clock() < ends:
            advance(self._board, self._place, clock(), EVERY_S)
            if self._place.is_settled(self._board, clock()):
                break
        self._place.keeper.is_leaving = True
        if not self._place.is_settled(self._board, clock()):
            advance(self._board, self._place, clock(), EVERY_S)

    def _is_wanted(self) -> bool:
        """Whether there is work, or the last has just ended: what stood by in case it died, nobody else would send away."""
        had, self._had_work = self._had_work, self._board.has_work()
        return had or self._had_work
