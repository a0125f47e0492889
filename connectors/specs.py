"""What a profile says of a place: enough to reach it and to start jobs there."""

from dataclasses import dataclass
from pathlib import Path


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
class LocalSpec:
    """This machine. The workspace is the main folder itself; jobs run under this very Python."""

    name: str = "local"
    python: str | None = None
    capacity: Capacity = UNLIMITED


@dataclass(frozen=True, slots=True)
class SshSpec:
    """A host without a batch system."""

    name: str
    ssh: SshTarget
    workspace: str
    python: str | None = None
    capacity: Capacity = UNLIMITED


@dataclass(frozen=True, slots=True)
class KeeperWish:
    """How keepers (xpm/agent/keeper.py) are submitted; None: as the jobs they wait for."""

    off: bool = False
    partition: str | None = None
    account: str | None = None
    qos: str | None = None
    time_s: int | None = None


@dataclass(frozen=True, slots=True)
class SlurmSpec:
    """A SLURM cluster behind its login node."""

    name: str
    ssh: SshTarget
    workspace: str
    python: str | None = None
    keeper: KeeperWish = KeeperWish()


Spec = LocalSpec | SshSpec | SlurmSpec
