"""What of a workspace nobody needs any more: found, and told with what it takes.

::

    kind         name                 what it is
    code         snapshot             a tree that no job names which is not over
    contents     ""                   blobs that are in no other tree
    environment  its name             an environment, with its record and log, that no such job names
    build        folder in envs/      what a builder that died has left, or an older build
    program      sha12                a version of ours that nobody runs any more
    refresh      ""                   newer code for jobs that are over
    submission   its id               of jobs that have been over for a week
    temporary    ""                   what killed processes have left

What somebody asked for a moment ago is in nobody's list, whoever it was: code is sent before the jobs that need it.
"""

import os
import re
from typing import Callable, Dict, Iterator, List, NamedTuple, Optional, Set, Tuple

from xpm.agent import environs, needs, place, reading, sweeping
from xpm.agent.needs import Needs
from xpm.wire import files, trees
from xpm.wire.workspace import Layout

GRACE_S = 60.0
"""What was asked for within this time is in use: jobs follow their code within seconds, and else it is sent anew."""
CONTENTS_S = 600.0
"""The same of contents, of which a tree may need many."""
DAY_S = 86400.0
WEEK_S = 7 * DAY_S
_PROGRAM = re.compile(r"^[0-9a-f]{12}$")
_BUILD = re.compile(r"^([0-9a-f]{%d})~" % environs.NAME)
_ENVIRONMENT = re.compile(r"^[0-9a-f]{%d}$" % environs.NAME)

Item = NamedTuple("Item", [("kind", str), ("name", str), ("paths", List[str])])
"""Something to remove: all of these paths."""


def find(layout: Layout, needed: Needs, now: float, mine: str) -> "List[Item]":
    """Everything that can go.

    Args:
        layout: the workspace.
        needed: what is needed.
        now: the time.
        mine: the version of ours that runs here.
    """
    doomed = set(_code(layout, needed, now))
    found = [Item("code", each, _tree(layout, each)) for each in sorted(doomed)]
    found.append(Item("contents", "", list(_contents(layout, doomed, now))))
    found += _environments(layout, needed, now)
    found += _programs(layout, needed, now, mine)
    found.append(Item("refresh", "", list(_refreshes(layout, needed, now))))
    found += _submissions(layout, needed, now)
    found.append(Item("temporary", "", list(_temporaries(layout))))
    return [each for each in found if each.paths]


def _code(layout: Layout, needed: Needs, now: float) -> Iterator[str]:
    names = files.listing(layout.code, fresh=True)
    for name in names:
        path = os.path.join(layout.code, name)
        is_list = name.endswith(".json")
        tree = name[:-5] if is_list else name
        if tree in needed.code or (is_list and tree in names):
            continue  # of a tree that is gone, the list stays only while a job needs it
        if _age(path, now) > GRACE_S:
            yield tree


def _tree(layout: Layout, snapshot: str) -> "List[str]":
    found = [os.path.join(layout.code, snapshot), trees.list_path(layout, snapshot)]
    return [each for each in found if os.path.lexists(each)]


def _contents(layout: Layout, doomed: "Set[str]", now: float) -> Iterator[str]:
    """Blobs that no tree which stays has, as far as is written; of a tree without a list, by the count of links."""
    kept = needs.kept_blobs(layout)
    is_certain = True
    for name in files.listing(layout.code):
        if not name.endswith(".json") and name not in doomed:
            listed = trees.listed(layout, name)
            is_certain = is_certain and listed is not None
            kept.update(sha for _, sha, _ in listed or ())
    for folder in files.listing(layout.blobs):
        for name in files.listing(os.path.join(layout.blobs, folder)):
            path = os.path.join(layout.blobs, folder, name)
            if name.partition(".")[0] in kept:
                continue
            try:
                status = os.lstat(path)
            except FileNotFoundError:
                continue
            if now - status.st_mtime > CONTENTS_S and (is_certain or status.st_nlink == 1):
                yield path


