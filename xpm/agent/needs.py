"""What of a workspace is needed still, by whatever laptop's jobs: read anew whenever something is to be cleaned away.

Needed is what a job that is not over names: its code and that which is to take its place, the recipe of its environment, its
folder and those of all it depends on, its submission. A job that is over needs nothing but its own folder.
"""

import os
from typing import Any, Dict, List, NamedTuple, Set

from xpm.agent import reading
from xpm.agent.board import Board
from xpm.agent.environs import NAME
from xpm.decide import states
from xpm.wire import files, refreshing
from xpm.wire.workspace import Layout

Needs = NamedTuple(
    "Needs",
    [
        ("code", Set[str]),  # trees
        ("environments", Set[str]),  # the names of environments
        ("live", Set[str]),  # jobs that are not over
        ("jobs", Set[str]),  # those, and all that they depend on
        ("known", Set[str]),  # all that the queue asks for
        ("since", List[float]),  # when what is not over yet was asked for
    ],
)


def of(layout: Layout, now: float) -> Needs:
    """What is needed now."""
    board = Board(layout)
    board.refresh(now, at_once=True)
    found = Needs(set(), set(), set(), set(), set(), [])
    bundles: Dict[str, Dict[str, Dict[str, Any]]] = {}
    for job, known in board.jobs.items():
        if known.is_stranger:
            continue
        found.known.add(job)
        if known.word in states.FINAL:
            continue
        found.live.add(job)
        found.since.append(known.asked_at)
        _depends(board, job, found.jobs)
        if known.bundle not in bundles:
            bundles[known.bundle] = _entries(layout, known.bundle)
        entry = bundles[known.bundle].get(job)
        if entry is not None:
            _name(found, entry)
            _name(found, refreshing.apply(layout, entry))
    return found


def _depends(board: Board, job: str, found: Set[str]) -> None:
    """A job, and all that it depends on."""
    todo = [job]
    while todo:
        each = todo.pop()
        if each not in found:
            found.add(each)
            todo += board.jobs[each].parents


def _entries(layout: Layout, bundle: str) -> Dict[str, Dict[str, Any]]:
    found: Dict[str, Dict[str, Any]] = {}
    for entry in reading.bundle(layout.bundle(bundle)):
        job = str(entry["job"])
        if job not in found or int(found[job]["attempt"]) < int(entry["attempt"]):
            found[job] = entry
    return found


def trees_of(entry: Dict[str, Any]) -> "List[str]":
    """The trees that a queue entry names: its code, and the recipe of its environment."""
    named = [
        (entry.get("code") or {}).get("snapshot"),
        (entry.get("request") or {}).get("environment"),
    ]
    return [str(each) for each in named if each]


def _name(found: Needs, entry: Dict[str, Any]) -> None:
    found.code.update(trees_of(entry))
    environment = (entry.get("request") or {}).get("environment")
    if environment:
        found.environments.add(str(environment)[:NAME])


def kept_blobs(layout: Layout) -> Set[str]:
    """The contents that a laptop keeps here for places that it cannot reach (xpm/follow/outbox.py)."""
    folder = os.path.join(layout.own, "kept")
    found: Set[str] = set()
    for name in files.listing(folder):
        content = reading.load(os.path.join(folder, name)) or {}
        found.update(str(sha) for sha, _ in (content.get("files") or {}).values())
    return found
