"""The ledger of an attempt: what decides, once and for all, how a job went.

Version 1. Every attempt of a job is a sequence of immutable entries, files in the job's own folder::

    <workspace>/jobs/<task id>/<job id>/.xpm/a<attempt>.<slot>       slots 1, 2, 3, ... without a gap

Each is one JSON object, created by an exclusive link (``files.create``): of all who want slot n, one has it.
The kinds:

``claim``    a run of the job starts. The attempt's *generation* is its number of claims: a Slurm requeue of the same
             batch job with a higher restart count may claim again, nobody else. The file's mtime is the run's heartbeat.
``outcome``  the current run ended: ``state`` done, failed or cancelled. Final.
``revoked``  the attempt is given up (lost, cancelled, refused at launch): no run may claim or end it any more. Final.

Whoever acts reads the last entry, decides, and creates the next slot. A run that was superseded finds its slot
taken, so its outcome is never published; a run that starts late finds the attempt revoked and leaves; and a retry
(attempt + 1) exists only behind a final entry. Hence: one effect, without any lock.

Every entry has ``format kind task job attempt slot at`` (``at``: seconds since 1970, UTC). In addition:

claim:   submission, batch_id (or null), restart (SLURM_RESTART_COUNT or 0), generation, host, pid, started (the process's start
         time in clock ticks since boot, proc(5) field 22), boot (boot id), python, snapshot, node
         (Slurm's name for the host, or empty), environment (the one it was started in, or null), modules (those loaded),
         image (of its container, or null), logs (how many bytes of stdout and of stderr earlier runs have left; not in all).
outcome: state, cause (null or one of CAUSES), exit_code, signal, error ({"type", "message", "traceback"} or null),
         hint, started_at, ended_at, generation, max_rss_kib, progress (how far the task said it was, from 0 to 1, or
         null), message (for people, hint included) and optional ``details``: signals, batch_id, cpu_s, peak_kib (the most
         memory of its control group, or null), requeues (how often this attempt was requeued from a checkpoint since it
         last got further).
revoked: state (cancelled, lost or failed), cause, message, and progress if it had run. A run whose parents are not all
         done revokes as lost: "not
         released"; the job then gets a new attempt. Cause ``refused``: the place can never run it; no retry helps.

``progress.json`` beside them, {"at", "fraction", "description"}: what the task reports, at most once a second.
``a<attempt>.requeues`` likewise, {"count", "progress"}: see ``requeues`` above; rewritten before each such requeue.

Each entry is also linked into the workspace's inbox as ``<job id>.a<attempt>.<slot>``: the doorbell. The folder
is the truth; a missing doorbell is rung again by whoever notices.
"""

import os
import re
from collections import namedtuple

from xpm.wire import files

TYPE_CHECKING = False  # importing typing would cost each job milliseconds
if TYPE_CHECKING:
    from typing import Any, Dict, List, NamedTuple, Optional

    Entry = Dict[str, Any]
    Slot = NamedTuple("Slot", [("attempt", int), ("slot", int)])
else:
    Entry = dict
    Slot = namedtuple("Slot", ["attempt", "slot"])

FORMAT = 1
FOLDER = ".xpm"
PROGRESS = "progress.json"
FINAL = ("outcome", "revoked")
CAUSES = (
    "exit", "signal", "oom", "timeout", "preempted", "node_fail", "cancelled", "dependency", "launch", "lost",
    "refused",
)  # fmt: skip
_NAME = re.compile(r"^a([1-9][0-9]*)\.([1-9][0-9]*)$")
_BELL = re.compile(r"^([0-9a-f]{64})\.(a[1-9][0-9]*\.[1-9][0-9]*)$")


def job_folder(workspace: str, task: str, job: str) -> str:
    """Where a job lives in a workspace."""
    return os.path.join(workspace, "jobs", task, job)


def name(attempt: int, slot: int) -> str:
    """The file name of an entry."""
    return "a%d.%d" % (attempt, slot)


def parse_name(text: str) -> "Optional[Slot]":
    """The slot a file name stands for; None for any other file."""
    match = _NAME.match(text)
    return Slot(int(match.group(1)), int(match.group(2))) if match else None


