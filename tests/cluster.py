"""The SLURM cluster of scripts/testcluster, as tests see it.

`cluster` is up for the whole session (one that was up before is used, and left alone at the end).
`healthy_cluster` is the same one, for tests that disturb it: links and daemons are put right after.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import sysconfig
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

PROGRAM = Path(__file__).parents[1] / "scripts" / "testcluster"
DEFAULT_ROOT = Path("/run/xpm-testcluster")

Done = subprocess.CompletedProcess[str]


@dataclass(frozen=True, slots=True)
class RunningCluster:
    """A cluster that is up, and what tests do with it."""

    root: Path

    def argv(self, *words: str) -> list[str]:
        """Return the argument list of a `testcluster` command, for Popen."""
        return [sys.executable, str(PROGRAM), "--root", str(self.root), *words]

    def do(self, *words: str, timeout_s: float = 180) -> str:
        """Run a `testcluster` command that must succeed: `do("cut", "--host", "login1")`."""
        done = run(self.argv(*words), timeout_s)
        assert done.returncode == 0, done.stderr
        return done.stdout

    def status(self) -> dict[str, Any]:
        """Return what `testcluster status` tells: addresses, paths, pids, Pythons."""
        facts: dict[str, Any] = json.loads(self.do("status", "--json"))
        return facts

    def on(self, node: str, *words: str, user: str = "alice") -> str:
        """Run a command in a node (login1, ctl, c1, c2, tower) without ssh; it must succeed."""
        return self.do("exec", "--node", node, "--user", user, "--", *words)

    def ssh(self, host: str, script: str, *options: str, timeout_s: float = 180) -> Done:
        """Run a shell script through ssh, as this process's user (root): testcluster or tower."""
        config = ["-F", str(self.root / "ssh_config")]
        return run(["ssh", *config, *options, host, script], timeout_s)

    def laptop_argv(self, home: Path, *words: str) -> list[str]:
        """Return the argument list that runs a command as the laptop's user, for Popen."""
        return self.argv("laptop", "--home", str(home), "--", *words)

    def laptop(self, home: Path, *words: str, timeout_s: float = 180) -> Done:
        """Run a command as the laptop's user; `ssh testcluster` works for it."""
        return run(self.laptop_argv(home, *words), timeout_s)

    def repair(self) -> None:
        """Undo what tests do: links open and fast, nodes on, slurmctld answering, no limits."""
        self.do("heal")
        self.do("latency", "0")
        facts = self.status()
        if facts["accounting"]:
            self.do("limit", "MaxSubmitJobs=-1")
        for node in [name for name, found in facts["nodes"].items() if found is None]:
            self.do("node-on", node)
        if facts["services"]["slurmctld"]:
            self.do("slurmctld", "thaw")
        else:
            self.do("slurmctld", "start")


def run(argv: Sequence[str], timeout_s: float) -> Done:
    """Run a command without a terminal, and without raising on failure."""
    return subprocess.run(
        argv,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=timeout_s,
        check=False,
    )


def require_cluster_support() -> None:
    """Skip the test, or fail it under CI, where no cluster can be started."""
    done = run([sys.executable, str(PROGRAM), "check"], 60)
    if done.returncode == 0:
        return
    if os.environ.get("CI") == "true":
        pytest.fail(f"no test cluster here: {done.stderr.strip()}", pytrace=False)
    pytest.skip(f"no test cluster here: {done.stderr.strip()}")


@pytest.fixture(scope="session")
def cluster() -> Iterator[RunningCluster]:
    """Give a SLURM cluster and a plain host, up for the whole session."""
    require_cluster_support()
    root = Path(os.environ.get("XPM_TESTCLUSTER_ROOT") or DEFAULT_ROOT)
    worker = os.environ.get("PYTEST_XDIST_WORKER", "")
    if worker:  # tests that run side by side disturb only their own
        root = root.with_name(f"{root.name}-{worker}")
    found = RunningCluster(root)
    was_up = run(found.argv("status", "--json"), 60).returncode == 0
    if not was_up:
        found.do("up", "--with-packages", sysconfig.get_path("purelib"))
    try:
        yield found
    finally:
        if not was_up:
            found.do("down")


@pytest.fixture
def healthy_cluster(cluster: RunningCluster) -> Iterator[RunningCluster]:
    """Give the session's cluster to a test that disturbs it."""
    try:
        yield cluster
    finally:
        cluster.repair()
