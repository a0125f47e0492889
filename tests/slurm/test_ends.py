"""How jobs end on a real SLURM, and what becomes of them: one plan has all the ends, side by side."""

import json
from collections.abc import Iterator, Sequence
from typing import Any

import pytest

from tests.main_job import plans
from tests.main_job.laptop import Laptop, wait_for
from tests.slurm.test_real import IMPATIENT

pytestmark = pytest.mark.cluster

PROFILE = """\
version: 1
connectors:
  cluster: {{kind: slurm, ssh: {{host: testcluster}}, workspace: "$HOME/{name}", python: {python}}}
launchers:
  cpu: {{connector: cluster, partition: cpu, cpus: 1, mem: 300MB, time: 5m, extra: [--nodelist=c1],
        export: {{PYTHONPATH: /opt/site}}}}
  small: {{extends: cpu, mem: 100MB, time: 10m, retry: {{oom: {{max: 1, scale: {{mem: 5}}}}}}}}
  requeued: {{extends: cpu, time: 10m, extra: [--nodelist=c2]}}
  cancelled: {{extends: requeued, partition: gpu}}
default: cpu
"""
PLAN = """
import signal
from xpm import GracefulTimeout, ResumableTask

def visit():
    count = int(Path("visits").read_text()) + 1 if Path("visits").exists() else 1
    Path("visits").write_text(str(count))
    print("visit", count, flush=True)
    return count

class Graceful(ResumableTask):
    __xpmid__ = "test.graceful"
    def execute(self):
        if visit() == 1:
            while self.remaining_time() > 297:
                time.sleep(0.1)
            raise GracefulTimeout()

class Stubborn(ResumableTask):
    __xpmid__ = "test.stubborn"
    def execute(self):
        for each in (signal.SIGTERM, signal.SIGUSR1):
            signal.signal(each, signal.SIG_IGN)
        if visit() == 1:
            time.sleep(600)

class Slow(Task):
    __xpmid__ = "test.slow"
    def execute(self):
        visit()
        time.sleep(600)

class Greedy(Task):
    __xpmid__ = "test.greedy"
    def execute(self):
        if visit() == 2:
            return
        found = bytearray(250 << 20)
        found[::4096] = b"x" * len(found[::4096])
        time.sleep(60)

class Victim(Task):
    __xpmid__ = "test.victim"
    mode: Param[str]
    def execute(self):
        if visit() == 1:
            time.sleep(600)

with experiment("main", "ends") as xp:
    Graceful().submit()
    Stubborn().submit()
    Slow().submit()
    Greedy().submit(launcher="small")
    Victim(mode="requeued").submit(launcher="requeued")
    Victim(mode="cancelled").submit(launcher="cancelled")
"""
SLEEPERS = ("slow", "stubborn", "victim")
HIGH = "scontrol update partition=short PriorityTier={tier}; scontrol update partition=gpu PreemptMode={mode}"


@pytest.fixture
def preempting(laptop: Laptop) -> Iterator[Laptop]:
    """Jobs of the partition ``short`` preempt others: those of ``gpu`` are cancelled, the rest requeued."""

    def set_up(tier: int, mode: str) -> None:
        words = HIGH.format(tier=tier, mode=mode)
        laptop.cluster.on("ctl", "sh", "-c", words, user="root")

    set_up(10, "CANCEL")
    yield laptop
    set_up(1, "REQUEUE")


def test_each_end_has_its_cause_and_what_may_go_on_does(preempting: Laptop) -> None:
    """Also timeouts, by request and by force."""
    laptop = preempting
    own = f"$HOME/{laptop.name}/.xpm"
    laptop.there(f"mkdir -p {own} && echo '{json.dumps(IMPATIENT)}' > {own}/site.json")
    laptop.write_profile(PROFILE)
    plan = laptop.write("project/plan.py", plans.HEAD.replace("{name}", laptop.name) + PLAN)

    process = laptop.start("run", str(plan))
    wait_for("these sleep", lambda: [_visits(laptop, each) for each in SLEEPERS] == [1, 1, 2])
    wait_for("it is known here", lambda: _states(laptop, SLEEPERS) == ["running"] * 4)
    for job in _jobs(laptop):  # slurmctld looks each half minute whose time is over
        if job["task"] in ("test.slow", "test.stubborn"):
            words = ("update", f"jobid={job['batch_id']}", "EndTime=now+1")
            laptop.cluster.on("ctl", "scontrol", *words, user="root")
    laptop.there("echo 'sleep 2' | sed '1i #!/bin/sh' | sbatch -p short -w c2 -c4 -t1 -o /dev/null")

    assert process.wait(timeout=300) == 1
    found = {each["task"].removeprefix("test."): each for each in _jobs(laptop)}
    said = (laptop.home / "run.log").read_text()
    ends = {
        name: (each["state"], each["cause"], each["attempt"], each["generation"])
        for name, each in found.items()
    }
    assert ends == {
        "graceful": ("done", None, 1, 2),
        "stubborn": ("done", None, 2, 1),
        "slow": ("failed", "timeout", 1, 1),
        "greedy": ("done", None, 2, 1),
        "victim requeued": ("done", None, 1, 2),
        "victim cancelled": ("done", None, 2, 1),
    }
    assert (
        "hit its limit of 5 min: raise `time` in the launcher cpu, or make it a ResumableTask"
        in said
    )
    assert "| visit 1" in said
    assert _visits(laptop, "graceful") == 2  # nothing was truncated
    assert _cause(laptop, "greedy") == "oom"
    assert _cause(laptop, "stubborn") == "timeout"
    assert _cause(laptop, "victim") == "preempted"


def _states(laptop: Laptop, tasks: Sequence[str]) -> list[str]:
    found = [
        each for each in laptop.status()["jobs"] if each["task"].removeprefix("test.") in tasks
    ]
    return [each["state"] for each in found]


def _jobs(laptop: Laptop) -> "list[dict[str, Any]]":
    jobs: list[dict[str, Any]] = laptop.status()["jobs"]
    for job in jobs:
        job["task"] += f" {job['launcher']}" if job["task"] == "test.victim" else ""
    return jobs


def _visits(laptop: Laptop, task: str) -> int:
    found = laptop.there(f"cat $HOME/{laptop.name}/jobs/test.{task}/*/stdout 2>/dev/null || true")
    return found.count("visit")


def _cause(laptop: Laptop, task: str) -> str:
    """Why the first attempt ended of a job that has a second one."""
    pattern = f"$HOME/{laptop.name}/jobs/test.{task}/*/.xpm"
    script = f"cd $(dirname $(ls {pattern}/a2.1)) && cat $(ls a1.* | tail -n 1)"
    cause: str = json.loads(laptop.there(script))["cause"]
    return cause
