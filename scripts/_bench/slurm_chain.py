"""A chain of two trivial SLURM jobs, against the same two by hand with ``sbatch --dependency``.

Both are timed from this machine: by hand, one ``ssh`` that submits both and waits for the mark the second one
makes; ours, ``xpm run`` of a plan of two tasks. On the test cluster, which must be up (``scripts/testcluster up``),
or on the one whose ``status --json`` is given.
"""

import json
import os
import subprocess
import sys
import tempfile
import uuid
from collections.abc import Mapping, Sequence
from pathlib import Path

from figures import Figure, Missing, best_of

CHECKOUT = Path(__file__).parents[2]
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
    facts = _cluster()
    if facts is None:
        return [Missing(NAME, "no test cluster is up: as root, `scripts/testcluster up`")]
    by_hand = best_of(times, lambda: _by_hand(facts))
    with tempfile.TemporaryDirectory(prefix="xpm-bench.") as folder:
        home = Path(folder)
        _write_profile(home, facts)
        numbers = iter(range(times + 1))
        _ours(home, next(numbers))
        ours = best_of(times, lambda: _ours(home, next(numbers)))
    ratio = ours / by_hand
    against = "ssh + sbatch --dependency"
    return [Figure(NAME, ours, "s", against, by_hand, ratio, f"< {LIMIT:.0f}", ratio < LIMIT)]


def _cluster() -> Mapping[str, object] | None:
    command = [sys.executable, str(CHECKOUT / "scripts" / "testcluster"), "status", "--json"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        return None
    facts = json.loads(done.stdout)
    return facts if isinstance(facts, dict) and facts.get("up") else None


def _by_hand(facts: Mapping[str, object]) -> None:
    script = BY_HAND.format(token=uuid.uuid4().hex)
    command = ["ssh", "-F", str(facts["ssh_config"]), "testcluster", script]
    subprocess.run(command, check=True, capture_output=True, stdin=subprocess.DEVNULL)


def _write_profile(home: Path, facts: Mapping[str, object]) -> None:
    python = facts["python"]
    assert isinstance(python, dict)
    far = python["available"][python["laptop"]]
    profile = {
        "version": 1,
        "connectors": {
            "cluster": {
                "kind": "slurm",
                "ssh": {"host": "testcluster", "config": str(facts["ssh_config"])},
                "workspace": f"$HOME/bench-{home.name}",
                "python": far,
            }
        },
        "launchers": {"cpu": {"connector": "cluster", "partition": "cpu", "time": "10m"}},
    }
    (home / "config").mkdir()
    (home / "config" / "launchers.yaml").write_text(json.dumps(profile))


def _ours(home: Path, number: int) -> None:
    variables = {
        **os.environ,
        "XDG_STATE_HOME": str(home / "state"),
        "XPM_CONFIG_DIR": str(home / "config"),
        "PYTHONPATH": str(CHECKOUT),
    }
    command = [sys.executable, "-m", "xpm", "run", str(PLAN), "--launcher", "cpu"]
    command += ["--", str(home / "main"), str(number)]
    subprocess.run(command, env=variables, check=True, capture_output=True)
