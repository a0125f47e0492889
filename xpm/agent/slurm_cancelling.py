"""Cancels batch jobs, many with one command, none twice a minute."""

from typing import Any, Dict, List

from xpm.agent import errands, slurm_commands
from xpm.agent.slurm_budget import Budget
from xpm.wire.workspace import Layout

STOP_AGAIN_S = 60.0
IDS_AT_ONCE = 500
"""How many jobs one scancel is told of."""


class Canceller(object):
    """The scancel commands of one process.

    Args:
        layout: the workspace.
        environ: what commands run with.
        budget: counts them.
    """

    def __init__(self, layout: Layout, environ: Dict[str, str], budget: Budget) -> None:
        self._budget = budget
        self._layout = layout
        self._environ = environ
        self._asked: Dict[str, float] = {}
        self._waiting: List[str] = []
        self._running: Dict[str, Any] = {}
        self._count = 0

    def cancel(self, batch_id: str, now: float) -> None:
        """Let the next command cancel it, unless one did a moment ago."""
        if abs(now - self._asked.get(batch_id, float("-inf"))) >= STOP_AGAIN_S:
            self._asked[batch_id] = now
            self._waiting.append(batch_id)

    def start(self, now: float) -> None:
        """Start what is to be said; a person waits for it, so the budget holds it back never."""
        while self._waiting:
            self._budget.record(now)
            ids, self._waiting = self._waiting[:IDS_AT_ONCE], self._waiting[IDS_AT_ONCE:]
            self._count += 1
            name = errands.own_name("scancel.%d" % self._count)
            argv = slurm_commands.scancel(ids)
            self._running[name] = errands.start(self._layout.own, name, argv, self._environ)

    @property
    def is_busy(self) -> bool:
        """Whether a command is under way."""
        for name, shell in list(self._running.items()):
            if shell.poll() is not None:
                del self._running[name]
                errands.forget(self._layout.own, name)
        return bool(self._running)
