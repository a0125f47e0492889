"""Whether a job that ends may leave at once, as nobody waits for it: a thousand short jobs must not each read a thousand.

Who advances notes how much there was to read, and whose end somebody waits for, when all else is in the queue already. A job
that is done, finds as many files as then and itself not among the awaited, has nothing to do. Folders that only grow
make counts enough; the note holds for a minute, so that what nobody tells (a job killed without a word) is seen all the same.
"""

import os
import time

from xpm.wire import files, ledger
from xpm.wire.workspace import FORMAT, Layout

TYPE_CHECKING = False  # importing typing would cost each job milliseconds
if TYPE_CHECKING:
    from typing import Any, Dict, Iterable, List

    Entry = Dict[str, Any]

HOLDS_S = 60.0
AGAIN_S = 30.0


class Notes(object):
    """The notes of one process, each written once."""

    def __init__(self, layout: Layout) -> None:
        self._path = _path(layout)
        self._last: "Entry" = {}

    def note(self, counts: "List[int]", awaited: "Iterable[str]", now: float) -> None:
        """All is in the queue, as of these counts; only these jobs' ends matter."""
        content = {"format": FORMAT, "at": now, "counts": counts, "awaited": sorted(awaited)}
        last = self._last.get("at", 0.0)
        if 0 <= now - last < AGAIN_S and dict(content, at=last) == self._last:
            return
        self._last = content
        files.write(self._path, files.dump(content))


def is_quiet(layout: Layout, task: str, job: str, attempt: int) -> bool:
    """Whether nobody can start anything now that this attempt has ended."""
    try:
        content = files.load(_path(layout))
    except ValueError:
        return False
    if content is None or not 0 <= time.time() - content["at"] < HOLDS_S:
        return False
    entries = ledger.attempt_entries(layout.job(task, job), attempt)
    if not entries or entries[-1].get("state") != "done" or job in content["awaited"]:
        return False
    return bool(content["counts"] == _counts(layout))


def _counts(layout: Layout) -> "List[int]":
    folders = (layout.queue, layout.cancel, layout.attempts)
    return [len(files.listing(each, fresh=True)) for each in folders]


def _path(layout: Layout) -> str:
    return os.path.join(layout.own, "quiet.json")
