"""What a workspace remembers of the plans that were sent to it: their experiments, and every queue entry."""

import os
from collections import OrderedDict
from typing import Any, Dict, Iterator, List, Mapping, Optional, Tuple

from xpm.agent import reading
from xpm.wire import files
from xpm.wire.workspace import Layout

Message = Dict[str, Any]
Reply = Tuple[Message, bytes]
MOST_BYTES = 32 * 1024 * 1024
UNNAMED = ""


def experiments(layout: Layout, words: Mapping[str, str]) -> Reply:
    """The experiments jobs were sent for, the one that sent last first.

    Args:
        layout: the workspace.
        words: the state of each job.
    """
    found = OrderedDict()  # type: OrderedDict[str, Dict[str, Any]]
    for _, at, entries in _bundles(layout):
        for entry in entries:
            name = str(entry.get("experiment") or UNNAMED)
            here = found.setdefault(name, {"first": at, "last": at, "jobs": {}})
            here["last"] = at
            here["jobs"][str(entry.get("job"))] = str(entry.get("task"))
    told = [
        {
            "name": name,
            "jobs": len(here["jobs"]),
            "states": _counts(here["jobs"], words),
            "first": here["first"],
            "last": here["last"],
        }
        for name, here in found.items()
    ]
    return {"experiments": sorted(told, key=lambda each: each["last"], reverse=True)}, b""


def wanted(layout: Layout, request: Message) -> Reply:
    """The queue entries of an experiment, or of all, as they came: as many bundles at once as fit."""
    name, after = request.get("experiment"), request.get("after")
    room = max(1, min(int(request["limit"]), MOST_BYTES))
    told = []  # type: List[List[Any]]
    contents = []  # type: List[bytes]
    last = None  # type: Optional[str]
    for key, at, entries in _bundles(layout, after):
        if room <= 0:
            return {"entries": told, "next": last}, b"".join(contents)
        last = key
        for entry in entries:
            if name is None or entry.get("experiment") == name:
                raw = files.dump(entry)
                told.append([at, len(raw)])
                contents.append(raw)
                room -= len(raw)
    return {"entries": told, "next": None}, b"".join(contents)


def _bundles(
    layout: Layout, after: Optional[str] = None
) -> "Iterator[Tuple[str, float, List[Dict[str, Any]]]]":
    """What names each bundle in their order, when it came, its entries."""
    names = [each for each in files.listing(layout.queue) if each.endswith(".json")]
    for written_ns, path in sorted(reading.age_key(os.path.join(layout.queue, n)) for n in names):
        key = "%020d.%s" % (written_ns, os.path.basename(path))
        if after is None or key > after:
            yield key, written_ns / 1e9, reading.bundle(path)


def _counts(jobs: "Dict[str, str]", words: Mapping[str, str]) -> Dict[str, int]:
    found = {}  # type: Dict[str, int]
    for job in jobs:
        word = words.get(job) or "unknown"
        found[word] = found.get(word, 0) + 1
    return found
