"""Claiming an attempt: of all runs of a job, one may go on.

Who comes reads the attempt's ledger (wire/ledger.py) and creates the next slot:

- no entry: the parents must be done; then slot 1 is a claim, generation 1.
- last entry is a claim of the same batch job with a lower restart count: this is a Slurm requeue; the next generation.
- last entry is any other claim: a duplicate. It leaves, with a line in the submission's log.
- last entry is final: the attempt is over or revoked. It leaves likewise.
- no entry, but the attempt is to be cancelled: it is revoked, as cancelled.

**Not released.** A run whose parents are not all done must not start, and its attempt can never be submitted
again (an attempt joins one submission for ever). So it revokes the attempt, as *lost*: whoever advances then gives the job
a new attempt, which is submitted when the parents are done. Before it does so it looks again for a while, since
on NFS a finished parent may not be visible yet from here.
"""

from __future__ import annotations

import os
import sys
import time

from xpm.runner import process
from xpm.runner.order import Order
from xpm.runner.record import Record
from xpm.wire import emptied, files, jobfile, ledger, trees

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Callable, Dict, List, Optional, Union

LOOKS_AT_PARENTS_S = (0.0, 0.5, 1.0, 2.0, 4.0)


class Claimed(Record):
    """This run has the attempt."""

    slot: int
    generation: int
    path: str
    """The claim's file: its mtime is the heartbeat."""
    at: float


class Leave(Record):
    """This run has nothing to do."""

    reason: str


def claim(
    order: Order, now: float, sleep: Callable[[float], None] = time.sleep
) -> Union[Claimed, Leave]:
    """Claim the attempt, or say why not.

    Raises:
        OSError: the job's folder cannot be made or written.
    """
    while True:
        entries = ledger.attempt_entries(order.folder, order.attempt)
        refusal = why_not(entries, order)
        if refusal:
            return Leave(refusal)
        revocation = None if entries else _why_revoke(order, now, sleep)
        content = revocation or _claim(order, entries, now)
        if not revocation:
            jobfile.keep(order.layout.root, order.entry)
            emptied.forget(order.folder)
        if not ledger.append(order.folder, content, order.layout.inbox):
            continue  # somebody was faster: look again
        if revocation:
            return Leave(content["message"])
        return Claimed(content["slot"], content["generation"], _path(order, content["slot"]), now)


def why_not(entries: List[ledger.Entry], order: Order) -> str:
    """Why this run may not claim; empty when it may (its parents permitting)."""
    if not entries:
        return ""
    last = entries[-1]
    if last["kind"] == "revoked":
        return "revoked: %s" % (last.get("message") or last.get("state"))
    if last["kind"] == "outcome":
        return "over: %s" % last["state"]
    if order.batch_id and last.get("batch_id") == order.batch_id:
        if order.restart > int(last.get("restart") or 0):
            return ""
        return "duplicate: restart %d of batch job %s runs it" % (last["restart"], order.batch_id)
    owner = last.get("batch_id") or "process %s" % last.get("pid")
    return "duplicate: %s on %s runs it" % (owner, last.get("host"))


def parents_missing(order: Order) -> List[str]:
    """The parents whose last attempt is not done, as ``task/job``."""
    return [
        "%s/%s" % (task, job)
        for task, job in order.entry.get("parents") or []
        if not _is_done(order.layout.job(task, job))
    ]


def taken_from(order: Order, claimed: Claimed) -> bool:
    """Whether somebody wrote behind this claim: a newer generation, or a revocation."""
    return os.path.exists(_path(order, claimed.slot + 1))


def is_cancelled(order: Order) -> bool:
    """Whether this attempt is to be cancelled."""
    marker = "%s.a%d" % (order.job, order.attempt)
    return os.path.exists(os.path.join(order.layout.cancel, marker))


def _why_revoke(
    order: Order, now: float, sleep: Callable[[float], None]
) -> Optional[Dict[str, Any]]:
    if is_cancelled(order):
        return _revocation(order, "cancelled", "cancelled before it started", now)
    missing = _wait_for_parents(order, sleep)
    if missing:
        return _revocation(order, "lost", "not released: %s not done" % ", ".join(missing), now)
    for task, job in order.entry.get("parents") or []:
        removed = emptied.words(order.layout.job(task, job))
        if removed:
            message = "%s/%s: %s; copy its folder back from where it was fetched to, then remove %s" % (
                task, job[:12], removed, emptied.path(order.layout.root, "jobs/%s/%s" % (task, job)),
            )  # fmt: skip
            return dict(_revocation(order, "failed", message, now), cause="dependency")
    lacking = trees.mend(order.layout, order.snapshot) if order.snapshot else []
    if order.snapshot and lacking:
        refused = _revocation(order, "failed", trees.words(order.snapshot, lacking), now)
        return dict(refused, cause="launch")
    return None


def _wait_for_parents(order: Order, sleep: Callable[[float], None]) -> List[str]:
    missing: List[str] = []
    for pause in LOOKS_AT_PARENTS_S:
        sleep(pause)
        missing = parents_missing(order)
        if not missing:
            break
    return missing


def _is_done(folder: str) -> bool:
    # any attempt counts, as for the decider: a done job stays done, whatever was asked for or given up after it
    for attempt, slot in reversed(ledger.slots(folder)):
        entry = ledger.entry(folder, attempt, slot)
        if entry is not None and entry["kind"] == "outcome" and entry["state"] == "done":
            return True
    files.listing(os.path.join(folder, ledger.FOLDER), fresh=True)  # for the next look
    return False


def _claim(order: Order, entries: List[ledger.Entry], now: float) -> Dict[str, Any]:
    return {
        **_head(order, "claim", len(entries) + 1, now),
        "submission": order.submission,
        "batch_id": order.batch_id,
        "restart": order.restart,
        "generation": ledger.generation(entries) + 1,
        "host": os.uname().nodename,
        "node": os.environ.get("SLURMD_NODENAME", "") if order.in_slurm else "",
        "pid": os.getpid(),
        "started": process.started(os.getpid()),
        "boot": process.boot(),
        "python": "%s %d.%d.%d" % (sys.executable, *sys.version_info[:3]),
        "snapshot": order.snapshot,
        "environment": os.environ.get("XPM_ENVIRONMENT"),
        "modules": [each for each in os.environ.get("LOADEDMODULES", "").split(":") if each],
        "image": os.environ.get("XPM_IMAGE"),
        "logs": [_size(order.folder, each) for each in ("stdout", "stderr")],
    }


def _size(folder: str, name: str) -> int:
    """Bytes that earlier runs have printed; this one's come behind them."""
    try:
        return os.stat(os.path.join(folder, name)).st_size
    except FileNotFoundError:
        return 0


def _revocation(order: Order, state: str, message: str, now: float) -> Dict[str, Any]:
    return {**_head(order, "revoked", 1, now), "state": state, "cause": state, "message": message}


def _head(order: Order, kind: str, slot: int, now: float) -> Dict[str, Any]:
    return {
        "format": ledger.FORMAT,
        "kind": kind,
        "task": order.task,
        "job": order.job,
        "attempt": order.attempt,
        "slot": slot,
        "at": now,
    }


def _path(order: Order, slot: int) -> str:
    return os.path.join(order.folder, ledger.FOLDER, ledger.name(order.attempt, slot))
