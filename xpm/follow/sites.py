"""What this laptop knows of its clusters: the limits each told at the last contact, with their age.

One file per place and user there, beside the journals, in the format of xpm/agent/limits.py. A cache: what lies here only lets a
job be refused before it is sent.
"""

import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Union, get_args, get_origin, get_type_hints

from xpm.agent import limits
from xpm.agent.limits import SiteLimits
from xpm.connectors.specs import SlurmSpec, Spec
from xpm.follow.journal import state_home
from xpm.wire import files

MOST = 2**53
KNOWN_S = 86400.0
"""Older limits refuse nothing here: the site itself is asked, when the job gets there."""


def keep(spec: Spec, content: Mapping[str, object]) -> None:
    """Note what a site told of itself."""
    path = _path(spec)
    if path is not None:
        files.make_private(str(path.parent.parent))
        path.parent.mkdir(exist_ok=True)
        files.write(str(path), files.dump(dict(content)))


def known(spec: Spec, now: float) -> SiteLimits:
    """What a place allows, as it told lately; UNKNOWN when that is too long ago, and for places without limits."""
    path = _path(spec)
    try:
        found = parsed(files.load(str(path))) if path is not None else limits.UNKNOWN
    except (OSError, ValueError):  # a cache: what cannot be read is not known
        return limits.UNKNOWN
    is_recent = found.at is not None and now - found.at < KNOWN_S
    return found if is_recent else limits.UNKNOWN


def parsed(content: Mapping[str, object] | None) -> SiteLimits:
    """What a site told; UNKNOWN when that is not what a site tells, whoever it was."""
    try:
        found = limits.parse(content)
    except (TypeError, AttributeError):
        return limits.UNKNOWN
    return found if _fits(found, SiteLimits) else limits.UNKNOWN


def _fits(value: object, kind: object) -> bool:
    """Whether a value is of the type that a field promises."""
    origin, inner = get_origin(kind), get_args(kind)
    if origin is Union:
        return any(_fits(value, each) for each in inner)
    if origin is tuple:
        return isinstance(value, tuple) and all(_fits(each, inner[0]) for each in value)
    if origin is dict:
        return isinstance(value, dict) and all(
            _fits(key, inner[0]) and _fits(each, inner[1]) for key, each in value.items()
        )
    if isinstance(kind, type) and issubclass(kind, tuple):  # a NamedTuple
        hints = get_type_hints(kind)
        return isinstance(value, kind) and all(
            _fits(getattr(value, name), hint) for name, hint in hints.items()
        )
    if kind in (int, float):
        is_number = isinstance(value, int | float) and type(value) in (int, kind)
        return is_number and -MOST < float(str(value)) < MOST
    return isinstance(value, kind) if isinstance(kind, type) else False


def _path(spec: Spec) -> Path | None:
    if not isinstance(spec, SlurmSpec):
        return None
    there = f"{spec.ssh.host}\n{spec.ssh.config or ''}\n{spec.workspace}"
    digest = hashlib.sha256(there.encode("utf-8", "surrogateescape")).hexdigest()[:16]
    return state_home() / "sites" / f"{digest}.json"
