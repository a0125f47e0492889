"""Another laptop, while the first one is asleep, dead or busy with the same workspace."""

import shutil
from collections.abc import Iterator

import pytest

from tests.cluster import RunningCluster
from tests.main_job import plans
from tests.main_job.laptop import PROFILE, Laptop, kill, new_laptop, wait_for

pytestmark = pytest.mark.cluster


@pytest.fixture
def second(laptop: Laptop, healthy_cluster: RunningCluster) -> Iterator[Laptop]:
    """A laptop where nothing of ours has run, with the first one's workspaces in its profile."""
    found = new_laptop(healthy_cluster)
    found.write_profile(PROFILE.replace("{name}", laptop.name))
    yield found
    for process in found.started:
        kill(process)
    shutil.rmtree(found.home, ignore_errors=True)


def test_a_second_laptop_takes_over_and_both_are_true(laptop: Laptop, second: Laptop) -> None:
    text = plans.steps(laptop.name, 3, 0.0, held=True)
    process = laptop.start("run", str(laptop.write("project/plan.py", text)))
    wait_for("all steps run", lambda: laptop.states().count("running") == 3)
    kill(process)

    adopted = second.xpm("adopt", "cluster", "--all")
    seen = second.states()
    cancelled = second.xpm("cancel", second.status()["jobs"][0]["id"])
    wait_for("the other sees it", lambda: laptop.states()[0] == "cancelled")
    laptop.release()
    wait_for("all is over", lambda: not {"running", "waiting"} & set(laptop.states()))
    both = [each.xpm("retry", "steps").returncode for each in (laptop, second)]
    waited = second.xpm("wait")
    ids = [job["batch_id"] for job in second.status()["jobs"]]
    again = second.xpm("run", str(second.write("project/plan.py", text)))

    assert adopted.returncode == 0, adopted.stderr
    assert seen == ["running", "running", "running", "waiting"]
    assert cancelled.returncode == 0, cancelled.stderr
    assert both == [0, 0]
    assert waited.returncode == 0, waited.stderr
    assert again.returncode == 0, again.stderr
    assert [f"step{n}" for n in range(4)] == laptop.effects()
    assert ids == [job["batch_id"] for job in second.status()["jobs"]]
    assert laptop.xpm("sync").returncode == 0
    assert laptop.states() == second.states() == ["done"] * 4
    attempts = [[job["attempt"] for job in each.status()["jobs"]] for each in (laptop, second)]
    assert attempts == [[2, 1, 1, 2], [2, 1, 1, 2]]
