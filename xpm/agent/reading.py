"""What the workspace's files mean to the decider: one event per file.

A file of ours is whole or absent, except after a power cut, when one that was not synced may be empty. Such a ledger
entry still has its slot, so it stands for a run that nobody can ask: a claim without an owner.
"""

import os
import re
from typing import Any, Dict, List, Optional, Tuple

from xpm.decide.facts import Claimed, Ended, Event
from xpm.wire import files, ledger

_ATTEMPT = re.compile(r"^([0-9a-f]{64})\.a([1-9][0-9]*)$")


def attempt_name(name: str) -> "Tuple[str, int]":
    """The job and attempt that a name in ``attempts`` or ``cancel`` stands for; ("", 0) for any other."""
    match = _ATTEMPT.match(name)
    return (match.group(1), int(match.group(2))) if match else ("", 0)


def bundle(path: str) -> "List[Dict[str, Any]]":
    """The entries of a bundle; none when it is damaged (its sender sends it again)."""
    try:
        content = files.load(path)
    except ValueError:
        return []
    if content is None:
        return []
    return [entry for entry in content.get("jobs", ()) if isinstance(entry, dict)]


def age_key(path: str) -> "Tuple[int, str]":
    """What sorts files by when they were written."""
    try:
        return os.stat(path).st_mtime_ns, path
    except FileNotFoundError:
        return 0, path


def joined(path: str) -> "Tuple[str, float]":
    """The submission that an attempt has joined ("" when the file is damaged), and since when."""
    return Links().joined(path)


class Links(object):
    """Which submissions attempts have joined: those that joined together are one file under many names, read once."""

    def __init__(self) -> None:
        self._read: Dict[Tuple[int, int], str] = {}

    def joined(self, path: str) -> "Tuple[str, float]":
        """The submission that an attempt has joined ("" when the file is damaged), and since when."""
        try:
            found = os.stat(path)
        except FileNotFoundError:
            return "", 0.0
        file = (found.st_dev, found.st_ino)
        if file not in self._read:
            self._read[file] = str((load(path) or {}).get("submission") or "")
        return self._read[file], found.st_mtime


def entry(folder: str, name: str) -> Optional[Dict[str, Any]]:
    """A ledger entry; None when its slot is free, an ownerless claim when it is damaged."""
    path = os.path.join(folder, name)
    try:
        content = files.load(path)
    except ValueError:
        content = {}
    if content is None:
        return None
    if content.get("kind") not in ("claim", *ledger.FINAL):
        parsed = ledger.parse_name(name) or ledger.parse_name(name.partition(".")[2])
        attempt, slot = parsed if parsed else (0, 0)
        content = {"kind": "claim", "attempt": attempt, "slot": slot, "at": 0.0}
    return content


def ledger_event(content: Dict[str, Any], slot: ledger.Slot) -> Event:
    """The event that a ledger entry is."""
    at = float(content.get("at") or 0.0)
    if content["kind"] == "claim":
        return Claimed(
            attempt=slot.attempt,
            slot=slot.slot,
            submission=str(content.get("submission") or ""),
            batch_id=content.get("batch_id"),
            generation=int(content.get("generation") or slot.slot),
            at=at,
            node=str(content.get("node") or ""),
        )
    details = content.get("details") or {}
    return Ended(
        attempt=slot.attempt,
        slot=slot.slot,
        state=str(content.get("state")),
        cause=content.get("cause"),
        message=ledger.words(content),
        at=float(content.get("ended_at") or at),
        times=1 + (int(details.get("requeues") or 0) if content.get("cause") == "timeout" else 0),
        progress=float(content.get("progress") or 0.0),
    )


def load(path: str) -> Optional[Dict[str, Any]]:
    """A JSON object; None when it is not there, {} when it is damaged."""
    try:
        return files.load(path)
    except ValueError:
        return {}