def _environments(layout: Layout, needed: Needs, now: float) -> "List[Item]":
    folder = os.path.join(layout.root, environs.FOLDER)
    names = files.listing(folder)
    groups: Dict[str, List[str]] = {}
    for name in names:
        base = re.split(r"[.~]", name, maxsplit=1)[0]
        if _ENVIRONMENT.match(base):
            groups.setdefault(base, []).append(name)
    found = []
    for base, group in sorted(groups.items()):
        attempt = os.path.join(folder, base + ".try")
        is_busy = os.path.exists(attempt) and _age(attempt, now) < environs.STALE_S * 10
        if is_busy:
            continue
        is_young = any(_age(os.path.join(folder, each), now) < GRACE_S for each in group)
        if base not in needed.environments and not is_young:
            found.append(Item("environment", base, [os.path.join(folder, each) for each in group]))
            continue
        link = os.path.join(folder, base)
        current = os.readlink(link) if os.path.islink(link) else ""
        is_idle = base not in needed.environments
        for each in group:
            path = os.path.join(folder, each)
            is_left = bool(_BUILD.match(each)) and each != os.path.basename(current)
            if is_left and (is_idle or not current) and _age(path, now) > GRACE_S:
                found.append(Item("build", each, [path]))
    return found


def _programs(layout: Layout, needed: Needs, now: float, mine: str) -> "List[Item]":
    """Versions of ours that no agent has opened since the oldest job that is not over was asked for, nor was current then."""
    current = str((place.read(layout) or {}).get("travel") or "")
    used: Dict[str, float] = {}
    for name in files.listing(layout.travel):
        if _PROGRAM.match(name):
            used[name] = now - _age(os.path.join(layout.travel, name), now)
    kept = {mine, current}
    for since in needed.since:
        older = [name for name in used if used[name] < since]
        kept.update(name for name in used if used[name] >= since)
        kept.update(sorted(older, key=lambda name: used[name])[-1:])
    return [
        Item("program", name, [os.path.join(layout.travel, name)])
        for name in sorted(used)
        if name not in kept and now - used[name] > DAY_S
    ]


def _refreshes(layout: Layout, needed: Needs, now: float) -> Iterator[str]:
    folder = os.path.join(layout.own, "refresh")
    for name in files.listing(folder):
        path = os.path.join(folder, name)
        if name.endswith(".json") and name[:-5] not in needed.live and _age(path, now) > GRACE_S:
            yield path


def _submissions(layout: Layout, needed: Needs, now: float) -> "List[Item]":
    found = []
    for name in files.listing(layout.submissions):
        path = layout.submission(name)
        if _age(path, now) < WEEK_S:
            continue
        intent = reading.load(os.path.join(path, "intent.json")) or {}
        jobs = {str(job) for _, job, _ in intent.get("jobs") or ()}
        if not jobs & needed.live:
            found.append(Item("submission", name, [path]))
    return found


def _temporaries(layout: Layout) -> Iterator[str]:
    for folder in sweeping.folders(layout):
        for path in files.abandoned(folder, sweeping.names(folder)):
            yield path


def size(
    paths: "List[str]", ends_at: float, clock: "Callable[[], float]"
) -> "Optional[Tuple[int, int]]":
    """How many files these are, and the bytes they take; None when it takes too long to tell.

    Hard links are counted once: code takes the room of its contents, which are told apart.
    """
    count, total = 0, 0
    for path in paths:
        for status in _walk(path):
            count += 1
            total += 0 if status.st_nlink > 1 and not _is_blob(path) else status.st_blocks * 512
            if count % 256 == 0 and clock() > ends_at:
                return None
    return count, total


def _is_blob(path: str) -> bool:
    return os.path.basename(os.path.dirname(os.path.dirname(path))) == "blobs"


def _walk(path: str) -> "Iterator[os.stat_result]":
    try:
        yield os.lstat(path)
        if os.path.islink(path) or not os.path.isdir(path):
            return
        with os.scandir(path) as scan:
            entries = list(scan)
    except (FileNotFoundError, PermissionError):
        return
    for entry in entries:
        for each in _walk(entry.path):
            yield each


def _age(path: str, now: float) -> float:
    """Seconds since something was last written; nothing, when it is gone."""
    try:
        return now - os.lstat(path).st_mtime
    except FileNotFoundError:
        return 0.0
