"""What squeue last said, for everybody: one query for all jobs, at most one a minute, shared through a file.

One more is made early, at most one a minute too, when jobs were just submitted: whether they wait, and why, or could not
start at all, is then known in seconds.

A query that fails is no news: the last good answer stays, with its age.
"""

import os
from typing import Dict, List, NamedTuple, Optional

from xpm.agent import errands, reading, slurm_commands, slurm_parse, slurm_reasons, slurm_states
from xpm.agent.questions import Question, Shared
from xpm.agent.slurm_budget import Budget
from xpm.agent.slurm_parse import Row
from xpm.wire import files
from xpm.wire.workspace import Layout

Answer = NamedTuple(
    "Answer",
    [
        ("at", float),
        ("rows", List[Row]),
        ("others", int),
        ("stuck", Dict[str, float]),
        ("turns", Dict[str, str]),
    ],
)
"""A good answer: ``at`` is when it was asked for, so it knows nothing that happened later.

``rows`` are this workspace's batch jobs; ``others``: how many more the user has in the queue; ``stuck``: those of ``rows``
that wait for a fatal reason, and the first answer in a row that said so; ``turns``: those that wait for nothing but their
turn (an array by its own id), and the partitions where they do.
"""

EVERY_S = 60.0
EARLY_S = 5.0
SLOWEST_S = 300.0
LIMIT_S = 60


class Queue(object):
    """The queue of the site, as squeue tells it.

    Args:
        layout: the workspace.
        prefix: how the names of its batch jobs begin.
        environ: what commands run with.
        budget: how many commands there may be.
        every_s: seconds between two queries, of all advancers together.
        kinds: what pending reasons mean by the words of the profile.
    """

    def __init__(
        self,
        layout: Layout,
        prefix: str,
        environ: Dict[str, str],
        budget: Budget,
        every_s: float = EVERY_S,
        kinds: Optional[Dict[str, str]] = None,
    ) -> None:
        self._budget = budget
        self._kinds = kinds
        self._prefix = prefix
        self._layout = layout
        self._every_s = every_s
        self._asked = os.path.join(layout.own, "squeue.asked")
        self._question = Question(layout.own, "squeue", environ, LIMIT_S)
        self._asked_at = 0.0
        self._failures = 0
        self._told = Shared(layout.squeue)
        self._answer: Optional[Answer] = None
        self.problem = ""

    def answer(self) -> Optional[Answer]:
        """The last good answer of anybody's query."""
        self._collect()
        if self._told.is_new():
            content = reading.load(self._layout.squeue) or {}
            rows = [Row(*map(str, each)) for each in content.get("rows") or ()]
            others = int(content.get("others") or 0)
            stuck = content.get("stuck") or {}
            turns = content.get("turns") or {}
            self._answer = Answer(float(content.get("at") or 0.0), rows, others, stuck, turns)
        return self._answer

    def ask(self, now: float, early: bool = False) -> None:
        """Ask again, if nobody has lately; ``early``: there are jobs that no answer knows yet."""
        if self._question.is_asked:
            return
        pause = min(SLOWEST_S, self._every_s * 2 ** min(self._failures, 4))
        content = reading.load(self._asked) or {}
        last = float(content.get("at") or 0.0)
        last_early = float(content.get("early_at") or 0.0)
        early = early and not self._failures and not 0 <= now - last_early < self._every_s
        if 0 <= now - last < (EARLY_S if early else pause):
            return
        if not self._budget.spend(now):
            return
        content = {"at": now, "early_at": now if early else last_early}
        files.write(self._asked, files.dump(content))
        if not self._asked_at:
            errands.tidy(self._layout.own, now)
        self._asked_at = now
        self._question.ask(slurm_commands.squeue())

    @property
    def is_asking(self) -> bool:
        """Whether a query of ours is under way."""
        return self._question.is_asked

    def _collect(self) -> None:
        heard = self._question.hear()
        if heard is None:
            return
        said = heard.said
        rows = slurm_parse.queue(said.status, said.out) if said else None
        if rows is None:
            self._failures += 1
            words = said.err.strip().splitlines() if said else []
            self.problem = "squeue does not answer: %s" % (words[-1] if words else "no word of why")
            return
        self._failures, self.problem = 0, ""
        mine = [row for row in rows if row.name.startswith(self._prefix)]
        others = sum(1 for row in rows if self._is_other(row))
        before = (reading.load(self._layout.squeue) or {}).get("stuck") or {}
        stuck = slurm_reasons.stuck_since(before, mine, self._asked_at, self._kinds)
        content = {
            "at": self._asked_at, "ok": True, "rows": [row[:5] for row in mine], "others": others, "stuck": stuck,
            "turns": _turns(mine),
        }  # fmt: skip
        files.write(self._layout.squeue, files.dump(content))

    def _is_other(self, row: Row) -> bool:
        """Whether it is in the queue, and none of this workspace's."""
        return not row.name.startswith(self._prefix) and not slurm_states.is_over(row.state)


def _turns(rows: List[Row]) -> Dict[str, str]:
    """The partitions of those that wait for nothing but their turn."""
    return {
        slurm_parse.array_of(row.batch_id): row.partition
        for row in rows
        if row.state == "PENDING" and row.partition and slurm_reasons.awaits_turn(row.reason)
    }
