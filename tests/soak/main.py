"""``scripts/faults --cluster MINUTES``: random faults under hundreds of jobs on a real SLURM cluster, then every job done once.

Four people run plan after plan from one laptop, while drivers cut and freeze the link, kill what runs on laptop, login node
and compute nodes, restart, freeze and kill slurmctld, take accounting, nodes and quota away. Then all is healed, every
plan is run until it ends well, and the records of both sides are compared with the traces that each run left.
"""

import argparse
import json
import random
import shutil
import signal
import sys
import sysconfig
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.cluster import RunningCluster, run
from tests.main_job.laptop import Laptop, new_laptop
from tests.soak import checks, plans
from tests.soak.driver import start_all
from tests.soak.far import COMPUTE, Far
from tests.soak.faults import Scene, resume
from tests.soak.lanes import Lane, end_a_run
from tests.soak.toll import Toll

REPORT_S = 15.0
"""SLURM takes nobody's word that a batch job is gone which has started in the last 10 s (BatchStartTimeout)."""


@dataclass(frozen=True, slots=True)
class Plan:
    """How a soak is to go.

    Args:
        minutes: how long faults happen.
        plans: how many plans are run at least.
        seed: of all chance.
        longest_s: how long a task takes at most.
        scale: how long faults last, and pauses between them.
        patience_s: how long after the faults everything must be done.
        lanes: how many people run plans.
        lost_after_s: how long a job must be gone to be lost; more than the heartbeat's 30 s, unless few are cut off.
    """

    minutes: float
    plans: int
    seed: int
    longest_s: float = 25.0
    scale: float = 1.0
    patience_s: float = 900.0
    lanes: int = 4
    lost_after_s: float = 45.0


@dataclass(frozen=True, slots=True)
class Result:
    """What a soak came to."""

    jobs: int
    runs: int
    faults: "Counter[str]"
    codes: "Counter[int]"
    broken: Sequence[str]
    odd: Sequence[str]
    story: Sequence[str]
    seconds: float
    healing_s: float


def soak(cluster: RunningCluster, laptop: Laptop, wish: Plan) -> Result:
    """Disturb, heal, check."""
    begun = time.monotonic()
    laptop.write_profile(plans.PROFILE)
    own = f"$HOME/{laptop.name}/.xpm"
    pauses = {"squeue_every_s": wish.lost_after_s / 9, "lost_after_s": wish.lost_after_s}
    text = json.dumps({**pauses, "message_timeout_s": 3, "keeper_apart_s": 10})
    laptop.there(f"mkdir -p {own} && echo '{text}' > {own}/site.json")
    far, toll, over = Far(cluster, laptop.name), Toll(), threading.Event()
    ends_at = begun + 60 * wish.minutes + wish.patience_s
    each = -(-wish.plans // wish.lanes)
    lanes = [
        Lane(laptop, number, wish.seed, wish.longest_s, each, over, lambda: ends_at)
        for number in range(wish.lanes)
    ]

    def kill_a_run(chance: random.Random) -> bool:
        return end_a_run(laptop, chance)

    scene = Scene(cluster, far, toll, over, kill_a_run, wish.scale)
    try:
        for lane in lanes:
            lane.start()
        drivers = start_all(scene, wish.seed)
        time.sleep(60 * wish.minutes)
        over.set()
        for driver in drivers:
            driver.join(180)
        heal(cluster)
        healed = time.monotonic()
        for lane in lanes:
            while lane.is_alive():
                lane.join(REPORT_S)
                reregister(cluster)
    except BaseException:
        ends_at = 0.0  # lanes end what they run, and begin nothing more
        over.set()
        for lane in lanes:
            if lane.is_alive():
                lane.join(30)
        raise
    names = [name for lane in lanes for name in lane.plans]
    broken = [words for lane in lanes for words in lane.wrong]
    broken += checks.wrong(laptop, far, names, toll)
    jobs = far.jobs()
    return Result(
        jobs=len(jobs),
        runs=sum(len(job.claims) for job in jobs),
        faults=toll.sorts,
        codes=Counter(code for lane in lanes for code in lane.codes),
        broken=broken,
        odd=toll.odd,
        story=toll.story,
        seconds=time.monotonic() - begun,
        healing_s=time.monotonic() - healed,
    )


def heal(cluster: RunningCluster) -> None:
    """Put everything right that faults have left behind, whatever that is."""
    for node in COMPUTE:
        run(cluster.argv("node-heal", node), 90)  # it waits in vain where slurmctld is frozen
    for verb in ("thaw", "start"):
        run(cluster.argv("slurmctld", verb), 90)
    resume(cluster)
    cluster.do("slurmdbd", "start")
    if not cluster.status()["accounting"]:
        cluster.do("accounting", "on")
    cluster.repair()


def reregister(cluster: RunningCluster) -> None:
    """Have the nodes say what runs there: a slurmctld that was killed believes for minutes in jobs that have ended."""
    for node in COMPUTE:
        cluster.do("node-heal", node)


def report(result: Result, wish: Plan) -> int:
    """Print it; the exit code."""
    for words in result.broken:
        print("VIOLATION", words)
    for words in result.odd:
        print("note", words)
    for name, count in sorted(result.faults.items()):
        print(f"{name:14} {count:6}")
    codes = ", ".join(f"{count} x {code}" for code, count in sorted(result.codes.items()))
    print(f"seed {wish.seed}; xpm run ended: {codes}")
    print(
        f"{sum(result.faults.values())} faults, {result.jobs} jobs in {result.runs} runs, "
        f"{len(result.broken)} violations, {result.seconds:.0f} s, of which {result.healing_s:.0f} s after the last fault"
    )
    return 1 if result.broken else 0


def main() -> int:
    """As the command line says; 1 when a promise was broken."""
    parser = argparse.ArgumentParser(prog="scripts/faults --cluster", description=__doc__)
    parser.add_argument("minutes", type=float, help="how long faults happen")
    parser.add_argument(
        "--plans", type=int, default=12, help="of 30 jobs each, at least (default: 12)"
    )
    parser.add_argument("--seed", type=int, default=random.randrange(10**6))
    parser.add_argument("--root", default="/run/xpm-soak", help="where the cluster is made")
    parser.add_argument("--keep", action="store_true", help="leave cluster and laptop as they are")
    said = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda signum, frame: sys.exit(128 + signum))
    cluster = RunningCluster(Path(said.root))
    cluster.do("up", "--set", "MinJobAge=20", "--with-packages", sysconfig.get_path("purelib"))
    laptop = new_laptop(cluster)
    wish = Plan(said.minutes, said.plans, said.seed)
    print(f"seed {said.seed}, laptop {laptop.home}, cluster {cluster.root}", flush=True)
    result = soak(cluster, laptop, wish)
    (Path(tempfile.gettempdir()) / f"{laptop.name}.story").write_text("\n".join(result.story))
    code = report(result, wish)
    if not said.keep and not code:
        cluster.do("down")
        shutil.rmtree(laptop.home)
    return code


if __name__ == "__main__":
    sys.exit(main())
