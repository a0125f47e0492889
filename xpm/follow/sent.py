"""What of code and program has been sent to a place from this laptop: so that a dry run can tell what is new, without asking.

One file per place and user there, beside the journals: ``{"format": 1, "sent": [sha, ...]}``, the latest last. A
cache: the far side itself says what it lacks when something is sent.
"""

import contextlib
import hashlib
from collections.abc import Iterable
from pathlib import Path

from xpm.connectors.base import Snapshot
from xpm.connectors.specs import LocalSpec, Spec
from xpm.follow.journal import state_home
from xpm.wire import files, travel

FORMAT = 1
MOST = 20_000
"""Older ones are forgotten, and counted as new again."""


def known(spec: Spec) -> frozenset[str]:
    """The hashes of what was sent there."""
    return frozenset(_read(spec))


def note(spec: Spec, sent: Iterable[str]) -> None:
    """Note that these contents are there."""
    path = _path(spec)
    if path is None:
        return
    before = _read(spec)
    after = list(dict.fromkeys([*before, *sent]))[-MOST:]
    if after != before:
        path.parent.mkdir(parents=True, exist_ok=True)
        files.write(str(path), files.dump({"format": FORMAT, "sent": after}))


def note_code(spec: Spec, snapshot: Snapshot) -> None:
    """Note that this code is there, and the program of ours that took it; when that can be noted."""
    with contextlib.suppress(OSError):  # a cache for dry runs: it may be behind
        note(spec, [travel.archive()[0], *(sha for sha, _, _ in snapshot.files.values())])


def _read(spec: Spec) -> list[str]:
    path = _path(spec)
    try:
        content = files.load(str(path)) if path is not None else None
    except (OSError, ValueError):  # a cache: what cannot be read is not known
        return []
    if not content or content.get("format") != FORMAT:
        return []
    return [str(each) for each in content["sent"]]


def _path(spec: Spec) -> Path | None:
    if isinstance(spec, LocalSpec):
        return None
    there = f"{spec.ssh.host}\n{spec.ssh.config or ''}\n{spec.workspace}"
    digest = hashlib.sha256(there.encode("utf-8", "surrogateescape")).hexdigest()[:16]
    return state_home() / "sent" / f"{digest}.json"
