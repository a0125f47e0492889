"""``scripts/faults``: tries faults at every point, or at points of each sort evenly apart, and counts broken promises."""

import argparse
import os
import random
import shutil
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from tests.faults.links import Links
from tests.faults.plans import ERRORS, Plans


class Family(Protocol):
    """Faults of one sort."""

    @property
    def name(self) -> str:
        """What they are."""
        ...

    def points(self) -> Sequence[Any]:
        """Everywhere it can happen."""
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


def families(folder: Path) -> Sequence[Family]:
    """All sorts of faults."""
    return [
        Links(folder),
        Plans(folder, "here", ["KILL"]),
        Plans(folder, "far", ["KILL"]),
        Plans(folder, "here", ERRORS),
        Plans(folder, "far", ERRORS),
    ]


def spread(points: Sequence[Any], count: int) -> Sequence[Any]:
    """So many of them, evenly apart; all when there are no more."""
    if len(points) <= count:
        return points
    return [points[n * len(points) // count] for n in range(count)]


def trial(family: Family, fault: Any, folder: Path) -> Tried:
    """Try one fault in a folder of its own, which goes when nothing is wrong."""
    home = Path(tempfile.mkdtemp(dir=folder))
    try:
        broken = family.violations(fault, home / "h")
    except (AssertionError, OSError, ValueError, KeyError) as error:
        broken = [f"{type(error).__name__}: {error}"]
    if not broken:
        shutil.rmtree(home, ignore_errors=True)
    return Tried(family.name, str(fault), [f"{each} ({home})" for each in broken])


def trials(folder: Path, count: int, only: str, workers: int) -> Iterator[Tried]:
    """Try so many faults of each sort."""
    with ThreadPoolExecutor(workers) as pool:
        for family in families(folder):
            if only in family.name:
                chosen = spread(family.points(), count)
                yield from pool.map(lambda fault, f=family: trial(f, fault, folder), chosen)


def soak(folder: Path, minutes: float, seed: int, only: str, workers: int) -> Iterator[Tried]:
    """Try faults at random until the time is over."""
    chance = random.Random(seed)
    known = [(each, each.points()) for each in families(folder) if only in each.name]
    ends_at = time.monotonic() + 60 * minutes
    with ThreadPoolExecutor(workers) as pool:
        while time.monotonic() < ends_at:
            chosen = [(f, chance.choice(p)) for f, p in chance.choices(known, k=4 * workers)]
            yield from pool.map(lambda each: trial(each[0], each[1], folder), chosen)


def main() -> int:
    """As the command line says; 1 when a promise was broken."""
    parser = argparse.ArgumentParser(prog="scripts/faults", description=__doc__)
    parser.add_argument(
        "--points", type=int, default=100, help="faults of each sort (default: 100)"
    )
    parser.add_argument("--all", action="store_true", help="faults at every point")
    parser.add_argument("--soak", type=float, metavar="MINUTES", help="faults at random, so long")
    parser.add_argument("--seed", type=int, default=0, help="of the soak")
    parser.add_argument(
        "--only", default="", help="sorts whose name has this: link, killed, errors"
    )
    parser.add_argument("--workers", type=int, default=2 * (os.cpu_count() or 1))
    said = parser.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="xpm-faults-"))
    count = sys.maxsize if said.all else said.points
    if said.soak is None:
        results = trials(folder, count, said.only, said.workers)
    else:
        results = soak(folder, said.soak, said.seed, said.only, said.workers)
    return report(results)


def report(results: Iterator[Tried]) -> int:
    """Print what was tried, and every broken promise at once; the exit code."""
    begun, tried, broken = time.monotonic(), dict[str, int](), 0
    for each in results:
        tried[each.family] = tried.get(each.family, 0) + 1
        if each.broken:
            broken += 1
            print(f"{each.family}: {each.fault}", *each.broken, sep="\n    ", flush=True)
    for name, count in tried.items():
        print(f"{name:14} {count:6} faults")
    total = sum(tried.values())
    print(f"{'all':14} {total:6} faults, {broken} violations, {time.monotonic() - begun:.0f} s")
    return 1 if broken else 0


if __name__ == "__main__":
    sys.exit(main())
