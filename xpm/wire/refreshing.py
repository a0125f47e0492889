"""Newer code for a job that is queued but has not started.

What a job was submitted with never changes by itself; ``xpm run --refresh`` says otherwise, by a file that the run reads when
it starts. Version 1::

    <workspace>/.xpm/refresh/<job id>.json    {"attempt": n, "code": {...}}

``code`` takes the place of that of every queue entry (wire/workspace.py) for attempt n or an earlier one. The last one written
counts; a run that has started has read it.
"""

import os

from xpm.wire import files
from xpm.wire.workspace import Layout

TYPE_CHECKING = False  # importing typing would cost each job milliseconds
if TYPE_CHECKING:
    from typing import Any, Dict

    Entry = Dict[str, Any]


def write(layout: Layout, entry: "Entry") -> None:
    """Let this job, should it not have started, run the code of this queue entry."""
    path = _path(layout, str(entry["job"]))
    files.make_one(os.path.dirname(path))
    content = {"attempt": int(entry["attempt"]), "code": entry["code"]}
    files.write(path, files.dump(content), sync=True)


def apply(layout: Layout, entry: "Entry") -> "Entry":
    """A queue entry with the code that its job is to run."""
    try:
        content = files.load(_path(layout, str(entry["job"])))
    except ValueError:  # a power cut: the code it was submitted with is good too
        return entry
    if content is None or int(content["attempt"]) < int(entry["attempt"]):
        return entry
    return dict(entry, code=content["code"])


def _path(layout: Layout, job: str) -> str:
    return os.path.join(layout.own, "refresh", job + ".json")
