"""Where at one place a job could go, partition by partition, and why it cannot go to the others."""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from xpm.launchers.model import Blueprint, Gpus, GpuType, GpuWish, Partition, Qos, Site
from xpm.launchers.units import COMPARE, say_duration, say_size
from xpm.launchers.wanting import Needs
from xpm.plan.needs import GpuNeed


@dataclass(frozen=True, slots=True)
class Fit:
    """One way to ask a place; it takes the job unless there are ``reasons`` why not."""

    partitions: tuple[Partition, ...] = ()
    """None where the profile describes none, or where there are none."""
    gpus: Gpus | None = None
    """The type to ask for, None when any will do."""
    qos: Qos | None = None
    reasons: tuple[str, ...] = ()

    @property
    def partition(self) -> str:
        """The partitions' names in the profile."""
        return ",".join(each.key for each in self.partitions)

    @property
    def time_limit(self) -> int | None:
        """The longest a job may take; None when nothing says."""
        return _least(_limit(each, self.qos) for each in self.partitions)


def fits(blueprint: Blueprint, needs: Needs) -> list[Fit]:
    """Every way to ask its place, those that cannot be had too; never none.

    Several partitions that the launcher names are one way: Slurm takes the one that is free first.
    """
    site, wish = blueprint.site, blueprint.wish
    if not site.is_slurm:
        return [Fit(reasons=tuple(_host(site, needs, blueprint.catalog)))]
    if not site.partitions:
        unknown = needs.gpus.is_choosy and needs.gpus.type is None
        words = "none of its partitions is described, so none is known to fit"
        named = Qos(needs.qos) if needs.qos else None
        return [Fit(qos=named, reasons=(words,) if unknown else ())]
    names = wish.partition.split(",") if wish.partition else list(site.partitions)
    found: list[list[Fit]] = []
    for name in names:
        partition = site.partitions.get(name)
        if partition is None:
            found.append([Fit(reasons=(f"it has no partition {name}",))])
        else:
            found.append(list(_of_partition(partition, needs, blueprint.catalog)))
    if wish.partition and len(names) > 1:
        return [_together(names, found)]
    return [fit for each in found for fit in each]


def _together(names: Sequence[str], found: Sequence[Sequence[Fit]]) -> Fit:
    """Several partitions as one way to ask, where they are asked alike."""
    best = [next((fit for fit in each if not fit.reasons), each[0]) for each in found]
    partitions = tuple(partition for fit in best for partition in fit.partitions)
    wrong = [
        f"{name}: {reason}" for name, fit in zip(names, best, strict=True) for reason in fit.reasons
    ]
    if not wrong and len({fit.qos.name if fit.qos else "" for fit in best}) > 1:
        asked = ", ".join(
            f"{name} {fit.qos.name if fit.qos else 'none'}"
            for name, fit in zip(names, best, strict=True)
        )
        wrong.append(f"its partitions take different QOS ({asked}): name one partition")
    return Fit(partitions, None, best[0].qos, tuple(wrong))


def _of_partition(
    partition: Partition, needs: Needs, catalog: Mapping[str, GpuType]
) -> Iterable[Fit]:
    wrong = _limits(partition, needs)
    whole, gpus = _gpus(partition, needs.gpus, catalog)
    if whole or not gpus:
        yield Fit((partition,), None, None, (*wrong, *_time(partition, needs), *whole))
        return
    for type_, unfit in gpus:
        if unfit or wrong:
            yield Fit((partition,), type_, None, (*wrong, *_time(partition, needs), *unfit))
            continue
        for qos, refused in _qos(partition, needs):
            yield Fit((partition,), type_, qos, tuple(refused))


def _limits(partition: Partition, needs: Needs) -> list[str]:
    """The limits of the partition that the job goes beyond, in words."""
    wrong: list[str] = []
    if partition.nodes is not None and needs.nodes > partition.nodes:
        wrong.append(f"{needs.nodes} nodes, its limit is {partition.nodes}")
    if partition.cpus is not None and (needs.cpus or 0) > partition.cpus:
        wrong.append(f"{needs.cpus} cores, its nodes have {partition.cpus}")
    if partition.mem is not None and (needs.mem or 0) > partition.mem:
        wrong.append(f"{say_size(needs.mem or 0)}, its nodes have {say_size(partition.mem)}")
    most = partition.cpus_per_gpu_max
    if most and needs.gpus.count and (needs.cpus or 0) > most * needs.gpus.count:
        wrong.append(f"{needs.cpus} cores, {most} for each GPU are allowed")
    return wrong


def _time(partition: Partition, needs: Needs) -> list[str]:
    """Why its time cannot be had with any QOS, when it is refused for something else already."""
    qos = [refused for _, refused in _qos(partition, needs)]
    return qos[-1] if all(qos) else []


def _qos(partition: Partition, needs: Needs) -> list[tuple[Qos | None, list[str]]]:
    """The QOS that may be asked for, each with what is against it.

    One that takes only so many jobs at once is taken by name only: a plan of a hundred would wait for its few places.
    None, the site's own choice, is left where no listed one fits, unless the profile says which one that is.
    """
    listed: list[Qos | None]
    if needs.qos:
        listed = [each for each in partition.qos if each.name == needs.qos]
        if partition.qos and not listed:
            return [(None, [f"it has no QOS {needs.qos}"])]
        listed = listed or [Qos(needs.qos)]
    else:
        listed = [each for each in partition.qos if each.submit is None]
    found = [(qos, _against(partition, qos, needs)) for qos in listed]
    if needs.qos or any(not wrong for _, wrong in found):
        return found
    if not any(each.is_default for each in partition.qos):
        found.append((None, _against(partition, None, needs)))
    return found


