"""A real SLURM gets a plan's equal jobs as few arrays, and each job goes its own way."""

import re
from collections import Counter

import pytest

from tests.cluster import run
from tests.main_job import plans
from tests.main_job.laptop import ROOT, Laptop, wait_for

pytestmark = pytest.mark.cluster
COUNT = 100
COUNTED = ROOT / "scripts" / "_bench" / "counted.py"


def _calls(laptop: Laptop) -> int:
    """How often sbatch was called in the laptop's workspace, for jobs and for keepers."""
    tries = "ls -d .xpm/submissions/*/try.* .xpm/keepers/*/try.* 2>/dev/null | wc -l"
    return int(laptop.there(f"cd $HOME/{laptop.name} && {tries}"))


def test_many_jobs_take_few_calls_of_sbatch_and_few_exchanges(laptop: Laptop) -> None:
    plan = laptop.write("project/plan.py", plans.steps(laptop.name, COUNT, 0.0))
    laptop.cluster.do("latency", "40")
    argv = laptop.argv("run", str(plan), "--detach")
    at = argv.index("-m")
    argv[at : at + 2] = [str(COUNTED)]

    done = run(argv, 120)

    assert done.returncode == 0, done.stderr
    (exchanges,) = re.findall(r"^exchanges: (\d+)$", done.stderr, re.MULTILINE)
    assert int(exchanges) <= 30
    again = laptop.xpm("run", str(plan))
    assert again.returncode == 0, again.stderr
    assert {"done"} == set(laptop.states())
    assert sorted(f"step{n}" for n in range(COUNT + 1)) == laptop.effects()
    assert _calls(laptop) <= 15
    assert "" == laptop.there(f"ls $HOME/{laptop.name}/.xpm/submissions/*/log* 2>/dev/null || true")


def test_no_array_is_larger_than_the_site_allows(laptop: Laptop) -> None:
    laptop.cluster.do("set", "MaxArraySize=5")  # the highest index is 4
    try:
        plan = laptop.write("project/plan.py", plans.steps(laptop.name, 12, 0.0))
        done = laptop.xpm("run", str(plan))
    finally:
        laptop.cluster.do("set", "MaxArraySize=1001")

    assert done.returncode == 0, done.stderr
    batch_ids = [job["batch_id"] for job in laptop.status()["jobs"]]
    arrays = Counter(each.partition("_")[0] for each in batch_ids)
    assert 5 >= max(arrays.values())
    assert len(arrays) >= 4  # twelve in arrays of five, and the one behind them
    assert sorted(f"step{n}" for n in range(13)) == laptop.effects()


def test_one_element_of_an_array_is_cancelled_and_gets_an_attempt_of_its_own(
    laptop: Laptop,
) -> None:
    plan = laptop.write("project/plan.py", plans.steps(laptop.name, 6, 0.1, held=True))
    process = laptop.start("run", str(plan))
    wait_for("they run", lambda: laptop.states().count("running") == 6)
    jobs = laptop.status()["jobs"][:6]
    arrays = {job["batch_id"].partition("_")[0] for job in jobs}
    assert len(arrays) < 6

    assert laptop.xpm("cancel", jobs[2]["id"][:12]).returncode == 0
    wait_for("it is cancelled", lambda: laptop.states()[2] == "cancelled")
    assert ["running"] * 5 == laptop.states()[:2] + laptop.states()[3:6]
    laptop.release()
    assert process.wait(60) == 1

    again = laptop.xpm("run", str(plan))

    assert again.returncode == 0, again.stderr
    assert [1, 1, 2, 1, 1, 1] == [job["attempt"] for job in laptop.status()["jobs"][:6]]
    assert sorted(f"step{n}" for n in range(7)) == laptop.effects()
