"""Homes that take no file, on the cluster and on a plain host: only the workspace is written to."""

from collections.abc import Iterator

import pytest

from tests.main_job.laptop import Laptop

pytestmark = pytest.mark.cluster

PROFILE = """\
version: 1
connectors:
  cluster: {{kind: slurm, ssh: {{host: testcluster}}, workspace: "/scratch/{name}", python: {python}}}
  tower:   {{kind: ssh, ssh: {{host: tower}}, workspace: "/scratch/{name}", capacity: {{jobs: 4}}, python: {python}}}
launchers:
  cpu: {{connector: cluster, partition: cpu, cpus: 1, mem: 300MB, time: 10m, export: {{PYTHONPATH: /opt/site}}}}
  box: {{connector: tower, export: {{PYTHONPATH: /opt/site}}}}
default: cpu
"""
PLAN = """
from xpm import Param, Task, experiment

class Part(Task):
    number: Param[int]
    after: Param[list[Task]] = []

    def execute(self):
        print("part", self.number)

with experiment("main", "parts") as xp:
    first = [Part(number=n).submit() for n in range(3)]
    Part(number=3, after=first).submit()
"""
NODES = {"cpu": "login1", "box": "tower"}


@pytest.fixture
def closed(laptop: Laptop) -> Iterator[None]:
    """Every home on the far sides is read-only, and what was in it too."""
    for node in NODES.values():
        laptop.there("rm -rf $HOME/.local; chmod 500 $HOME", node)
    try:
        yield
    finally:
        for node in NODES.values():
            laptop.there("chmod 700 $HOME", node)


@pytest.mark.parametrize("launcher", NODES)
def test_a_home_that_cannot_be_written_is_not_needed(
    laptop: Laptop, closed: None, launcher: str
) -> None:
    laptop.write_profile(PROFILE)
    plan = laptop.write("project/plan.py", PLAN)
    before = laptop.there("ls -A $HOME", NODES[launcher])

    done = laptop.xpm("run", str(plan), "--launcher", launcher)

    assert done.returncode == 0, done.stderr
    assert "4 done" in done.stderr
    assert laptop.there("ls -A $HOME", NODES[launcher]) == before
    assert "part 3" in "".join(each.read_text() for each in laptop.main.glob("jobs/*/*/stdout"))