def _against(partition: Partition, qos: Qos | None, needs: Needs) -> list[str]:
    wrong: list[str] = []
    limit, gpus = _limit(partition, qos), needs.gpus.count * needs.nodes
    if needs.time_s is not None and limit is not None and needs.time_s > limit:
        wrong.append(f"time {say_duration(needs.time_s)}, its limit is {say_duration(limit)}")
    if qos is not None and qos.gpus is not None and gpus > qos.gpus:
        wrong.append(f"{gpus} GPUs, QOS {qos.name} allows {qos.gpus}")
    return wrong


def _limit(partition: Partition, qos: Qos | None) -> int | None:
    return _least((partition.time_s, qos.time_s if qos is not None else None))


def _least(limits: Iterable[int | None]) -> int | None:
    return min((each for each in limits if each is not None), default=None)


def _gpus(
    partition: Partition, wish: GpuWish, catalog: Mapping[str, GpuType]
) -> tuple[list[str], list[tuple[Gpus | None, list[str]]]]:
    """Why it has no GPUs for the job at all, or its types, each with what is against it.

    None stands for any type: where all would do and none is said to cost more than another.
    """
    if not wish.count:
        return [], [(None, [])]
    if not partition.gpus:
        return ["no GPUs are listed for it"], []
    if not any(suits(each, wish, catalog) for each in partition.gpus):
        have = ", ".join(f"{each.type}{_silence(each, wish, catalog)}" for each in partition.gpus)
        return [f"no such GPU, it has {have}"], []
    typed = [(each, _unsuited(each, wish, catalog)) for each in partition.gpus]
    priced = any(each.cost is not None for each in partition.gpus)
    if len(typed) > 1 and not priced and not any(unfit for _, unfit in typed):
        return [], [(None, [])]
    return [], [(each, unfit) for each, unfit in typed]


def _unsuited(gpus: Gpus, wish: GpuWish, catalog: Mapping[str, GpuType]) -> list[str]:
    if not suits(gpus, wish, catalog):
        return [f"it is not such a GPU{_silence(gpus, wish, catalog)}"]
    if gpus.per_node is not None and gpus.per_node < wish.count:
        return [f"{wish.count} GPUs, its nodes have {gpus.per_node}"]
    return []


def _silence(gpus: Gpus, wish: GpuWish, catalog: Mapping[str, GpuType]) -> str:
    """Of what the catalog says nothing, so that it cannot be known to suit."""
    known = catalog.get(gpus.type, GpuType())
    asked = {
        "vram": any(like.vram for like in wish.likes) and known.vram is None,
        "vendor": any(like.vendor for like in wish.likes) and known.vendor is None,
        "capability": any(like.capability for like in wish.likes) and known.capability is None,
    }
    silent = [word for word, is_so in asked.items() if is_so]
    return f" (the catalog does not say its {' and '.join(silent)})" if silent else ""


def suits(gpus: Gpus, wish: GpuWish, catalog: Mapping[str, GpuType]) -> bool:
    """Whether this type of GPU is what is wished for; what the catalog does not say does not suit."""
    known = catalog.get(gpus.type, GpuType())
    return all(_is_like(gpus, known, like) for like in wish.likes)


def _is_like(gpus: Gpus, known: GpuType, like: GpuNeed) -> bool:
    if like.type is not None and like.type not in (gpus.type, gpus.name):
        return False
    if like.vram and (known.vram is None or not all(b.holds(known.vram) for b in like.vram)):
        return False
    if like.vendor is not None and like.vendor != known.vendor:
        return False
    if like.cuda and known.vendor not in (None, "nvidia"):
        return False
    return all(_is_capable(known.capability, wanted) for wanted in like.capability)


def _is_capable(known: str | None, wanted: str) -> bool:
    match = re.fullmatch(r"(>=|<=|>|<|==|=)? *([0-9]+(?:\.[0-9]+)*)", wanted)
    if known is None or match is None:
        return False
    parts = [[int(part) for part in text.split(".")] for text in (known, match[2])]
    return bool(COMPARE[match[1] or ">="](parts[0], parts[1]))


def _host(site: Site, needs: Needs, catalog: Mapping[str, GpuType]) -> list[str]:
    """What a machine without a batch system lacks."""
    host = site.host
    pairs = (
        (needs.cpus, host.cpus, str, "cores"),
        (needs.mem, host.mem, say_size, "of memory"),
        (needs.gpus.count, host.gpus, str, "GPUs"),
        (needs.time_s, host.time_s, say_duration, "of time"),
    )
    wrong = [
        f"{say(wanted)} {what}, it has {say(there)}"
        for wanted, there, say, what in pairs
        if wanted is not None and there is not None and wanted > there
    ]
    if needs.nodes > 1:
        wrong.append(f"{needs.nodes} nodes, it is one")
    if not needs.gpus.count:
        return wrong
    types = host.gpu_types
    unfit = [each for each in types if not suits(each, needs.gpus, catalog)]
    if unfit:
        have = ", ".join(f"{each.per_node} {each.type}" for each in types)
        more = "" if len(unfit) == len(types) else ", which are not told apart there"
        wrong.append(f"no such GPU, it has {have}{more}")
    demands = replace(needs.gpus, likes=tuple(replace(e, type=None) for e in needs.gpus.likes))
    is_there = host.gpus is None or host.gpus >= needs.gpus.count
    if is_there and not types and demands.is_choosy:
        wrong.append("the profile does not say which GPUs it has")
    return wrong
