"""What one job wants on each of its nodes: from what it says itself, its tokens and its launcher."""

from collections.abc import Iterable
from dataclasses import dataclass, replace

from xpm.launchers.model import Blueprint, GpuWish
from xpm.launchers.paying import Tokens
from xpm.plan.needs import GpuNeed, Need


@dataclass(frozen=True, slots=True)
class Needs:
    """What one job asks for, on each of its nodes; None: not said."""

    cpus: int | None
    mem: int | None
    time_s: int | None
    nodes: int
    gpus: GpuWish
    qos: str | None


def needs_of(blueprint: Blueprint, need: Need, paid: Tokens) -> Needs:
    """What a job wants that says this of itself.

    Its own words and tokens count (of both the larger), else the launcher's; never less than the launcher requires.
    """
    wish, least = blueprint.wish, blueprint.wish.least
    count = _most(need.gpus, paid.gpus)
    count = _most(wish.gpus if count is None else count, least.gpus) or 0
    cpus = _most(need.cpus, paid.cpus) or wish.cpus
    if cpus is None and wish.cpus_per_gpu and count:
        cpus = wish.cpus_per_gpu * count
    mem = need.mem or wish.mem
    if mem is None and wish.mem_per_gpu and count:
        mem = wish.mem_per_gpu * count
    own = need.gpu if need.gpu.type else replace(need.gpu, type=wish.gpu_type)
    likes = tuple(like for like in (own, least.gpu) if like != GpuNeed())
    needs = Needs(
        cpus=_most(cpus, least.cpus),
        mem=_most(mem, least.mem),
        time_s=_most(need.time_s or wish.time_s, least.time_s),
        nodes=_most(need.nodes or wish.nodes, least.nodes) or 1,
        gpus=GpuWish(count, likes if count else ()),
        qos=wish.qos,
    )
    return with_cores(blueprint, needs)


def with_cores(blueprint: Blueprint, needs: Needs) -> Needs:
    """Where memory comes with cores: with as many as its memory takes."""
    customs = blueprint.site.customs
    is_so = blueprint.site.is_slurm and customs.mem_flag == "from-cpus"
    if not (is_so and customs.mem_per_cpu and needs.mem):
        return needs
    return replace(needs, cpus=max(needs.cpus or 1, -(-needs.mem // customs.mem_per_cpu)))


def tags_of(blueprint: Blueprint, need: Need) -> Iterable[str]:
    """The words the place must have."""
    return dict.fromkeys((*blueprint.wish.least.tags, *need.tags))


def _most(*numbers: int | None) -> int | None:
    return max((number for number in numbers if number is not None), default=None)
