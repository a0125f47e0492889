"""Submissions: how attempts join their one submission.

The intent comes first, synced where a batch system will remember it longer than our disk does; then each attempt's link
to it, created exclusively. So whoever sees a link finds the intent behind it. The id of a submission follows from the
workspace and its elements: concurrent advancers that choose the same jobs write the same one, and what one began another
ends (members.py).
"""

import hashlib
import json
import os
import re
from typing import Any, Dict, List, NamedTuple, Sequence, Tuple

from xpm.agent import reading
from xpm.agent.board import JobFacts
from xpm.wire import files
from xpm.wire.workspace import FORMAT, Layout

Element = NamedTuple("Element", [("task", str), ("job", str), ("attempt", int)])
"""One attempt of one job, in a submission."""

Joiner = Tuple[JobFacts, int]
"""A job, and the attempt of it that is to join a submission."""

_OF_THE_DISK = re.compile(
    "Input/output error|No space left on device|Stale file handle|Disk quota exceeded"
    "|Transport endpoint is not connected|Permission denied: '[^']*/\\.xpm/travel/"
    "|can't find '__main__' module in '[^']*/\\.xpm/travel/|(?:No module named|from) 'xpm\\b"
)
"""What Python prints when its disk is full, away, or refuses us, before anything of ours runs."""


def submission_id(workspace_id: str, elements: "Sequence[Element]") -> str:
    """The id of a submission, at most 200 of ``[a-z0-9._-]``: also its batch name."""
    prefix = name_prefix(workspace_id)
    if len(elements) == 1:
        return "%s%s.a%d" % (prefix, elements[0].job[:32], elements[0].attempt)
    listed = json.dumps(sorted(elements)).encode("utf-8")
    return "%s%s.n%d" % (prefix, hashlib.sha256(listed).hexdigest()[:32], len(elements))


def name_prefix(workspace_id: str) -> str:
    """How the names of all batch jobs of a workspace begin."""
    return "xpm.%s." % workspace_id


def join(
    layout: Layout, workspace_id: str, group: "Sequence[Joiner]", kind: str, now: float
) -> "Tuple[Dict[str, str], Dict[str, Any]]":
    """Make these attempts, of equal requests, join a submission.

    Returns:
        for each job the submission its attempt has joined, by us or by somebody else; and the intent of ours.
    """
    elements = [Element(known.task, known.job, number) for known, number in group]
    mine = submission_id(workspace_id, elements)
    folder = layout.submission(mine)
    files.make_one(folder)
    intent = {
        "format": FORMAT,
        "id": mine,
        "at": now,
        "kind": kind,
        "jobs": [list(each) for each in elements],
        "entries": {known.job: known.bundle for known, _ in group},
        "request": group[0][0].asks_for,
    }
    path = os.path.join(folder, "intent.json")
    files.create(path, files.dump(intent), sync=kind == "slurm")
    if len(elements) == 1:
        path = link_path(layout, elements[0])
        if not files.create(path, link_content(mine), sync=kind == "slurm"):
            return {elements[0].job: reading.joined(path)[0] or mine}, intent
        return {elements[0].job: mine}, intent
    return {element.job: joined for element, joined in link_all(layout, mine, elements)}, intent


def link_all(
    layout: Layout, submission: str, elements: "Sequence[Element]"
) -> "List[Tuple[Element, str]]":
    """Let each element that has joined no submission yet join this one; which one each has joined."""
    paths = [link_path(layout, each) for each in elements]
    files.create_all(paths, link_content(submission))
    links = reading.Links()
    return [(each, links.joined(path)[0]) for each, path in zip(elements, paths)]


def link_path(layout: Layout, element: Element) -> str:
    """Where it is written which submission an attempt has joined."""
    return os.path.join(layout.attempts, "%s.a%d" % (element.job, element.attempt))


def link_content(submission: str) -> bytes:
    """What is written there."""
    return files.dump({"submission": submission})


def read_intent(layout: Layout, submission: str) -> Dict[str, Any]:
    """The intent of a submission; {} when it is missing or damaged."""
    return reading.load(os.path.join(layout.submission(submission), "intent.json")) or {}


def not_started(said: str, log: str) -> str:
    """Why a job never began, for people: what its place said, the end of its log, what to look at."""
    words = log or "it printed nothing"
    hint = "check `pre:`, `modules:` and `python:` of its launcher"
    return "the job could not be started: %s\n%s\n%s" % (said, words, hint)


def was_kept_from_reading(log: str) -> bool:
    """Whether the end of its log says that a disk, and nothing of the job's, kept it from its start."""
    return bool(_OF_THE_DISK.search(log))


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
