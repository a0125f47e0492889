"""What plans require, as a real cluster gives it."""

import re

import pytest

from tests.main_job import plans
from tests.main_job.laptop import PROFILE, Laptop

pytestmark = pytest.mark.cluster

PARTITIONS = """
    partitions:
      short: {{time: 5m, cpus: 2, cost: 1}}
      cpu: {{time: 1h, cpus: 2, cost: 1}}
      gpu: {{time: 1h, cpus: 2, gpus: {{a100-80: {{per_node: 2, name: a100, cost: 5}}}}}}
"""


def profile() -> str:
    """The usual one, whose launcher leaves the choice of the partition to what tasks require."""
    lines = PROFILE.splitlines()
    i = next(i for i, line in enumerate(lines) if line.startswith("  cluster:"))
    keys = lines[i].partition("{{")[2].removesuffix("}}").split(", ")
    lines[i] = "  cluster:\n    " + "\n    ".join(keys) + PARTITIONS.rstrip()
    return "\n".join(lines).replace(
        "partition: cpu, cpus: 1, mem: 300MB, time: 10m,", "mem: 300MB,"
    )


PLAN = """
with experiment("main", "needs", require="time=10m") as xp:
    Step(number=1, seconds=0.1).submit(require="time=4m")
    Step(number=2, seconds=0.1).submit(require="cpus=2")
    Step(number=3, seconds=0.1).submit(require="cuda(mem=40G) | cpus=1")
"""


def told_of(job: str, word: str) -> str:
    """A word of what scontrol tells of a job."""
    found = re.search(rf"\b{word}=(\S+)", job)
    return found[1] if found else ""


def test_each_task_gets_the_partition_the_cores_and_the_gpus_it_requires(laptop: Laptop) -> None:
    laptop.write_profile(profile())
    plan = str(laptop.write("project/plan.py", plans.HEAD.replace("{name}", laptop.name) + PLAN))

    explained = laptop.xpm("launchers", "explain", "time=10m & cuda(mem=40G) | cpus=1")
    done = laptop.xpm("run", plan)

    assert done.returncode == 0, done.stderr
    ids = [job["batch_id"] for job in laptop.status()["jobs"]]
    told = [laptop.there(f"scontrol -o show job {each}") for each in ids]
    found = [
        tuple(told_of(each, w) for w in ("Partition", "TimeLimit", "NumCPUs")) for each in told
    ]
    assert found == [("short", "00:04:00", "1"), ("cpu", "00:10:00", "2"), ("gpu", "00:10:00", "1")]
    assert "gres/gpu:a100=1" in told[2] or "gpu:a100:1" in told[2], told[2]
    line = explained.stdout.splitlines()[-1]
    assert "--partition=gpu" in line
    assert "--gpus-per-node=a100:1" in line


def test_what_no_partition_gives_is_refused_before_anything_is_sent(laptop: Laptop) -> None:
    laptop.write_profile(profile())
    text = plans.HEAD.replace("{name}", laptop.name) + PLAN.replace('"cpus=2"', '"gpus=9"')
    plan = str(laptop.write("project/plan.py", text))

    done = laptop.xpm("run", plan)

    assert done.returncode == 2
    assert "no partition of cluster can take this job" in done.stderr
    assert "gpu a100-80: 9 GPUs, its nodes have 2" in done.stderr
    assert "short: " in done.stderr
