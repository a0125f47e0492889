"""Jobs that wait on the cluster while the plan's launcher changes."""

import pytest

from tests.main_job.laptop import Laptop, wait_for

pytestmark = pytest.mark.cluster

PROFILE = """\
version: 1
connectors:
  cluster: {{kind: slurm, ssh: {{host: testcluster}}, workspace: "$HOME/{name}", python: {python}}}
launchers:
  now: {{connector: cluster, partition: cpu, cpus: 1, mem: 300MB, time: 10m}}
  later: {{extends: now, extra: [--begin=now+1hour]}}
default: later
"""

PLAN = """\
import os

from xpm import Param, Task, experiment


class Say(Task):
    __xpmid__ = "moving.say"
    name: Param[str]

    def execute(self):
        with open(os.path.expanduser("~/NAME.effects"), "a") as file:
            file.write(self.name + chr(10))


with experiment("main", "moving") as xp:
    for name in ("a", "b"):
        Say(name=name).submit()
"""


def test_jobs_that_have_not_started_move_to_another_launcher_and_run_once(laptop: Laptop) -> None:
    laptop.write_profile(PROFILE)
    plan = str(laptop.write("project/plan.py", PLAN.replace("NAME", laptop.name)))
    assert 0 == laptop.xpm("run", "--detach", plan).returncode
    wait_for("both wait in the queue", lambda: ["pending", "pending"] == laptop.states())

    stays = laptop.xpm("run", "--detach", "-l", "now", plan)
    moved = laptop.xpm("run", "-l", "now", "--move", plan)

    assert "cluster (launcher later) stay there" in stays.stderr
    assert "`xpm run --move`" in stays.stderr
    assert 0 == moved.returncode, moved.stderr
    assert ["done", "done"] == laptop.states()
    assert ["a", "b"] == laptop.effects()
    assert {2} == {job["attempt"] for job in laptop.status()["jobs"]}
