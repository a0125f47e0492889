"""What a plan of many tasks costs: time, memory and bytes of document per sealed task, which may not grow with their number."""

import json
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).parents[2]))

from figures import Figure

from xpm import Config, Param, Task
from xpm.plan import context
from xpm.plan.sealing import Sealed

MOST_BYTES = 6000
GROWTH = 1.6
SHAPES = ("sharing parts", "parts of their own", "a chain")


class Part(Config):
    """A part of a task, with a part."""

    __xpmid__ = "bench.part"
    number: Param[int]
    ratio: Param[float]
    names: Param[list[str]]
    inner: Param["Part | None"] = None


class Work(Task):
    """A task."""

    __xpmid__ = "bench.work"
    seed: Param[int]
    label: Param[str]
    flag: Param[bool]
    part: Param[Part]
    before: Param["Work | None"] = None

    def execute(self) -> None:
        """Do nothing."""


class Counting:
    """An experiment that keeps what is submitted, like any other."""

    main = project = Path("/bench")

    def __init__(self) -> None:
        self.kept: list[tuple[Sealed, object]] = []

    def accept(self, sealed: Sealed, task: object, launcher: str | None) -> "Counting":
        """Keep it."""
        self.kept.append((sealed, task))
        return self


def measure(count: int) -> Sequence[Figure]:
    """Per task, with ten times fewer tasks beside it."""
    found: list[Figure] = []
    for shape in SHAPES:
        few, many = _measured(shape, count // 10), _measured(shape, count)
        beside = f"{count // 10:,} tasks"
        for name, unit in (("processor time", "us"), ("memory", "B"), ("document", "B")):
            ratio = many[name] / few[name]
            met = ratio <= GROWTH and (name == "processor time" or many[name] <= MOST_BYTES)
            target = f"<= {GROWTH}" + ("" if name == "processor time" else f", {MOST_BYTES} B")
            what = f"{count:,} tasks, {shape}: {name}"
            found.append(Figure(what, many[name], unit, beside, few[name], ratio, target, met))
    return found


def _measured(shape: str, count: int) -> dict[str, float]:
    done = subprocess.run(
        [sys.executable, __file__, shape, str(count)], capture_output=True, check=True, text=True
    )
    found: dict[str, float] = json.loads(done.stdout)
    return found


def _seal(shape: str, count: int) -> dict[str, float]:
    before, start = _resident(), time.process_time()
    experiment = Counting()
    context.push(experiment)  # type: ignore[arg-type]
    shared, last = _part(0), None
    for seed in range(count):
        part = _part(seed) if shape == SHAPES[1] else shared
        work = Work(seed=seed, label="l", flag=True, part=part, before=last)
        work.submit()
        last = work if shape == SHAPES[2] else None
    took, memory = time.process_time() - start, _resident() - before
    sample = experiment.kept[:: max(1, count // 100)]
    size = sum(len(json.dumps(sealed.document)) for sealed, _ in sample) / len(sample)
    return {"processor time": took / count * 1e6, "memory": memory / count, "document": size}


def _part(seed: int) -> Part:
    inner = Part(number=seed, ratio=0.5, names=["a", "b"])
    return Part(number=1, ratio=0.1, names=["c"], inner=inner)


def _resident() -> int:
    return int(Path("/proc/self/statm").read_text().split()[1]) * 4096


if __name__ == "__main__":
    print(json.dumps(_seal(sys.argv[1], int(sys.argv[2]))))
