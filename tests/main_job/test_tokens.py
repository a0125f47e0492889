"""Tokens of every kind, as the jobs of a real cluster and of a plain host see them."""

import itertools
import json
from pathlib import Path

import pytest

from tests.main_job.laptop import Laptop

pytestmark = pytest.mark.cluster

PROFILE = """\
version: 1
connectors:
  cluster: {{kind: slurm, ssh: {{host: testcluster}}, workspace: "$HOME/{name}", python: {python},
            slurm: {{licenses: {{matlab: matlab}}}}}}
  tower:   {{kind: ssh, ssh: {{host: tower}}, workspace: "~/{name}", python: {python},
            host: {{cpus: 4, mem: 400MB, gpus: [0, 1]}}, licenses: {{matlab: 1}}}}
tokens:
  cpu: {{kind: cpu}}
  gpu: {{kind: gpu}}
  matlab: {{kind: license}}
  alone: {{kind: exclusive}}
  lane: {{kind: slots, total: 1}}
launchers:
  there: {{connector: cluster, cpus: 1, mem: 100MB, time: 10m, export: {{PYTHONPATH: /opt/site}}}}
  box: {{connector: tower, mem: 100MB, export: {{PYTHONPATH: /opt/site}}}}
default: there
"""
PLAN = """\
import json, os, subprocess, sys, time
from pathlib import Path
from xpm import Param, Task, experiment

class Work(Task):
    '''Writes down what it was given, and when.'''
    __xpmid__ = "test.given"
    name: Param[str]

    def execute(self):
        begun = time.time()
        given = {key: os.environ.get(key) for key in ("CUDA_VISIBLE_DEVICES", "SLURM_CPUS_PER_TASK")}
        if os.environ.get("SLURM_JOB_ID"):
            argv = ["scontrol", "show", "job", "-o", os.environ["SLURM_JOB_ID"]]
            words = subprocess.run(argv, capture_output=True, text=True, check=True).stdout.split()
            given.update(word.split("=", 1) for word in words if "=" in word)
        time.sleep(0.5)
        Path("given.json").write_text(json.dumps([begun, time.time(), given]))

ASKS = {asks}

with experiment("main", "given") as xp:
    tokens = {name: xp.token(name, 9) for name in ("cpu", "gpu", "matlab", "alone", "lane")}
    for name, wish in ASKS.items():
        task = Work(name=name)
        for token, count in wish.items():
            tokens[token](count, task)
        task.submit()
        (xp.resultspath / name).symlink_to(task.jobpath)
"""


def run(laptop: Laptop, launcher: str, asks: dict[str, dict[str, int]], *words: str) -> Path:
    """Let the plan be done; the folder of its results."""
    laptop.write_profile(PROFILE)
    plan = laptop.write("project/plan.py", PLAN.replace("{asks}", repr(asks)))
    done = laptop.xpm("run", str(plan), "--launcher", launcher, *words)
    assert done.returncode == 0, done.stderr
    return laptop.main / "xp" / "given" / "results"


def given(results: Path, name: str) -> tuple[float, float, dict[str, str]]:
    begun, ended, found = json.loads((results / name / "given.json").read_text())
    return begun, ended, found


def overlap(results: Path, names: list[str]) -> bool:
    """Whether any two of these ran at once."""
    spans = sorted(given(results, name)[:2] for name in names)
    return any(before[1] > after[0] for before, after in itertools.pairwise(spans))


def test_slurm_gives_what_tokens_ask_for_and_xpm_counts_the_rest(laptop: Laptop) -> None:
    asks = {
        "cores": {"cpu": 2},
        "gpus": {"gpu": 2},
        "licence": {"matlab": 1},
        "alone": {"alone": 1},
        "lane a": {"lane": 1},
        "lane b": {"lane": 1, "cpu": 2},
    }

    results = run(laptop, "there", asks)

    facts = {name: given(results, name)[2] for name in asks}
    assert ("2", "2") == (facts["cores"]["SLURM_CPUS_PER_TASK"], facts["lane b"]["CPUs/Task"])
    assert 2 == len(facts["gpus"]["CUDA_VISIBLE_DEVICES"].split(","))
    assert "matlab:1" == facts["licence"]["Licenses"]
    assert "NO" == facts["alone"]["OverSubscribe"]
    assert "OK" == facts["cores"]["OverSubscribe"]
    assert not overlap(results, ["lane a", "lane b"])


def test_a_plain_host_leases_gpus_and_counts_the_rest_with_the_laptop_gone(laptop: Laptop) -> None:
    asks = {
        **{f"gpu {n}": {"gpu": 1} for n in range(4)},
        "both": {"gpu": 2, "lane": 1},
        "alone": {"alone": 1},
        "lane": {"lane": 1, "matlab": 1},
        "licence": {"matlab": 1, "cpu": 4},
    }

    results = run(laptop, "box", asks, "--detach")
    done = laptop.xpm("wait")

    assert done.returncode == 0, done.stderr
    devices = {name: given(results, name)[2]["CUDA_VISIBLE_DEVICES"] for name in asks}
    assert {devices[f"gpu {n}"] for n in range(4)} == {"0", "1"}
    assert devices["both"] == "0,1"
    assert devices["lane"] is None
    for each in "01":
        assert not overlap(results, [name for name in asks if each in (devices[name] or "")])
    assert not overlap(results, ["both", "lane"])
    assert not overlap(results, ["lane", "licence"])
    for name in asks:
        assert name == "alone" or not overlap(results, ["alone", name])


def test_more_than_the_host_has_is_refused_at_once_with_the_reasons(laptop: Laptop) -> None:
    laptop.write_profile(PROFILE)
    plan = laptop.write("project/plan.py", PLAN.replace("{asks}", "{'a': {'gpu': 3, 'cpu': 5}}"))

    done = laptop.xpm("run", str(plan), "--launcher", "box")

    assert done.returncode == 2
    assert "tower cannot take this job: 5 cores, it has 4; 3 GPUs, it has 2" in done.stderr
    assert "plan.py:" in done.stderr
    assert "launchers.yaml:" in done.stderr
