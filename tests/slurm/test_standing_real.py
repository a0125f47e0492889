"""A real SLURM whose queue is full of others' jobs: ours say where they stand, and nothing where the site hides that."""

import json
from collections.abc import Iterator

import pytest

from tests.main_job import plans
from tests.main_job.laptop import Laptop, wait_for

pytestmark = pytest.mark.cluster
OTHERS = """
cd /tmp
B="sbatch --parsable --time=30 --output=/dev/null"
$B -N2 --exclusive --wrap 'sleep 1800'
while [ "$(squeue -h -t R | wc -l)" = 0 ]; do sleep 0.2; done
$B -N2 --exclusive --wrap 'sleep 1800'
$B -N2 --exclusive --array=1-8 --wrap 'sleep 1800'
$B --hold --wrap true
$B --begin=now+1hour --wrap true
"""
"""A job that runs on all nodes, nine that wait for them, two that do not."""


@pytest.fixture
def full(laptop: Laptop) -> Iterator[Laptop]:
    """A laptop before a cluster with another user's jobs."""
    site = json.dumps({"squeue_every_s": 2})
    own = f"$HOME/{laptop.name}/.xpm"
    laptop.there(f"mkdir -p {own} && echo '{site}' > {own}/site.json")
    numbers = laptop.cluster.on("login1", "sh", "-c", OTHERS, user="root").split()
    yield laptop
    laptop.cluster.on("login1", "scancel", *numbers, user="root")


def queues(laptop: Laptop) -> list[object]:
    return [job["queue"] for job in laptop.status()["jobs"]]


def test_jobs_tell_where_they_stand_until_they_run(full: Laptop) -> None:
    plan = full.write("project/plan.py", plans.steps(full.name, 2, 0.1))
    full.start("run", str(plan))

    wait_for("it waits", lambda: "pending" in full.states())
    wait_for("places", lambda: any(queues(full)))

    first, second, last = queues(full)
    assert {"place": 10, "of": 11, "partition": "cpu"} == first
    assert {"place": 11, "of": 11, "partition": "cpu"} == second
    assert last is None
    assert "about 10th of 11 waiting in cpu" in full.xpm("status").stdout
    job = full.status()["jobs"][0]["id"]
    assert "about 10th of 11 waiting in cpu" in full.xpm("why", job).stdout
    *story, now = full.xpm("story", job).stdout.splitlines()
    assert "about 10th of 11 waiting in cpu" in now
    assert not [each for each in story if "waiting in" in each]
    asked = full.there(f"cat $HOME/{full.name}/.xpm/standing.asked")
    assert 300 <= json.loads(asked)["next"] - json.loads(asked)["at"] <= 376

    full.cluster.on("login1", "scancel", "--user=root", user="root")
    wait_for("they run", lambda: {"done"} == set(full.states()))
    assert [None, None, None] == queues(full)


def test_where_the_site_hides_the_jobs_of_others_nothing_is_asked_or_said(full: Laptop) -> None:
    full.cluster.do("set", "PrivateData=jobs")
    try:
        plan = full.write("project/plan.py", plans.steps(full.name, 1, 0.1))
        full.start("run", str(plan))
        wait_for("it waits", lambda: "pending" in full.states())
        limits = f"cat $HOME/{full.name}/.xpm/limits.json"
        wait_for("it is known", lambda: json.loads(full.there(limits))["hides_jobs"])
        wait_for("the reason", lambda: "(Priority)" in full.xpm("status").stdout)

        assert [None, None] == queues(full)
        assert "" == full.there(f"ls $HOME/{full.name}/.xpm/standing.* 2>/dev/null || true")
    finally:
        full.cluster.do("set", "PrivateData=none")
