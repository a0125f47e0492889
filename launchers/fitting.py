"""Which partition a job goes to, and why it cannot go to the others."""

import re
from collections.abc import Mapping
from dataclasses import dataclass

from xpm.launchers.model import Gpus, GpuType, GpuWish, Partition, Qos, Site
from xpm.launchers.units import COMPARE, say_duration, say_size


@dataclass(frozen=True, slots=True)
class Needs:
    """What one job asks for, on each of its nodes; None: not said."""

    cpus: int | None
    mem: int | None
    time_s: int | None
    nodes: int
    gpus: GpuWish
    qos: str | None


@dataclass(frozen=True, slots=True)
class Fit:
    """A partition that takes the job; ``gpus`` is the type to ask for, None when any will do."""

    partition: Partition
    gpus: Gpus | None


def choose(
    site: Site, names: tuple[str, ...], needs: Needs, catalog: Mapping[str, GpuType]
) -> tuple[list[Fit], dict[str, list[str]]]:
    """Where the job goes, and the reasons of the partitions that cannot take it.

    Named partitions are all taken, or the reasons tell which cannot. Of unnamed ones the best is taken: those without
    interruptions first, those with GPUs last when none is wanted, then the cheapest, then as written.
    """
    fits: list[Fit] = []
    reasons: dict[str, list[str]] = {}
    for key in names or site.partitions:
        partition = site.partitions[key]
        gpus, wrong = _pick_gpus(partition, needs.gpus, catalog)
        wrong = limits(partition, needs) + wrong
        if wrong:
            reasons[key] = wrong
        else:
            fits.append(Fit(partition, gpus))
    if names:
        return ([] if reasons else fits), reasons
    return sorted(fits, key=lambda fit: _rank(fit, needs))[:1], reasons


def _rank(fit: Fit, needs: Needs) -> tuple[bool, bool, float]:
    partition = fit.partition
    cost = 1.0 if partition.cost is None else partition.cost
    if needs.gpus.count and fit.gpus and fit.gpus.cost is not None:
        cost = fit.gpus.cost * needs.gpus.count
    wasted = bool(partition.gpus) and not needs.gpus.count
    return partition.preemptible, wasted, cost * partition.cost_factor


def limits(partition: Partition, needs: Needs) -> list[str]:
    """The limits of the partition and of the QOS that the job goes beyond, in words."""
    wrong: list[str] = []
    time_s, qos = time_limit(partition, needs), _qos(partition, needs)
    gpus = qos.gpus if qos is not None else None
    if needs.qos and partition.qos and qos is None:
        wrong.append(f"it has no QOS {needs.qos}")
    if needs.time_s is not None and time_s is not None and needs.time_s > time_s:
        wrong.append(f"time {say_duration(needs.time_s)}, its limit is {say_duration(time_s)}")
    if partition.nodes is not None and needs.nodes > partition.nodes:
        wrong.append(f"{needs.nodes} nodes, its limit is {partition.nodes}")
    if partition.cpus is not None and (needs.cpus or 0) > partition.cpus:
        wrong.append(f"{needs.cpus} cores, its nodes have {partition.cpus}")
    if partition.mem is not None and (needs.mem or 0) > partition.mem:
        wrong.append(f"{say_size(needs.mem or 0)}, its nodes have {say_size(partition.mem)}")
    most = partition.cpus_per_gpu_max
    if most and needs.gpus.count and (needs.cpus or 0) > most * needs.gpus.count:
        wrong.append(f"{needs.cpus} cores, {most} for each GPU are allowed")
    if gpus is not None and needs.gpus.count * needs.nodes > gpus:
        wrong.append(f"{needs.gpus.count * needs.nodes} GPUs, QOS {needs.qos} allows {gpus}")
    return wrong


def time_limit(partition: Partition, needs: Needs) -> int | None:
    """The longest a job with these needs may take there; None when nothing says."""
    qos = _qos(partition, needs)
    return (qos.time_s if qos is not None else None) or partition.time_s


def _qos(partition: Partition, needs: Needs) -> Qos | None:
    return next((qos for qos in partition.qos if qos.name == needs.qos), None)


def _pick_gpus(
    partition: Partition, wish: GpuWish, catalog: Mapping[str, GpuType]
) -> tuple[Gpus | None, list[str]]:
    if not wish.count:
        return None, []
    if partition.gpus is None:
        return None, ["no GPUs are listed for it"]
    alike = [gpus for gpus in partition.gpus if suits(gpus, wish, catalog)]
    if not alike:
        have = ", ".join(gpus.type for gpus in partition.gpus)
        return None, [f"no such GPU, it has {have}" if have else "no GPUs are listed for it"]
    enough = [gpus for gpus in alike if gpus.per_node is None or gpus.per_node >= wish.count]
    if not enough:
        most = max(gpus.per_node or 0 for gpus in alike)
        return None, [f"{wish.count} GPUs, its nodes have {most}"]
    if len(enough) > 1 and enough == list(partition.gpus):
        return None, []
    return min(enough, key=lambda gpus: gpus.cost or 0.0), []


def suits(gpus: Gpus, wish: GpuWish, catalog: Mapping[str, GpuType]) -> bool:
    """Whether this type of GPU is what is wished for; what the catalog does not say does not suit."""
    if wish.type is not None and wish.type not in (gpus.type, gpus.name):
        return False
    known = catalog.get(gpus.type, GpuType())
    if wish.vram is not None and (known.vram is None or not wish.vram.holds(known.vram)):
        return False
    if wish.vendor is not None and wish.vendor != known.vendor:
        return False
    return wish.capability is None or _is_capable(known.capability, wish.capability)


def _is_capable(known: str | None, wanted: str) -> bool:
    match = re.fullmatch(r"(>=|<=|>|<|==|=)? *([0-9]+(?:\.[0-9]+)*)", wanted)
    if known is None or match is None:
        return False
    parts = [[int(part) for part in text.split(".")] for text in (known, match[2])]
    return bool(COMPARE[match[1] or ">="](parts[0], parts[1]))