def bell_name(job: str, attempt: int, slot: int) -> str:
    """The name of an entry in the inbox."""
    return "%s.%s" % (job, name(attempt, slot))


def parse_bell(text: str) -> "Optional[tuple[str, Slot]]":
    """The job and slot an inbox name stands for; None for any other file."""
    match = _BELL.match(text)
    if not match:
        return None
    slot = parse_name(match.group(2))
    assert slot is not None
    return match.group(1), slot


def slots(job_dir: str) -> "List[Slot]":
    """All entries of a job, in order."""
    found = (parse_name(each) for each in files.listing(os.path.join(job_dir, FOLDER), fresh=False))
    return sorted(each for each in found if each is not None)


def entry(job_dir: str, attempt: int, slot: int) -> "Optional[Entry]":
    """One entry; None when its slot is free."""
    return files.load(os.path.join(job_dir, FOLDER, name(attempt, slot)))


def attempt_entries(job_dir: str, attempt: int) -> "List[Entry]":
    """The entries of one attempt, from slot 1 on."""
    entries: List[Entry] = []
    while True:
        content = entry(job_dir, attempt, len(entries) + 1)
        if content is None:
            return entries
        entries.append(content)


def progress(job_dir: str) -> "Optional[float]":
    """How far the task of a job has said it is, from 0 to 1; None when it never said."""
    try:
        said = (files.load(os.path.join(job_dir, FOLDER, PROGRESS)) or {}).get("fraction")
    except (OSError, ValueError):
        return None
    return float(said) if isinstance(said, (int, float)) else None


def is_final(entries: "List[Entry]") -> bool:
    """Whether an attempt is over."""
    return bool(entries) and entries[-1]["kind"] in FINAL


def words(final: Entry) -> str:
    """Why an attempt ended, for people; "" when nothing tells."""
    if final.get("message"):
        return str(final["message"])
    error = final.get("error") or {}
    parts = [": ".join(str(error[each]) for each in ("type", "message") if error.get(each))]
    if not parts[0]:
        parts = _bare_end(final)
    if final.get("hint"):
        parts.append(str(final["hint"]))
    return "\n".join(part for part in parts if part)


def _bare_end(final: Entry) -> "List[str]":
    if final.get("signal"):
        return ["killed by signal %s" % final["signal"]]
    if final.get("exit_code"):
        return ["exit code %s" % final["exit_code"]]
    return []


def generation(entries: "List[Entry]") -> int:
    """How many runs have claimed."""
    return sum(1 for each in entries if each["kind"] == "claim")


def begins(job_dir: str, stream: int) -> "List[List[int]]":
    """Where in a log of this job each of its runs begins: [attempt, generation, offset]. ``stream``: 0 stdout, 1 stderr."""
    found = []
    for attempt, slot in slots(job_dir):
        content = entry(job_dir, attempt, slot)
        logs = content.get("logs") if content is not None and content["kind"] == "claim" else None
        if content is not None and logs:
            found.append([attempt, int(content["generation"]), int(logs[stream])])
    return found


def append(job_dir: str, content: Entry, inbox: "Optional[str]") -> bool:
    """Create the entry in the slot it names; False when somebody else has it.

    Final entries are synced to disk. The doorbell is rung when an inbox is given; the job's folder is made when its
    workspace is there.
    """
    folder = os.path.join(job_dir, FOLDER)
    if inbox:
        files.make_below(os.path.dirname(inbox), folder)
    else:
        os.makedirs(folder, exist_ok=True)
    path = os.path.join(folder, name(content["attempt"], content["slot"]))
    if not files.create(path, files.dump(content), sync=content["kind"] in FINAL):
        return False
    if inbox:
        try:
            ring(path, content, inbox)
        except OSError:  # the entry is there, and who looks for it will ring
            pass
    return True


def ring(path: str, content: Entry, inbox: str) -> None:
    """Link an entry into the inbox; nothing when it is there already."""
    bell = os.path.join(inbox, bell_name(content["job"], content["attempt"], content["slot"]))
    try:
        os.link(path, bell)
    except FileExistsError:
        pass
