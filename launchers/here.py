"""This machine as a place: what a profile does not say of it, it is asked, when a task is submitted.

Not when a profile is read: that may be shared with larger machines, and is no worse for what this one lacks.
"""

import os
from collections.abc import Mapping
from dataclasses import replace
from functools import cache

from xpm.agent import machine
from xpm.connectors.specs import LocalSpec
from xpm.launchers.model import Blueprint

_cores = cache(machine.cores)
_memory_mib = cache(machine.memory_mib)


def as_it_is(
    blueprint: Blueprint, tokens: Mapping[str, int], wants_gpus: bool = False
) -> Blueprint:
    """The launcher with the limits of this machine, if that is where its jobs go."""
    site = blueprint.site
    if not isinstance(site.spec, LocalSpec):
        return blueprint
    host = site.host
    mib = _memory_mib() if host.mem is None else None
    kinds = {blueprint.rules[name].kind for name in tokens if name in blueprint.rules}
    wants_gpus = wants_gpus or bool(blueprint.wish.gpus or blueprint.wish.least.gpus)
    wants_gpus = wants_gpus or "gpu" in kinds
    host = replace(
        host,
        cpus=_cores() if host.cpus is None else host.cpus,
        mem=mib << 20 if mib else host.mem,
        gpus=_gpus() if host.gpus is None and wants_gpus else host.gpus,
    )
    return replace(blueprint, site=replace(site, host=host))


@cache
def _gpus() -> int:
    """Asked only for a job that wants some: nvidia-smi takes seconds."""
    return len(machine.gpus(os.environ))
