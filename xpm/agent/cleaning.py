"""The verbs of cleaning up: what nobody needs, what it takes, and its removal, each in as many turns as time asks for."""

import os
import time
from typing import Any, Dict, List, Optional, Tuple

from xpm.agent import needs, orphans, paths, rubbish, trash
from xpm.agent.trash import Generation, Kept
from xpm.wire.workspace import Layout

Request = Dict[str, Any]
Reply = Tuple[Dict[str, Any], bytes]
TURN_S = 3.0
"""So long an answer may take: the agent does nothing else meanwhile."""


class Cleaning(object):
    """One agent's cleaning.

    Args:
        mine: the version of ours that runs here.
    """

    def __init__(self, mine: str) -> None:
        self._mine = mine
        self._found: List[rubbish.Item] = []
        self._generation: Optional[Generation] = None

    def rubbish(self, layout: Layout, request: Request) -> Reply:
        """What nobody needs any more, and the folders of jobs that are over."""
        now = time.time()
        trash.resume(layout, now, self._name(), self._turn())
        needed = needs.of(layout, now)
        self._found = rubbish.find(layout, needed, now, self._mine)
        items = [[each.kind, each.name, len(each.paths)] for each in self._found]
        jobs = [list(each) for each in orphans.folders(layout, needed, now)]
        return {"items": items, "jobs": jobs}, b""

    def measure(self, layout: Layout, request: Request) -> Reply:
        """Files and bytes of these items and jobs, as many as there is time for; at least one."""
        known = {(each.kind, each.name): each.paths for each in self._found}
        ends_at = time.monotonic() + TURN_S
        sizes: List[List[int]] = []
        for kind, name, *task in request["items"]:
            found = known.get((kind, name), [])
            if kind == "job":
                folder = layout.job(paths.task_id(task[0]), paths.job_id(name))
                found = [os.path.join(folder, each) for each in _names(folder)]
            limit = ends_at if sizes else float("inf")
            size = rubbish.size(found, limit, time.monotonic)
            if size is None:
                break
            sizes.append(list(size))
            if time.monotonic() > ends_at:
                break
        return {"sizes": sizes}, b""

    def clean(self, layout: Layout, request: Request) -> Reply:
        """Remove these items, as far as they are rubbish still, and the results of these jobs; then what is left of it.

        Called without any it goes on deleting. ``left``: there is more to delete.
        """
        kept: List[Kept] = []
        goes_on = self._turn()
        if request.get("items") or request.get("jobs"):
            kept = self._take(layout, request)
        generation = self._generation
        is_done = generation is None or generation.delete(goes_on)
        if is_done:
            self._generation = None
            is_done = trash.resume(layout, time.time(), "", goes_on)
        return {"kept": [list(each) for each in kept], "left": not is_done}, b""

    def resume(self, layout: Layout) -> None:
        """Bring to its end what somebody was killed at."""
        trash.resume(layout, time.time(), self._name(), self._turn())

    def _take(self, layout: Layout, request: Request) -> "List[Kept]":
        begun = time.time()
        needed = needs.of(layout, begun)
        asked = {(str(kind), str(name)) for kind, name in request.get("items") or ()}
        generation = self._generation = Generation(layout)
        kept = []
        for item in rubbish.find(layout, needed, begun, self._mine):
            if (item.kind, item.name) in asked:
                kept.append(generation.take(item))
        kept += orphans.empty(layout, generation, request.get("jobs") or [], needed, begun)
        again = needs.of(layout, time.time())
        kept += generation.settle(again, begun - rubbish.GRACE_S)
        return [each for each in kept if each is not None]

    def _name(self) -> str:
        return self._generation.name if self._generation is not None else ""

    def _turn(self) -> "Any":
        ends_at = time.monotonic() + TURN_S
        return lambda: time.monotonic() < ends_at


def _names(folder: str) -> "List[str]":
    try:
        return [each for each in os.listdir(folder) if each != ".xpm"]
    except FileNotFoundError:
        return []
