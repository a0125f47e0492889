"""The test cluster, for measurements: the one that is up, or one made for the occasion; and a user's side of it."""

import json
import os
import subprocess
import sys
import sysconfig
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

CHECKOUT = Path(__file__).parents[2]
ROOT = os.environ.get("XPM_TESTCLUSTER_ROOT")


@contextmanager
def cluster() -> Generator[dict[str, Any] | str]:
    """What ``status --json`` says of the cluster that is up, or of one made for the occasion; else why not."""
    given = ["--root", ROOT] if ROOT else []
    found = _status(given)
    if found is not None:
        yield found
        return
    if os.geteuid() != 0:
        yield "no test cluster is up, and only root can start one"
        return
    root = ["--root", f"/run/xpm-bench.{os.getpid()}"]
    try:
        peers = sysconfig.get_path("purelib")  # what is measured beside us runs there too
        started = testcluster([*root, "up", "--with-packages", peers])
        yield _status(root) or f"the test cluster does not start: {started.stderr.strip()}"
    finally:
        testcluster([*root, "down"])


def _status(root: Sequence[str]) -> dict[str, Any] | None:
    done = testcluster([*root, "status", "--json"])
    if done.returncode:
        return None
    facts: dict[str, Any] = json.loads(done.stdout)
    return {**facts, "root": root} if facts["up"] else None


def testcluster(arguments: Sequence[str]) -> "subprocess.CompletedProcess[str]":
    """Run ``scripts/testcluster``; whether it succeeds is the caller's to see."""
    command = [sys.executable, str(CHECKOUT / "scripts" / "testcluster"), *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def write_profile(home: Path, facts: dict[str, Any]) -> None:
    """Put a launchers.yaml that reaches the cluster below a home of the measurement's own."""
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


def environ(home: Path) -> dict[str, str]:
    """What ``xpm`` runs with on this side."""
    return {
        **os.environ,
        "XDG_STATE_HOME": str(home / "state"),
        "XPM_CONFIG_DIR": str(home / "config"),
        "PYTHONPATH": str(CHECKOUT),
    }
