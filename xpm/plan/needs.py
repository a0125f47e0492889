"""What a task needs of the place that runs it, as values: cores, memory, GPUs, time, tokens, tags."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace

from xpm.plan.units import Comparison, say_duration, say_size

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


@dataclass(frozen=True)
class GpuNeed:
    """What every GPU must be like; demands of several add up. ``cuda``: of a vendor not known to be another one."""

    type: str | None = None
    vendor: str | None = None
    vram: tuple[Comparison, ...] = ()
    capability: tuple[str, ...] = ()
    cuda: bool = False

    def over(self, base: GpuNeed) -> GpuNeed:
        """This one, and what only the base says."""
        return GpuNeed(
            self.type or base.type,
            self.vendor or base.vendor,
            self.vram or base.vram,
            self.capability or base.capability,
            self.cuda or base.cuda,
        )


@dataclass(frozen=True)
class Need:
    """One way to run a task; None or empty: not said. Cores, memory and GPUs are those of each node."""

    cpus: int | None = None
    mem: int | None = None
    time_s: int | None = None
    nodes: int | None = None
    gpus: int | None = None
    gpu: GpuNeed = GpuNeed()
    tokens: tuple[tuple[str, int], ...] = ()
    tags: tuple[str, ...] = ()

    def over(self, base: Need) -> Need:
        """This one, and what only the base says; without GPUs, nothing is demanded of them."""
        said = {
            each.name: getattr(self if getattr(self, each.name) is not None else base, each.name)
            for each in fields(self)
        }
        said["gpu"] = GpuNeed() if said["gpus"] == 0 else self.gpu.over(base.gpu)
        said["tokens"] = tuple(sorted({**dict(base.tokens), **dict(self.tokens)}.items()))
        said["tags"] = tuple(dict.fromkeys((*base.tags, *self.tags)))
        return Need(**said)

    def beside(self, other: Need) -> tuple[Need, str]:
        """Both at once, and the first word that both say differently, if any."""
        found: dict[str, Any] = {}
        for name in ("cpus", "mem", "time_s", "nodes", "gpus"):
            one, two = getattr(self, name), getattr(other, name)
            if one is not None and two is not None and one != two:
                return self, name.replace("_s", "")
            found[name] = two if one is None else one
        for name in ("type", "vendor"):
            one, two = getattr(self.gpu, name), getattr(other.gpu, name)
            if one and two and one != two:
                return self, f"gpu {name}"
        both = self.gpu.over(other.gpu)
        found["gpu"] = replace(
            both,
            vram=tuple(dict.fromkeys(self.gpu.vram + other.gpu.vram)),
            capability=tuple(dict.fromkeys(self.gpu.capability + other.gpu.capability)),
        )
        counts = dict(self.tokens)
        for name, count in other.tokens:
            if counts.setdefault(name, count) != count:
                return self, f"token {name}"
        return Need(
            tokens=tuple(sorted(counts.items())),
            tags=tuple(dict.fromkeys(self.tags + other.tags)),
            **found,
        ), ""

    def __str__(self) -> str:
        terms = [f"time={say_duration(self.time_s)}"] if self.time_s is not None else []
        terms += [f"nodes={self.nodes}"] if self.nodes is not None else []
        inner = [f"cores={self.cpus}"] if self.cpus is not None else []
        inner += [f"mem={say_size(self.mem)}"] if self.mem is not None else []
        terms += [f"cpu({', '.join(inner)})"] if inner else []
        terms += [_say_gpus(self.gpus, self.gpu)] if self.gpus is not None else []
        tokens = ", ".join(f"{name}={count}" for name, count in self.tokens)
        terms += [f"tokens({tokens})"] if tokens else []
        terms += [f"tags({', '.join(self.tags)})"] if self.tags else []
        return " & ".join(terms)


NOTHING = Need()


def _say_gpus(count: int | None, gpu: GpuNeed) -> str:
    said = [f"type={gpu.type}"] if gpu.type else []
    said += [f"vendor={gpu.vendor}"] if gpu.vendor else []
    said += [f"vram{each.sign}{say_size(each.value)}" for each in gpu.vram]
    said += [f"capability{each}" for each in gpu.capability]
    name = "cuda" if gpu.cuda else "gpu"
    return f"{name}({', '.join(said)})*{count}" if said or gpu.cuda else f"gpus={count}"
