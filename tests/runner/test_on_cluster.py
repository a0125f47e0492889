"""Real batch jobs: what Slurm's signals, requeues and limits leave in the ledger."""

import io
import json
import subprocess
import tarfile
import uuid
from pathlib import Path
from typing import Any

import pytest

from tests.cluster import RunningCluster, cluster
from tests.runner.workshop import TASK, Workshop, eventually, job_id

pytestmark = pytest.mark.cluster
__all__ = ["cluster"]
PYTHON = "/opt/python/3.9/bin/python3"
WAIT = "print('started', flush=True); time.sleep(600)"


class Site:
    """A workspace on the cluster, with one hand-written submission per job."""

    def __init__(self, there: RunningCluster, tmp_path: Path) -> None:
        self._there = there
        self._here = Workshop(tmp_path / "ws", kind="slurm")
        self.root = f"/home/alice/{uuid.uuid4().hex[:8]}"

    def sbatch(self, name: str, code: str, *options: str) -> str:
        """Submit a job; its batch id."""
        submission = self._here.submit(self._here.entry(job_id(name), code))
        self._send()
        travel = self._here.travel.replace(self._here.layout.root, self.root)
        run = f"exec {PYTHON} {travel} run {self.root} {submission}"
        output = f"--output={self.root}/.xpm/submissions/{submission}/log"
        script = f"#!/bin/sh\n{run}\n"
        argv = ["sbatch", "--parsable", "--open-mode=append", "--requeue", output, *options]
        return self._exec(argv, script.encode()).strip()

    def ledger(self, name: str) -> list[dict[str, Any]]:
        """The ledger of a job's first attempt."""
        found = self.sh(f"cat {self.folder(name)}/.xpm/a1.* 2>/dev/null || true")
        entries: list[dict[str, Any]] = [json.loads(line) for line in found.splitlines()]
        return sorted(entries, key=lambda each: each["slot"])

    def outcome(self, name: str, timeout_s: float = 240) -> dict[str, Any]:
        """The final entry of a job, once there is one."""
        found: dict[str, Any] = eventually(
            lambda: next((each for each in self.ledger(name) if each["kind"] != "claim"), None),
            timeout_s,
        )
        return found

    def started(self, name: str, times: int = 1) -> None:
        """Wait until a job's task has started so many times."""
        path = f"{self.folder(name)}/stdout"
        eventually(
            lambda: self.sh(f"cat {path} 2>/dev/null || true").count("started") >= times, 150
        )

    def folder(self, name: str) -> str:
        return f"{self.root}/jobs/{TASK}/{job_id(name)}"

    def sh(self, script: str) -> str:
        """Run a script on the login node."""
        return self._exec(["sh", "-c", script])

    def _send(self) -> None:
        out = io.BytesIO()
        with tarfile.open(fileobj=out, mode="w") as tar:
            tar.add(self._here.layout.root, ".")
        self._exec(["sh", "-c", f"mkdir -p {self.root} && tar -x -C {self.root}"], out.getvalue())

    def _exec(self, argv: list[str], given: bytes = b"") -> str:
        command = self._there.argv("exec", "--node", "login1", "--user", "alice", "--", *argv)
        done = subprocess.run(command, input=given, capture_output=True, check=False, timeout=60)
        assert done.returncode == 0, done.stderr
        return done.stdout.decode()


@pytest.fixture
def site(cluster: RunningCluster, tmp_path: Path) -> Site:
    return Site(cluster, tmp_path)


def test_a_batch_job_runs_its_task_and_says_where(site: Site) -> None:
    batch_id = site.sbatch("a", "print(os.environ['XPM_BATCH_ID'])")

    assert site.outcome("a")["state"] == "done"
    assert batch_id == site.ledger("a")[0]["batch_id"]
    assert f"{batch_id}\n" == site.sh(f"cat {site.folder('a')}/stdout")


def test_a_job_that_somebody_cancels_in_slurm_is_cancelled(site: Site) -> None:
    batch_id = site.sbatch("a", WAIT)
    site.started("a")

    site.sh(f"scancel {batch_id}")

    outcome = site.outcome("a")
    assert (outcome["state"], outcome["cause"]) == ("cancelled", "cancelled")


def test_a_requeued_job_runs_again_as_the_next_generation(site: Site) -> None:
    batch_id = site.sbatch("a", WAIT.replace("600", "5"))
    site.started("a")

    site.sh(f"scontrol requeue {batch_id}")

    outcome = site.outcome("a")
    assert (outcome["state"], outcome["generation"]) == ("done", 2)
    claims = [each for each in site.ledger("a") if each["kind"] == "claim"]
    assert [(batch_id, 0), (batch_id, 1)] == [
        (each["batch_id"], each["restart"]) for each in claims
    ]


def test_a_warning_before_the_end_reaches_the_task(site: Site) -> None:
    code = (
        "signal.signal(signal.SIGUSR1, lambda *_: sys.exit(7)); print('started', flush=True);"
        "time.sleep(600)"
    )
    batch_id = site.sbatch("a", code)
    site.started("a")

    site.sh(f"scancel --batch --signal=USR1 {batch_id}")

    outcome = site.outcome("a")
    assert (outcome["state"], outcome["cause"], outcome["exit_code"]) == ("failed", "exit", 7)


def test_options_of_the_batch_job_do_not_reach_a_nested_sbatch(site: Site) -> None:
    site.sbatch("a", "print([k for k in os.environ if k.startswith('SBATCH')])", "--ntasks=1")

    assert site.outcome("a")["state"] == "done"
    assert site.sh(f"cat {site.folder('a')}/stdout") == "[]\n"
