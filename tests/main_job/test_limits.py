"""What a real cluster can never run, and what it only makes wait."""

import json
import time
from collections.abc import Iterator

import pytest

from tests.main_job import plans
from tests.main_job.laptop import PROFILE, Laptop, wait_for

pytestmark = pytest.mark.cluster
LICENSED = PROFILE.replace(
    "python: {python}}}\n  tower",
    "python: {python}, slurm: {{licenses: {{matlab: matlab}}}}}}\n  tower",
).replace("launchers:", "tokens:\n  matlab: {{kind: license}}\nlaunchers:")


def _plan(laptop: Laptop) -> str:
    return str(laptop.write("project/plan.py", plans.steps(laptop.name, 1, 0.1)))


def _partition(laptop: Laptop, limit: str) -> None:
    words = ("scontrol", "update", "PartitionName=short", f"MaxTime={limit}")
    laptop.cluster.on("ctl", *words, user="root")


@pytest.fixture
def short(laptop: Laptop) -> Iterator[Laptop]:
    """A launcher that asks the partition of five minutes for ten."""
    laptop.write_profile(PROFILE.replace("partition: cpu", "partition: short"))
    try:
        yield laptop
    finally:
        _partition(laptop, "5")


def test_a_time_over_the_limit_is_refused_there_then_here_until_the_site_allows_it(
    short: Laptop,
) -> None:
    plan = _plan(short)
    words = "partition 'short' can never run it: time 10m, its limit is 5m"

    there = short.xpm("run", plan)

    assert there.returncode == 1, there.stderr
    assert words in there.stderr
    assert "its site can never run it" in there.stderr
    assert [("failed", "refused"), ("failed", "refused")] == [
        (job["state"], job["cause"]) for job in short.status()["jobs"]
    ]
    assert "" == short.there(f"ls $HOME/{short.name}/.xpm/submissions")

    short.cluster.do("cut")
    try:
        here = short.xpm("run", plan)
    finally:
        short.cluster.do("heal")

    assert here.returncode == 2, here.stderr
    assert words in here.stderr
    assert "project/plan.py:" in here.stderr
    assert "mend time (" in here.stderr
    assert "config/launchers.yaml:6)" in here.stderr

    _partition(short, "20")
    asked = short.xpm("launchers", "check", "--online")
    assert asked.returncode == 0, asked.stderr
    assert "partitions: cpu, short, gpu" in asked.stdout
    done = short.xpm("run", plan)
    assert done.returncode == 0, done.stderr


def test_what_slurm_would_let_wait_for_ever_is_ended_with_the_fix(short: Laptop) -> None:
    plan = _plan(short)
    silent = json.dumps({"format": 1, "at": time.time(), "problems": []})
    knobs = json.dumps({"squeue_every_s": 2})
    folder = f"$HOME/{short.name}/.xpm"
    short.there(
        f"mkdir -p {folder}; echo '{silent}' > {folder}/limits.json; echo '{knobs}' > {folder}/site.json"
    )

    done = short.xpm("run", plan)

    assert done.returncode == 1, done.stderr
    assert "asks for more time than its partition allows (PartitionTimeLimit)" in done.stderr
    assert "lower `time:`, or name a partition or QOS that allows it" in done.stderr
    assert [("failed", "refused"), ("skipped", "dependency")] == [
        (job["state"], job["cause"]) for job in short.status()["jobs"]
    ]
    wait_for("the queue is empty", lambda: not short.there("squeue -h --me"))


def test_a_licence_that_others_hold_is_waited_for_in_words_and_one_too_many_refused(
    laptop: Laptop,
) -> None:
    laptop.write_profile(LICENSED.replace("time: 10m,", "time: 10m, tokens: {{matlab: 3}},"))
    refused = laptop.xpm("run", _plan(laptop))
    assert refused.returncode == 1, refused.stderr
    assert "3 of licence 'matlab' can never be had, there are 2" in refused.stderr

    holder = laptop.there("sbatch --parsable -L matlab:2 --wrap 'sleep 300'").strip()
    laptop.write_profile(LICENSED.replace("time: 10m,", "time: 10m, tokens: {{matlab: 1}},"))
    process = laptop.start("run", _plan(laptop))
    log = laptop.home / "run.log"
    wait_for(
        "the run says why",
        lambda: "waits for a licence that others hold (Licenses)" in log.read_text(),
    )
    [waiting, _] = laptop.status()["jobs"]
    why = laptop.xpm("why", waiting["id"])
    assert "waits    for a licence that others hold (Licenses)" in why.stdout, why.stdout
    laptop.there(f"scancel {holder}")

    assert process.wait(90) == 0, log.read_text()
    assert {"done"} == set(laptop.states())
