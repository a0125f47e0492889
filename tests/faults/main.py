"""``scripts/faults``: breaks links, processes, disks and views everywhere, and counts broken promises.

By default a sample of each sort, evenly apart, which two quiet cores try in less than eight minutes.
"""

import argparse
import functools
import json
import multiprocessing
import os
import random
import shlex
import shutil
import signal
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Protocol

from tests.connectors.sshd import SSHD, Sshd
from tests.faults import plans
from tests.faults.advancers import Advances, Overtakings, ShortSights
from tests.faults.links import Links
from tests.faults.pipes import Pipes, Sshs
from tests.faults.plans import OldViews, Plans
from xpm.errors import XpmError

SAMPLES = {
    "link": 100, "pipe": 150, "ssh": 16,
    "killed here": 20, "killed far": 32, "torn here": 16, "torn far": 20, "errors here": 20, "errors far": 32,
    "outages here": 8, "outages far": 12, "old view far": 12,
    "advance": 600, "overtaken": 600, "old view slurm": 80,
}  # fmt: skip
"""How many faults of each sort are tried by default: as much as two cores do in some minutes."""

MOST_S = 300
"""What has not healed in this time does not heal."""


class Family(Protocol):
    """Faults of one sort."""

    @property
    def name(self) -> str:
        """What they are."""
        ...

    def points(self) -> Sequence[Any]:
        """Everywhere it can happen."""
        ...

    def fault(self, text: str) -> Any:
        """The fault that shows itself so."""
        ...

    def violations(self, fault: Any, folder: Path) -> list[str]:
        """Try one; what was promised and is not so."""
        ...


@dataclass(frozen=True, slots=True)
class Tried:
    """A fault, and the promises it broke."""

    family: str
    fault: str
    broken: Sequence[str]


class Bench:
    """All sorts of faults, and the processes that try them.

    Args:
        folder: where everything happens.
        workers: how many faults are tried at once.
    """

    def __init__(self, folder: Path, workers: int) -> None:
        self.folder = folder
        self._workers = workers
        self._sshd: Sshd | None = None
        families: list[Family] = [
            Links(folder), Pipes(folder), Sshs(folder, self._get_sshd),
            *(Plans(folder, place, "killed", plans.KILLS) for place in ("here", "far")),
            *(Plans(folder, place, "torn", plans.TEARS) for place in ("here", "far")),
            *(Plans(folder, place, "errors", plans.ERRORS) for place in ("here", "far")),
            *(Plans(folder, place, "outages", plans.OUTAGES) for place in ("here", "far")),
            OldViews(folder), Advances(folder), Overtakings(folder), ShortSights(folder),
        ]  # fmt: skip
        self.families = {each.name: each for each in families}

    def named(self, only: str) -> Sequence[str]:
        """The sorts whose name has this; without an sshd, not those that need one."""
        return [
            name for name in self.families if only in name and (name != "ssh" or SSHD is not None)
        ]

    def points(self, names: Sequence[str]) -> dict[str, Sequence[Any]]:
        """Everywhere something of these sorts can happen."""
        with self.pool(names) as pool:
            return dict(zip(names, pool.map(_points, names), strict=True))

    def pool(self, names: Sequence[str]) -> ProcessPoolExecutor:
        """Forks of this process, so that each has one thread when it forks itself."""
        if "ssh" in names:
            self._get_sshd()
        fork = multiprocessing.get_context("fork")
        return ProcessPoolExecutor(self._workers, fork, initializer=_work_for, initargs=(self,))

    def close(self) -> None:
        """End what was started."""
        if self._sshd is not None:
            self._sshd.stop()

    def _get_sshd(self) -> Sshd:
        if self._sshd is None:
            self._sshd = Sshd(self.folder / "sshd", options=["MaxStartups 100"])
        return self._sshd


def trial(bench: Bench, name: str, fault: Any) -> Tried:
    """Try one fault in a folder of its own, which goes when nothing is wrong."""
    home = Path(tempfile.mkdtemp(dir=bench.folder))
    signal.signal(signal.SIGALRM, _late)
    signal.alarm(MOST_S)
    try:
        broken = bench.families[name].violations(fault, home / "h")
    except (AssertionError, OSError, ValueError, KeyError, XpmError) as error:
        broken = [f"{type(error).__name__}: {error}"]
    finally:
        signal.alarm(0)
    if not broken:
        shutil.rmtree(home, ignore_errors=True)
    return Tried(name, str(fault), [f"{each} ({home})" for each in broken])


def _late(_signum: int, _frame: object) -> None:
    raise TimeoutError(f"it does not end within {MOST_S} s")


