"""How far running jobs say they are, for those who observe: what is news since it was told last.

Files are looked into only while somebody asks for progress, now and then, and of a bounded number of jobs.
"""

import os
from typing import Any, Dict, List, Optional

from xpm.decide import states
from xpm.wire import files, ledger
from xpm.wire.workspace import Layout

TYPE_CHECKING = False
if TYPE_CHECKING:
    from xpm.agent.board import Board

LEAST_S = 1.0
MOST_JOBS = 100
"""Of more jobs that run, those that were asked for first count."""
MOST_TEXT = 200

Row = List[Any]
"""As ``progress`` in xpm/wire/messages.py."""


class Reports(object):
    """What one observer knows of progress.

    Args:
        layout: the workspace.
    """

    def __init__(self, layout: Layout) -> None:
        self._layout = layout
        self._looked_at = float("-inf")
        self._stamps: Dict[str, int] = {}
        self._news: Dict[str, Row] = {}

    def has_news(self, board: "Board", every_s: float, now: float) -> bool:
        """Whether somebody who wants to hear so often has something to hear now."""
        if abs(now - self._looked_at) >= max(LEAST_S, every_s):
            self._look(board, now)
            return bool(self._news)
        return False

    def take(self, board: "Board", now: float) -> List[Row]:
        """What is news; it is told then."""
        if abs(now - self._looked_at) >= LEAST_S:
            self._look(board, now)
        found, self._news = list(self._news.values()), {}
        return found

    def _look(self, board: "Board", now: float) -> None:
        self._looked_at = now
        live = board.live
        for job in [job for job in self._stamps if job not in live]:
            del self._stamps[job]
            self._news.pop(job, None)
        running = [known for known in live.values() if known.word == states.RUNNING]
        for known in running[:MOST_JOBS]:
            folder = os.path.join(self._layout.job(known.task, known.job), ledger.FOLDER)
            path = os.path.join(folder, ledger.PROGRESS)
            try:
                stamp = os.stat(path).st_mtime_ns
                if self._stamps.get(known.job) == stamp:
                    continue
                said = _said(files.load(path))
            except (OSError, ValueError):
                continue  # none yet, or not whole
            self._stamps[known.job] = stamp
            if said is not None:
                self._news[known.job] = [known.task, known.job, *said]


def _said(content: "Optional[Dict[str, Any]]") -> Optional[Row]:
    """When a task said how far it is, and what; None when that makes no sense."""
    try:
        assert content is not None
        at, fraction = float(content["at"]), float(content["fraction"])
    except (AssertionError, KeyError, TypeError, ValueError):
        return None
    if not (0.0 <= fraction <= 1.0 and abs(at) < 1e12):
        return None
    return [at, fraction, str(content.get("description") or "")[:MOST_TEXT]]
