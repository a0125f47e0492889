"""The room of a plain host: what there is of cores, memory and GPUs, and what a job wants of it.

What the profile says (place.json's ``capacity``) goes before what the machine tells. Where it limits the number of jobs, a
job that does not say how many cores it needs counts as a job only; elsewhere as one core.
"""

import os
from typing import Any, Dict, Iterable, List, Mapping, Optional, Tuple

from xpm.agent import machine
from xpm.agent.machine import Gpu
from xpm.decide.admit import WHOLE, Want

GPUS = "GPUs"
CORES = "cores"
MEMORY = "MiB of memory"
HOST = "the whole host"


class Room(object):
    """What one host has."""

    def __init__(self, capacity: Mapping[str, Any], environ: Mapping[str, str]) -> None:
        self._said = capacity
        self._environ = environ
        self._gpus: Optional[List[Gpu]] = None
        self.jobs: Optional[int] = capacity.get("jobs")
        self.cores = int(capacity.get("cpus") or machine.cores())
        self.memory_mib: Optional[int] = capacity.get("mem_mib") or machine.memory_mib()

    def is_for(self, capacity: Mapping[str, Any]) -> bool:
        """Whether this is what the profile says."""
        return self._said == capacity

    @property
    def has_looked(self) -> bool:
        """Whether any job has wanted a GPU yet."""
        return self._gpus is not None

    @property
    def gpus(self) -> List[Gpu]:
        """Its GPUs. Looked for when the first job wants one: nvidia-smi takes seconds."""
        if self._gpus is None:
            self._gpus = _gpus(self._said.get("gpus"), machine.gpus(self._environ))
        return self._gpus

    def wants(self, request: Mapping[str, Any]) -> Tuple[Want, ...]:
        """What a job takes while it runs, scarcest first."""
        resources = request.get("resources") or {}
        found = []
        count = gpus_of(request)
        if count:
            found.append(Want(GPUS, count, len(self.gpus), GPUS))
        memory = int(resources.get("mem_mib") or 0)
        if memory and self.memory_mib is not None:
            found.append(Want(MEMORY, memory, self.memory_mib, MEMORY))
        cores = int(resources.get("cpus") or (0 if self.jobs else 1))
        if cores:
            found.append(Want(CORES, cores, self.cores, CORES))
        parts = WHOLE if resources.get("exclusive") else 1
        return (*found, Want(HOST, parts, WHOLE, HOST))

    def used(self, requests: Iterable[Mapping[str, Any]]) -> Dict[str, int]:
        """What these jobs take, all together."""
        found: Dict[str, int] = {}
        for request in requests:
            for want in self.wants(request):
                found[want.what] = found.get(want.what, 0) + want.count
        return found


def gpus_of(request: Mapping[str, Any]) -> int:
    """How many GPUs a job asks for."""
    return int((request.get("resources") or {}).get("gpus") or 0)


def _gpus(said: Any, there: List[Gpu]) -> List[Gpu]:
    """The GPUs that the profile names, or the first so many; without a word all there are."""
    if said is None:
        return there
    if isinstance(said, int):
        named = [str(number) for number in range(said)] if len(there) < said else []
        return [_known(each, there) for each in named] or there[:said]
    return [_known(str(each), there) for each in said]


def _known(wanted: str, there: List[Gpu]) -> Gpu:
    for each in there:
        if wanted in each:
            return each
    return Gpu(wanted, "%s-gpu-%s" % (os.uname().nodename, wanted))
