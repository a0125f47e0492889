"""Where the laptop's side gets profiles, connectors, time and patience from."""

import random
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from xpm.connectors.base import Connector
from xpm.connectors.specs import Spec
from xpm.connectors.waking import Watch, shared
from xpm.errors import ProfileProblem

if TYPE_CHECKING:
    from xpm.launchers.profiles import Profiles


def _profiles() -> "Profiles":
    from xpm.launchers.profiles import load_profiles

    return load_profiles()


def _open(spec: Spec, main: Path) -> Connector:
    from xpm.connectors.opening import open_connector

    return open_connector(spec, main)


def patience(failures: int) -> float:
    """Seconds to wait for a place that could not be used for the n-th time in a row: doubling, 20 at most."""
    return min(20.0, 2.0 ** min(failures, 6) / 2) * random.uniform(0.6, 1.0)


@dataclass(frozen=True, slots=True)
class World:
    """What lies around an experiment; tests bring their own."""

    profiles: "Callable[[], Profiles]" = field(default=_profiles)
    open: Callable[[Spec, Path], Connector] = field(default=_open)
    clock: Callable[[], float] = field(default=time.time)
    patience: Callable[[int], float] = field(default=patience)
    waking: Watch = field(default=shared)


def spec_named(profiles: "Profiles", connector: str) -> Spec:
    """The connector of this name in the profile."""
    spec = profiles.connectors.get(connector)
    if spec is not None:
        return spec
    raise ProfileProblem(
        f"there is no connector {connector!r} any more",
        on=str(profiles.path or "no profile"),
        hint="jobs were sent there: put it back into the profile to follow or fetch them",
    )
