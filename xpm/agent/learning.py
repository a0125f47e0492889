"""Asking a site what it allows: one errand a day, for everybody in the workspace, that nobody waits for long.

What one answer lacks (slurmdbd was away) stays as it was known, and is asked for again within the hour; a site that does
not answer at all changes nothing.
"""

import os
from typing import Dict

from xpm.agent import limits, reading, slurm_site
from xpm.agent.limits import SiteLimits
from xpm.agent.questions import Question, Shared
from xpm.agent.slurm_budget import Budget
from xpm.wire import files
from xpm.wire.workspace import Layout

DAY_S = 86400.0
HOUR_S = 3600.0
AGAIN_S = 300.0
"""Not sooner after a site did not answer."""
AWAITED_S = 20.0
"""How long jobs wait for the first answer."""
LIMIT_S = 120


class Learning(object):
    """The limits of a workspace's site, asked for when they are old.

    Args:
        layout: the workspace.
        environ: what commands run with.
        budget: where its commands are counted.
    """

    def __init__(self, layout: Layout, environ: Dict[str, str], budget: Budget) -> None:
        self._layout = layout
        self._budget = budget
        self._asked = os.path.join(layout.own, "limits.asked")
        self._question = Question(layout.own, "limits.%x" % id(self), environ, LIMIT_S)
        self._asked_at = 0.0
        self._answer = Shared(layout.limits)
        self._known = limits.UNKNOWN

    def known(self) -> SiteLimits:
        """What anybody here has learned last."""
        self._collect()
        if self._answer.is_new():
            self._known = limits.read(self._layout)
        return self._known

    def ask(self, now: float, older_s: float = DAY_S) -> None:
        """Ask again what is older than that, if nobody is at it, or has just asked in vain; 0: a person wants it."""
        known = self.known()
        if known.problems:
            older_s = min(older_s, HOUR_S)
        if self._question.is_asked or (known.at is not None and 0 <= now - known.at < older_s):
            return
        last = reading.load(self._asked) or {}
        at = float(last.get("at") or 0.0)
        pause = AGAIN_S if last.get("failed") else AWAITED_S if at > (known.at or 0.0) else 0.0
        if older_s and 0 <= now - at < pause:
            return
        files.write(self._asked, files.dump({"at": now}))
        self._asked_at = now
        self._budget.record(now, slurm_site.COUNT)  # rare, and jobs wait for it
        self._question.ask(slurm_site.command())

    def is_awaited(self, now: float) -> bool:
        """Whether an answer may come any moment, and is worth a moment."""
        last = reading.load(self._asked) or {}
        at = float(last.get("at") or 0.0)
        if last.get("failed") or not 0 <= now - at < AWAITED_S:
            return False
        return at > (self.known().at or 0.0)

    @property
    def is_asking(self) -> bool:
        """Whether an errand of ours is under way."""
        self._collect()
        return self._question.is_asked

    def _collect(self) -> None:
        heard = self._question.hear()
        if heard is None:
            return
        fresh = slurm_site.parse(heard.said.out if heard.said else "", self._asked_at)
        if fresh.version is None and fresh.partitions is None and fresh.nodes is None:
            files.write(self._asked, files.dump({"at": self._asked_at, "failed": True}))
            return
        limits.write(self._layout, _merged(limits.read(self._layout), fresh))


def _merged(old: SiteLimits, fresh: SiteLimits) -> SiteLimits:
    """What is known after an answer that lacks something."""
    if not fresh.problems or old.cluster != fresh.cluster:
        return fresh
    kept = {name: each for name, each in old._asdict().items() if getattr(fresh, name) is None}
    return fresh._replace(**kept)
