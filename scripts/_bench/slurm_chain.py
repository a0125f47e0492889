"""A chain of two trivial SLURM jobs, against the same two by hand with ``sbatch --dependency``.

Both are timed from this machine, connecting included: by hand, one ``ssh`` that submits both and waits
for the mark that the second one makes; ours, ``xpm run`` of a plan of two tasks. On the test cluster
that is up, or on one made for the occasion.
"""

import subprocess
import sys
import tempfile
import uuid
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from far_side import cluster, environ, write_profile
from figures import Figure, Missing, best_of

PLAN = Path(__file__).parent / "plans" / "chain.py"
LIMIT = 3.0
NAME = "chain of 2 SLURM jobs"
BY_HAND = """
mark=$HOME/bench.{token}
one=$(sbatch --parsable --output=/dev/null --partition=cpu --wrap true)
sbatch --parsable --output=/dev/null --partition=cpu --dependency=afterok:$one --wrap "touch $mark" > /dev/null
until [ -e "$mark" ]; do sleep 0.05; done
rm "$mark"
"""


def measure(times: int) -> Sequence[Figure | Missing]:
    """Seconds of the chain, warm: the far side has our archive already."""
    with cluster() as facts:
        if isinstance(facts, str):
            return [Missing(NAME, facts)]
        by_hand = best_of(times, lambda: _by_hand(facts))
        with tempfile.TemporaryDirectory(prefix="xpm-bench.") as folder:
            home = Path(folder)
            write_profile(home, facts)
            numbers = iter(range(times + 1))
            _ours(home, next(numbers))
            ours = best_of(times, lambda: _ours(home, next(numbers)))
    ratio = ours / by_hand
    against = "ssh + sbatch --dependency"
    return [Figure(NAME, ours, "s", against, by_hand, ratio, f"< {LIMIT:.0f}", ratio < LIMIT)]


def _by_hand(facts: dict[str, Any]) -> None:
    script = BY_HAND.format(token=uuid.uuid4().hex)
    command = ["ssh", "-F", str(facts["ssh_config"]), "testcluster", script]
    subprocess.run(command, check=True, capture_output=True, stdin=subprocess.DEVNULL)


def _ours(home: Path, number: int) -> None:
    command = [sys.executable, "-m", "xpm", "run", str(PLAN), "--launcher", "cpu"]
    command += ["--", str(home / "main"), str(number)]
    subprocess.run(command, env=environ(home), check=True, capture_output=True)
