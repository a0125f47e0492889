"""A profile after reading: places with their customs and limits, and launchers with what their jobs want."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from xpm.connectors.specs import AS_USUAL, Dealings, LocalSpec, Spec
from xpm.launchers.placeholders import FAR
from xpm.launchers.tree import Mark
from xpm.launchers.units import Comparison
from xpm.plan.needs import NOTHING, GpuNeed, Need


@dataclass(frozen=True, slots=True)
class GpuType:
    """What the catalog says of a type of GPU."""

    vram: int | None = None
    vendor: str | None = None
    capability: str | None = None


@dataclass(frozen=True, slots=True)
class Gpus:
    """One type of GPU of a partition: how many a node has, and how the site is asked for it."""

    type: str
    per_node: int | None = None
    name: str | None = None
    constraint: str | None = None
    cost: float | None = None


@dataclass(frozen=True, slots=True)
class Qos:
    """A QOS and its limits."""

    name: str
    time_s: int | None = None
    gpus: int | None = None
    submit: int | None = None
    is_default: bool = False
    """Whether jobs that name no QOS get this one."""
    cost_factor: float = 1.0


@dataclass(frozen=True, slots=True)
class Partition:
    """A partition and its limits; None: not said, or unlimited."""

    key: str
    name: str
    mark: Mark
    time_s: int | None = None
    nodes: int | None = None
    cpus: int | None = None
    mem: int | None = None
    gpus: tuple[Gpus, ...] | None = None
    cpus_per_gpu_max: int | None = None
    account: str | None = None
    constraint: str | None = None
    qos: tuple[Qos, ...] = ()
    preemptible: bool = False
    cost: float | None = None
    cost_factor: float = 1.0


@dataclass(frozen=True, slots=True)
class Customs:
    """How a cluster is asked for things."""

    account: str | None = None
    gpu_flag: str = "gpus-per-node"
    gpu_type_in: str = "flag"
    mem_flag: str = "mem"
    mem_per_cpu: int | None = None
    licenses: Mapping[str, str] = field(default_factory=dict[str, str])
    extra: tuple[str, ...] = ()
    requeue: bool | None = None


@dataclass(frozen=True, slots=True)
class Setup:
    """What happens before a job: of a connector, an environment or a launcher."""

    python: str | None = None
    pre: tuple[str, ...] = ()
    modules: tuple[str, ...] = ()
    export: Mapping[str, str] = field(default_factory=dict[str, str])

    def then(self, other: "Setup") -> "Setup":
        """This and, after it, the other one, whose Python and variables win."""
        return Setup(
            other.python or self.python,
            self.pre + other.pre,
            self.modules + other.modules,
            {**self.export, **other.export},
        )


@dataclass(frozen=True, slots=True)
class RetryRule:
    """How often an end of one cause is forgiven, and how; see xpm/wire/workspace.py."""

    most: int
    mode: str | None = None
    excludes_node: bool = False
    renews: bool = False
    backoff_s: int = 0
    mem_factor: float = 1.0
    time_factor: float = 1.0
    mem_cap: int | None = None
    time_cap_s: int | None = None


@dataclass(frozen=True, slots=True)
class Policy:
    """What happens around the end of a job; None: not said."""

    retry: dict[str, RetryRule] = field(default_factory=dict[str, RetryRule])
    """By cause, in the words of a job's record."""
    signal: str | None = None
    lead_s: int | None = None
    dealings: Dealings = AS_USUAL

    def then(self, other: "Policy") -> "Policy":
        """This with what the other one says instead."""
        return Policy(
            {**self.retry, **other.retry},
            other.signal or self.signal,
            other.lead_s or self.lead_s,
            self.dealings,
        )


@dataclass(frozen=True, slots=True)
class HostLimits:
    """What a machine without a batch system has; None: not said."""

    cpus: int | None = None
    mem: int | None = None
    gpus: int | None = None
    time_s: int | None = None
    gpu_ids: tuple[str, ...] | None = None
    """Which GPUs, where the profile lists them."""
    gpu_types: tuple[Gpus, ...] = ()
    """Their types, where the profile tells."""


@dataclass(frozen=True, slots=True)
class OnlyIf:
    """Which jobs may come to a place; None: all."""

    time: Comparison | None = None
    mem: Comparison | None = None


@dataclass(frozen=True, slots=True)
class Site:
    """A place that takes jobs."""

    spec: Spec
    is_slurm: bool
    mark: Mark | None = None
    customs: Customs = Customs()
    partitions: Mapping[str, Partition] = field(default_factory=dict[str, Partition])
    host: HostLimits = HostLimits()
    licenses: Mapping[str, int] = field(default_factory=dict[str, int])
    setup: Setup = Setup()
    env: str | None = None
    words: Mapping[str, str] = field(default_factory=dict[str, str])
    """Placeholders that are known for this place."""
    policy: Policy = Policy()
    tags: tuple[str, ...] = ()
    cost: float | None = None
    only_if: OnlyIf = OnlyIf()


LOCAL = "local"
"""The connector and the launcher that always exist."""

THIS_MACHINE = Site(LocalSpec(LOCAL), is_slurm=False, words=FAR)


@dataclass(frozen=True, slots=True)
class GpuWish:
    """How many GPUs a job wants on each node, and what they must be like."""

    count: int = 0
    likes: tuple[GpuNeed, ...] = ()
    """All of these must be met."""

    @property
    def type(self) -> str | None:
        """The type that is wanted, when one is."""
        return next((like.type for like in self.likes if like.type), None)

    @property
    def is_choosy(self) -> bool:
        """Whether not every GPU will do, as far as anybody knows."""
        return any(like.type or like.vram or like.vendor or like.capability for like in self.likes)


@dataclass(frozen=True, slots=True)
class Prefer:
    """What to choose where several places fit."""

    preemptible: bool = False
    tags: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Wish:
    """What the jobs of a launcher ask for, unless they say otherwise; None: not said."""

    partition: str | None = None
    cpus: int | None = None
    mem: int | None = None
    time_s: int | None = None
    nodes: int | None = None
    gpus: int | None = None
    gpu_type: str | None = None
    cpus_per_gpu: int | None = None
    mem_per_gpu: int | None = None
    account: str | None = None
    qos: str | None = None
    constraint: str | None = None
    extra: tuple[str, ...] = ()
    least: Need = NOTHING
    """What every job gets at least, whatever it says."""
    prefer: Prefer = Prefer()


@dataclass(frozen=True, slots=True)
class TokenRule:
    """What a token is paid with: ``slots``, ``cpu``, ``gpu``, ``license`` or ``exclusive`` (a whole host)."""

    kind: str
    total: int | None = None
    mark: Mark | None = None
    shared: str | None = None
    """The folder at the site where its units are counted across users."""


@dataclass(frozen=True, slots=True)
class Blueprint:
    """A launcher as the profile describes it."""

    name: str
    site: Site
    wish: Wish = Wish()
    setup: Setup = Setup()
    policy: Policy = Policy()
    """What this launcher says otherwise than its place."""
    tokens: Mapping[str, int] = field(default_factory=dict[str, int])
    rules: Mapping[str, TokenRule] = field(default_factory=dict[str, TokenRule])
    catalog: Mapping[str, GpuType] = field(default_factory=dict[str, GpuType])
    mark: Mark | None = None
    marks: Mapping[str, Mark] = field(default_factory=dict[str, Mark])
    """Where each of its keys was written."""
