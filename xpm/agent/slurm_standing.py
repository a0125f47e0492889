"""Where this workspace's jobs stand in the queue: one question for all of them, now and then, while somebody listens.

Asked are the partitions in which jobs of ours wait for nothing but their turn, and only where the site lets everybody see the
queue. Whoever asks writes to a file what the others use too; he may leave before the answer is there: the next one finds it.
Nobody waits for it, and an answer that is bad, cut or old says nothing.
"""

import os
from typing import Any, Callable, Dict, List, Optional

from xpm.agent import errands, reading, slurm_line
from xpm.agent.questions import Shared
from xpm.agent.slurm_budget import Budget
from xpm.agent.slurm_line import Stands
from xpm.agent.slurm_queue import Answer
from xpm.wire import files
from xpm.wire.workspace import Layout

EVERY_S = 300.0
SLOWEST_S = 3600.0
FRESH_S = 900.0
"""An older answer says nothing."""
LIMIT_S = 45
PATIENCE_S = 5.0
"""Whoever has asked, and is still there, has seen to an answer by then."""


def _chance() -> float:
    return os.urandom(1)[0] / 256.0


class Standing(object):
    """The places of batch jobs, as of the last good answer.

    Args:
        layout: the workspace.
        environ: what commands run with.
        budget: how many commands there may be.
        hides: whether the site hides the jobs of others; None when that is not known.
        every_s: seconds between two questions, of all that ask together.
        chance: a number from 0 to 1.
    """

    def __init__(
        self,
        layout: Layout,
        environ: Dict[str, str],
        budget: Budget,
        hides: Callable[[], Optional[bool]],
        every_s: float = EVERY_S,
        chance: Callable[[], float] = _chance,
    ) -> None:
        self.is_wanted = False
        """Whether somebody listens."""
        self._own = layout.own
        self._environ = environ
        self._budget = budget
        self._hides = hides
        self._every_s = every_s
        self._chance = chance
        self._asked = Shared(os.path.join(layout.own, "standing.asked"))
        self._told = Shared(os.path.join(layout.own, "standing.json"))
        self._plan: Dict[str, object] = {}
        self._mine = ""
        self._running: Any = None
        self._at = 0.0
        self._rows: List[Stands] = []

    def look(self, answer: Optional[Answer], now: float) -> None:
        """Take in what was answered, and ask again when it is time to; ``answer``: what squeue last said of our jobs."""
        if not self.is_wanted or answer is None or not answer.turns or self._hides() is not False:
            return
        try:
            self._look(answer, now)
        except OSError:  # a disk that is full, no more processes: what matters more says so
            return

    def _look(self, answer: Answer, now: float) -> None:
        if self._asked.is_new():
            self._plan = reading.load(self._asked.path) or {}
        self._collect(answer, now)
        due = _number(self._plan.get("next"))
        if now < due <= now + 2 * SLOWEST_S or not self._budget.spend(now):
            return
        partitions = {each for some in answer.turns.values() for each in some.split(",")}
        self._mine = errands.own_name("standing.%d" % (now * 1000))
        self._note(now, now, _number(self._plan.get("failures")), self._mine)
        command = slurm_line.command(partitions)
        self._running = errands.start(self._own, self._mine, command, self._environ, LIMIT_S)

    def places(self, answer: Optional[Answer], now: float) -> List[Stands]:
        """Where those stand that still wait for their turn."""
        if self._told.is_new():
            content = reading.load(self._told.path) or {}
            self._at = _number(content.get("at"))
            self._rows = [Stands(*each[:5]) for each in _lists(content.get("rows"), 5)]
        if answer is None or not 0 <= now - self._at < FRESH_S or self._hides() is not False:
            return []
        return [each for each in self._rows if str(each.batch_id).partition("_")[0] in answer.turns]

    def _collect(self, answer: Answer, now: float) -> None:
        """See whether there is an answer, of ours or of somebody's who has left before."""
        errand = str(self._plan.get("errand") or "")
        runs = self._running is not None and self._running.poll() is None
        if not errand or (errand == self._mine and runs):
            return
        said = errands.said(self._own, errand)
        if said is None or (errand != self._mine and now - said.at < PATIENCE_S):
            return
        at = _number(self._plan.get("at"))
        waiting = slurm_line.parse(said.out)
        if waiting is None:
            self._note(at, now, 1 + _number(self._plan.get("failures")), "")
        else:
            rows = slurm_line.stands(waiting, answer.turns)
            files.write(self._told.path, files.dump({"at": at, "rows": rows}))
            self._note(at, at, 0, "")
        errands.forget(self._own, errand)

    def _note(self, at: float, since: float, failures: float, errand: str) -> None:
        """Tell all when it was asked last, by which errand, and when it may be again."""
        pause = min(SLOWEST_S, self._every_s * 2 ** min(failures, 6)) * (1 + self._chance() / 4)
        self._plan = {"at": at, "next": since + pause, "failures": failures, "errand": errand}
        files.write(self._asked.path, files.dump(self._plan))
        self._asked.is_new()


def _lists(rows: Any, least: int) -> List[List[Any]]:
    """The rows that are long enough: whatever another version has written, jobs go on."""
    found = rows if isinstance(rows, list) else []
    return [each for each in found if isinstance(each, list) and len(each) >= least]


def _number(value: object) -> float:
    return float(value) if isinstance(value, (int, float)) else 0.0
