"""What a profile says of a place: enough to reach it and to start jobs there."""

from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any


@dataclass(frozen=True, slots=True)
class SshTarget:
    """How to reach a host; everything else is in the user's ssh configuration.

    ``host`` is an alias of that configuration or a name. ``config`` is the configuration file (None: OpenSSH's own
    default, ``~/.ssh/config``). ``keepalive_s`` is the seconds between keep-alive messages.
    ``transport`` is what carries the bytes: ``auto``, ``fabric`` or ``openssh`` (xpm/connectors/transports.py).
    """

    host: str
    config: Path | None = None
    keepalive_s: float = 15.0
    connect_timeout_s: float = 20.0
    transport: str = "auto"


@dataclass(frozen=True, slots=True)
class Capacity:
    """What jobs may use of a machine without a batch system, all together; None: what it tells itself."""

    jobs: int | None = None
    cpus: int | None = None
    mem_mib: int | None = None
    gpus: int | tuple[str, ...] | None = None
    """How many, or which: as CUDA_VISIBLE_DEVICES names them."""


UNLIMITED = Capacity()


@dataclass(frozen=True, slots=True)
class Keeping:
    """How a workspace is kept, besides where it is."""

    variables: tuple[str, ...] = ()
    """Those of the far side that the profile uses."""
    share: str | None = None
    """Who else may read results: ``group``, ``all``; None: as the user's mask of new files says."""

    @property
    def options(self) -> dict[str, object]:
        """What the agent is told of it."""
        told: dict[str, object] = {"variables": list(self.variables)} if self.variables else {}
        return {**told, **({"share": self.share} if self.share else {})}


@dataclass(frozen=True, slots=True)
class LocalSpec:
    """This machine. The workspace is the main folder itself; jobs run under this very Python."""

    name: str = "local"
    python: str | None = None
    capacity: Capacity = UNLIMITED
    keeping: Keeping = Keeping()


@dataclass(frozen=True, slots=True)
class SshSpec:
    """A host without a batch system."""

    name: str
    ssh: SshTarget
    workspace: str
    python: str | None = None
    capacity: Capacity = UNLIMITED
    keeping: Keeping = Keeping()


@dataclass(frozen=True, slots=True)
class KeeperWish:
    """How keepers (xpm/agent/keeper.py) are submitted; None: as the jobs they wait for."""

    off: bool = False
    partition: str | None = None
    account: str | None = None
    qos: str | None = None
    time_s: int | None = None


@dataclass(frozen=True, slots=True)
class Dealings:
    """How a cluster is dealt with; None: as xpm does by itself. The names are those of place.json's ``options``."""

    lost_after_s: int | None = None
    squeue_every_s: int | None = None
    first_look_s: int | None = None
    commands_per_minute: int | None = None
    most_jobs: int | None = None
    array_size: int | None = None
    array_tasks: int | None = None
    accounting: bool | None = None
    keep_environ: tuple[str, ...] = ()
    reasons: tuple[tuple[str, str], ...] = ()
    """Pending reasons, and what they mean: ``fail``, ``alert`` or ``wait``."""

    @property
    def said(self) -> dict[str, Any]:
        """What is said of it, by name."""
        found = {each.name: getattr(self, each.name) for each in fields(self)}
        return {name: value for name, value in found.items() if value not in (None, ())}

    @property
    def options(self) -> dict[str, object]:
        """What the agent is told."""
        told = self.said
        return {**told, "reasons": dict(self.reasons)} if self.reasons else told


AS_USUAL = Dealings()


@dataclass(frozen=True, slots=True)
class SlurmSpec:
    """A SLURM cluster behind its login node."""

    name: str
    ssh: SshTarget
    workspace: str
    python: str | None = None
    keeper: KeeperWish = KeeperWish()
    dealings: Dealings = AS_USUAL
    keeping: Keeping = Keeping()


Spec = LocalSpec | SshSpec | SlurmSpec
