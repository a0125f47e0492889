"""What this laptop knows of its clusters: the limits each told at the last contact, with their age.

One file per place and user there, beside the journals, in the format of xpm/agent/limits.py. A cache: what lies here only lets a
job be refused before it is sent.
"""

import hashlib
from collections.abc import Mapping
from pathlib import Path

from xpm.agent import limits
from xpm.agent.limits import SiteLimits
from xpm.connectors.specs import SlurmSpec, Spec
from xpm.follow.journal import state_home
from xpm.wire import files

KNOWN_S = 86400.0
"""Older limits refuse nothing here: the site itself is asked, when the job gets there."""


def keep(spec: Spec, content: Mapping[str, object]) -> None:
    """Note what a site told of itself."""
    path = _path(spec)
    if path is not None:
        path.parent.mkdir(parents=True, exist_ok=True)
        files.write(str(path), files.dump(dict(content)))


def known(spec: Spec, now: float) -> SiteLimits:
    """What a place allows, as it told lately; UNKNOWN when that is too long ago, and for places without limits."""
    path = _path(spec)
    try:
        found = limits.parse(files.load(str(path))) if path is not None else limits.UNKNOWN
    except (OSError, ValueError):  # a cache: what cannot be read is not known
        return limits.UNKNOWN
    is_recent = found.at is not None and now - found.at < KNOWN_S
    return found if is_recent else limits.UNKNOWN


def _path(spec: Spec) -> Path | None:
    if not isinstance(spec, SlurmSpec):
        return None
    there = f"{spec.ssh.host}\n{spec.ssh.config or ''}\n{spec.workspace}"
    digest = hashlib.sha256(there.encode("utf-8", "surrogateescape")).hexdigest()[:16]
    return state_home() / "sites" / f"{digest}.json"
