"""Submissions: how an attempt joins its one submission.

The intent comes first, synced where a batch system will remember it longer than our disk does; then the attempt's link
to it, created exclusively. So whoever sees a link finds the intent behind it. The id of a submission of one job follows
from workspace, job and attempt: concurrent advancers write the same one, and what one began another ends.
"""

import os
from typing import Any, Dict, Tuple

from xpm.agent import reading
from xpm.agent.board import JobFacts
from xpm.wire import files
from xpm.wire.workspace import FORMAT, Layout


def submission_id(workspace_id: str, job: str, attempt: int) -> str:
    """The id of the submission of one attempt, at most 200 of ``[a-z0-9._-]``: also its batch name."""
    return "xpm.%s.%s.a%d" % (workspace_id, job[:32], attempt)


def join(
    layout: Layout, workspace_id: str, known: JobFacts, attempt: int, kind: str, now: float
) -> "Tuple[str, Dict[str, Any]]":
    """Make the attempt join a submission; the submission it has joined, by us or by somebody else."""
    mine = submission_id(workspace_id, known.job, attempt)
    folder = layout.submission(mine)
    os.makedirs(folder, exist_ok=True)
    intent = {
        "format": FORMAT,
        "id": mine,
        "at": now,
        "kind": kind,
        "jobs": [[known.task, known.job, attempt]],
        "entries": {known.job: known.bundle},
        "request": known.asks_for,
    }
    path = os.path.join(folder, "intent.json")
    files.create(path, files.dump(intent), sync=kind == "slurm")
    link = os.path.join(layout.attempts, "%s.a%d" % (known.job, attempt))
    if files.create(link, files.dump({"submission": mine})):
        return mine, intent
    return (reading.joined(link)[0] or mine), intent


def read_intent(layout: Layout, submission: str) -> Dict[str, Any]:
    """The intent of a submission; {} when it is missing or damaged."""
    return reading.load(os.path.join(layout.submission(submission), "intent.json")) or {}


def not_started(said: str, log: str) -> str:
    """Why a job never began, for people: what its place said, the end of its log, what to look at."""
    words = log or "it printed nothing"
    hint = "check `pre:`, `modules:` and `python:` of its launcher"
    return "the job could not be started: %s\n%s\n%s" % (said, words, hint)


def last_lines(path: str, lines: int = 10, limit: int = 4096) -> str:
    """The end of a log, for people."""
    try:
        with open(path, "rb") as file:
            file.seek(0, os.SEEK_END)
            file.seek(max(0, file.tell() - limit))
            text = file.read(limit).decode("utf-8", "replace")
    except OSError:
        return ""
    return "\n".join(text.strip().splitlines()[-lines:])
