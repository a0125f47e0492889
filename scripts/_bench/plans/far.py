"""A plan of many tasks that share parts, for a host that is out of reach: ``far.py MAIN COUNT``; tells what submitting cost."""

import json
import sys
import time
from pathlib import Path

from xpm import Config, Param, Task, experiment

SHARED = 100


class Part(Config):
    """A part of many tasks."""

    __xpmid__ = "bench.shared"
    number: Param[int]
    names: Param[list[str]]


class Far(Task):
    """A task that nobody runs."""

    __xpmid__ = "bench.far"
    seed: Param[int]
    part: Param[Part]

    def execute(self) -> None:
        """Do nothing."""


def resident() -> int:
    """Bytes of memory of this process."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * 4096


before = resident()
with experiment(sys.argv[1], "far"):
    start = time.perf_counter()
    parts = [Part(number=number, names=["a", "b"]) for number in range(SHARED)]
    for seed in range(int(sys.argv[2])):
        Far(seed=seed, part=parts[seed % SHARED]).submit()
    took = time.perf_counter() - start
    print(json.dumps({"seconds": took, "bytes": resident() - before}), flush=True)
