"""A chain of two trivial SLURM jobs, against the same two by hand with ``sbatch --dependency``.

Both are timed from this machine, connecting included: by hand, one ``ssh`` that submits both and waits
for the mark that the second one makes; ours, ``xpm run`` of a plan of two tasks. On the test cluster
that is up, or on one made for the occasion.
"""

import json
import os
import subprocess
import sys
import tempfile
import uuid
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

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
    with _cluster() as facts:
        if isinstance(facts, str):
            return [Missing(NAME, facts)]
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


@contextmanager
def _cluster() -> Generator[dict[str, Any] | str]:
    """What ``status --json`` says of the cluster that is up, or of one made for the occasion; else why not."""
    found = _status([])
    if found is not None:
        yield found
        return
    if os.geteuid() != 0:
        yield "no test cluster is up, and only root can start one"
        return
    root = ["--root", f"/run/xpm-bench.{os.getpid()}"]
    try:
        started = _testcluster([*root, "up"])
        yield _status(root) or f"the test cluster does not start: {started.stderr.strip()}"
    finally:
        _testcluster([*root, "down"])


def _status(root: Sequence[str]) -> dict[str, Any] | None:
    done = _testcluster([*root, "status", "--json"])
    if done.returncode:
        return None
    facts: dict[str, Any] = json.loads(done.stdout)
    return facts if facts["up"] else None


def _testcluster(arguments: Sequence[str]) -> "subprocess.CompletedProcess[str]":
    command = [sys.executable, str(CHECKOUT / "scripts" / "testcluster"), *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def _by_hand(facts: dict[str, Any]) -> None:
    script = BY_HAND.format(token=uuid.uuid4().hex)
    command = ["ssh", "-F", str(facts["ssh_config"]), "testcluster", script]
    subprocess.run(command, check=True, capture_output=True, stdin=subprocess.DEVNULL)


def _write_profile(home: Path, facts: dict[str, Any]) -> None:
    python = facts["python"]
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