def spread(points: Sequence[Any], count: int) -> Sequence[Any]:
    """So many of them, as many of each role, evenly apart; all when there are no more."""
    if len(points) <= count:
        return points
    roles: dict[str, list[Any]] = {}
    for each in points:
        roles.setdefault(getattr(each, "role", ""), []).append(each)
    found: list[Any] = []
    for left, those in enumerate(sorted(roles.values(), key=len), -len(roles)):
        share = min(len(those), (count - len(found)) // -left)
        found += [those[n * len(those) // share] for n in range(share)]
    return found


def trials(bench: Bench, count: Callable[[str], int], only: str) -> Iterator[Tried]:
    """Try so many faults of each sort."""
    names = bench.named(only)
    points = bench.points(names)
    with bench.pool(names) as pool:
        chosen = [(name, each) for name in names for each in spread(points[name], count(name))]
        random.Random(0).shuffle(chosen)  # some sorts wait, some work: together they do both
        for task in [pool.submit(_trial, *each) for each in chosen]:
            yield task.result()


def soak(bench: Bench, minutes: float, seed: int, only: str, workers: int) -> Iterator[Tried]:
    """Try faults at random until the time is over."""
    chance = random.Random(seed)
    names = bench.named(only)
    points = bench.points(names)
    ends_at = time.monotonic() + 60 * minutes
    with bench.pool(names) as pool:
        running: list[Future[Tried]] = []
        while running or time.monotonic() < ends_at:
            while len(running) < 2 * workers and time.monotonic() < ends_at:
                name = chance.choice(names)
                running.append(pool.submit(_trial, name, chance.choice(points[name])))
            yield running.pop(0).result()


def replay(bench: Bench, text: str) -> Iterator[Tried]:
    """Try this fault once more, as a violation names it."""
    name, _, fault = text.partition("/")
    yield trial(bench, name, bench.families[name].fault(fault))


def main(arguments: Sequence[str] | None = None) -> int:
    """As the command line says; 1 when a promise was broken."""
    said = _parser().parse_args(arguments)
    folder = Path(tempfile.mkdtemp(prefix="xpm-faults-"))
    bench = Bench(folder, said.workers)
    seed = random.SystemRandom().randrange(10**6) if said.seed is None else said.seed
    try:
        if said.replay:
            results = replay(bench, said.replay)
        elif said.soak is not None:
            print(f"seed {seed}", file=sys.stderr)
            results = soak(bench, said.soak, seed, said.only, said.workers)
        else:
            results = trials(bench, functools.partial(_count, said), said.only)
        report = Report(said.json)
        for each in results:
            report.add(each)
        return report.end(seed if said.soak is not None else None)
    finally:
        bench.close()
        if not any(folder.glob("*/h")):
            shutil.rmtree(folder, ignore_errors=True)


class Report:
    """Says what was tried, and every broken promise at once.

    Args:
        as_json: at the end, as one JSON object.
    """

    def __init__(self, as_json: bool) -> None:
        self._as_json = as_json
        self._tried: dict[str, int] = {}
        self._broken: list[Tried] = []
        self._begun = time.monotonic()

    def add(self, each: Tried) -> None:
        """One fault was tried."""
        self._tried[each.family] = self._tried.get(each.family, 0) + 1
        if each.broken:
            self._broken.append(each)
            if not self._as_json:
                command = shlex.join(["scripts/faults", "--replay", f"{each.family}/{each.fault}"])
                print(command, *each.broken, sep="\n    ", flush=True)

    def end(self, seed: int | None) -> int:
        """Say the counts; the exit code."""
        total, seconds = sum(self._tried.values()), round(time.monotonic() - self._begun)
        if self._as_json:
            content = {
                "tried": self._tried, "faults": total, "violations": [asdict(each) for each in self._broken],
                "seconds": seconds, "seed": seed,
            }  # fmt: skip
            print(json.dumps(content))
        else:
            for name in sorted(self._tried, key=list(SAMPLES).index):
                print(f"{name:16} {self._tried[name]:6} faults")
            print(f"{'all':16} {total:6} faults, {len(self._broken)} violations, {seconds} s")
        return 1 if self._broken else 0


def _count(said: argparse.Namespace, name: str) -> int:
    if said.all:
        return sys.maxsize
    return int(said.points or SAMPLES[name])


_bench: list[Bench] = []
"""In a worker: whose it is. A fork has it all; it could not be sent."""


def _work_for(bench: Bench) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    _bench[:] = [bench]


def _points(name: str) -> Sequence[Any]:
    return _bench[0].families[name].points()


def _trial(name: str, fault: Any) -> Tried:
    return trial(_bench[0], name, fault)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="scripts/faults",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    names = ", ".join(SAMPLES)
    add = parser.add_argument
    add("--points", type=int, help="so many faults of each sort")
    add("--all", action="store_true", help="faults at every point (hours)")
    add("--soak", type=float, metavar="MINUTES", help="faults at random, so long")
    add("--seed", type=int, help="of the soak (default: a new one, which it prints)")
    add("--replay", metavar="SORT/FAULT", help="one fault once more, as a violation names it")
    add("--only", default="", help=f"sorts whose name has this: {names}")
    add("--json", action="store_true", help="what was tried, as one JSON object")
    add("--workers", type=int, default=3 * (os.cpu_count() or 1), help="faults tried at once")
    return parser


if __name__ == "__main__":
    sys.exit(main())
