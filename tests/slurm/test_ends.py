"""How jobs end on a real SLURM, and what becomes of them: one plan has all the ends, side by side."""

import pytest

from tests.main_job import plans
from tests.main_job.laptop import Laptop

pytestmark = pytest.mark.cluster

PROFILE = """\
version: 1
connectors:
  cluster: {{kind: slurm, ssh: {{host: testcluster}}, workspace: "$HOME/{name}", python: {python}}}
launchers:
  cpu: {{connector: cluster, partition: cpu, cpus: 1, mem: 300MB, time: 1m, export: {{PYTHONPATH: /opt/site}}}}
  small: {{extends: cpu, mem: 100MB, time: 10m, retry: {{oom: {{max: 1, scale: {{mem: 5}}}}}}}}
default: cpu
"""
PLAN = """
import signal
from xpm import GracefulTimeout, ResumableTask, progress

def visits():
    count = int(Path("visits").read_text()) + 1 if Path("visits").exists() else 1
    Path("visits").write_text(str(count))
    print("visit", count, flush=True)
    return count

class Resumes(ResumableTask):
    __xpmid__ = "test.resumes"
    def execute(self):
        if visits() == 1:
            while self.remaining_time() > 57:
                time.sleep(0.1)
            raise GracefulTimeout()

class Stubborn(ResumableTask):
    __xpmid__ = "test.stubborn"
    def execute(self):
        for each in (signal.SIGTERM, signal.SIGUSR1):
            signal.signal(each, signal.SIG_IGN)
        if visits() == 1:
            time.sleep(600)

class Slow(Task):
    __xpmid__ = "test.slow"
    def execute(self):
        print("slow", flush=True)
        time.sleep(600)

class Greedy(Task):
    __xpmid__ = "test.greedy"
    def execute(self):
        visits()
        found = bytearray(250 << 20)
        found[::4096] = b"x" * len(found[::4096])
        time.sleep(4)

with experiment("main", "ends") as xp:
    Resumes().submit()
    Stubborn().submit()
    Slow().submit()
    Greedy().submit(launcher="small")
"""


def test_each_end_has_its_cause_and_what_may_go_on_does(laptop: Laptop) -> None:
    laptop.write_profile(PROFILE)
    plan = laptop.write("project/plan.py", plans.HEAD.replace("{name}", laptop.name) + PLAN)

    done = laptop.xpm("run", str(plan), timeout_s=400)

    print(done.stdout, done.stderr)
    jobs = {job["task"]: job for job in laptop.status()["jobs"]}
    print(jobs)
    assert jobs
