"""The job file: what was submitted last of a job, in its own folder.

Version 1::

    <workspace>/jobs/<task id>/<job id>/.xpm/job.json    {"format": 1} and the fields of a queue entry (wire/workspace.py)

Where the plan was run, the main folder, it is written at submission, with "connector", "where", "at" and "launcher"
besides (follow/main.py). Elsewhere the run that claims the job writes it. It is never copied from one side to another: so
wherever a task is done, its folder tells the values it had, to people and to the jobs that use it.
"""

import os

from xpm.wire import files, ledger

TYPE_CHECKING = False  # importing typing would cost each job milliseconds
if TYPE_CHECKING:
    from typing import Any, Dict, Optional

    Entry = Dict[str, Any]

FORMAT = 1
NAME = "job.json"
MOST = 16 * 1024 * 1024
"""Bytes of a job file: it travels in one message (wire/frames.py) with others, and each job reads it."""


class TooLarge(ValueError):
    """What is submitted of a job is too much to travel."""

    def __init__(self, size: int) -> None:
        ValueError.__init__(self, "%.0f MB, and %.0f is the limit" % (size / 1e6, MOST / 1e6))


def path(workspace: str, task: str, job: str) -> str:
    """Where it is."""
    return os.path.join(ledger.job_folder(workspace, task, job), ledger.FOLDER, NAME)


def read(workspace: str, task: str, job: str) -> "Optional[Entry]":
    """What was submitted last of a job; None when its folder does not tell."""
    try:
        return files.load(path(workspace, task, job))
    except ValueError:
        return None


def write(workspace: str, entry: "Entry") -> None:
    """Tell what is submitted of a job, with whatever else the entry has.

    Raises:
        TooLarge: it cannot be submitted.
        OSError: it cannot be written; the workspace's disk is away, for example.
    """
    content = dict(entry)
    content["format"] = FORMAT
    raw = files.dump(content)
    if len(raw) > MOST:
        raise TooLarge(len(raw))
    target = path(workspace, entry["task"], entry["job"])
    files.make_below(os.path.join(workspace, ledger.FOLDER), os.path.dirname(target))
    files.write(target, raw)


def keep(workspace: str, entry: "Entry") -> None:
    """Tell what was submitted of a job that starts, unless its folder tells it already."""
    known = read(workspace, entry["task"], entry["job"])
    if known is None or int(known["attempt"]) < int(entry["attempt"]):
        write(workspace, entry)
