"""What a profile says of the ends of jobs, as requests carry it."""

from pathlib import Path
from typing import Any, cast

import pytest

from tests.launchers.profile import CLUSTER, launcher, on_cluster
from xpm.decide import retry
from xpm.launchers.profiles import Launcher


def found(it: Launcher, is_resumable: bool = False) -> dict[str, Any]:
    return cast("dict[str, Any]", it.request({}, is_resumable))


def test_an_ordinary_task_is_warned_of_nothing(tmp_path: Path) -> None:
    request = found(on_cluster(tmp_path, "time: 1h"))

    assert not {"warning", "resumable"} & set(request)
    assert request["retry"] == {}
    assert ["--time=60", "--nodes=1", "--ntasks=1"] == request["options"]


def test_a_resumable_task_is_warned_and_goes_on_as_long_as_it_gets_further(tmp_path: Path) -> None:
    request = found(on_cluster(tmp_path, "time: 1h"), is_resumable=True)

    assert request["resumable"]
    assert {"signal": "USR1", "lead_s": 120} == request["warning"]
    assert {"timeout": {"max": 20, "renews": True, "mode": "requeue"}} == request["retry"]
    assert ["--requeue", "--signal=B:USR1@120"] == request["options"][-2:]


@pytest.mark.parametrize(
    ("keys", "lead_s", "flag"),
    [
        ("time: 1h, stop: {signal: USR2, lead: 5m}", 300, "--signal=B:USR2@300"),
        ("time: 5m", 60, "--signal=B:USR1@60"),
        ("time: 1m", 12, ""),  # Slurm's warning may come a minute early: before the start
        ("time: 30s", 6, ""),
        ("cpus: 1", 120, ""),
    ],
)
def test_the_warning_comes_in_time_and_never_at_the_start(
    tmp_path: Path, keys: str, lead_s: int, flag: str
) -> None:
    request = found(on_cluster(tmp_path, keys), is_resumable=True)

    assert lead_s == request["warning"]["lead_s"]
    assert [flag] * bool(flag) == [o for o in request["options"] if o.startswith("--signal")]


def test_whoever_asks_for_a_warning_gets_it(tmp_path: Path) -> None:
    request = found(on_cluster(tmp_path, "time: 1h, stop: {lead: 3m}"))

    assert {"signal": "USR1", "lead_s": 180} == request["warning"]
    assert request["options"][-1] == "--signal=B:USR1@180"


@pytest.mark.parametrize(("customs", "flag"), [("true", "--requeue"), ("false", "--no-requeue")])
def test_whether_slurm_requeues_is_the_profiles_to_say(
    tmp_path: Path, customs: str, flag: str
) -> None:
    it = on_cluster(tmp_path, "", f"slurm: {{requeue: {customs}}}")

    assert flag in found(it)["options"]
    assert flag in found(it, is_resumable=True)["options"]


def test_a_timeout_that_needs_progress_forgives_no_task_that_starts_anew(tmp_path: Path) -> None:
    rule = "{max: 5, only_if: progressed}"
    it = on_cluster(tmp_path, f"time: 1h, retry: {{timeout: {rule}}}")

    assert found(it)["retry"] == {}
    assert found(it, is_resumable=True)["retry"] == {
        "timeout": {"max": 5, "renews": True, "mode": "requeue"}
    }


def test_memory_grows_with_each_end_up_to_the_cap(tmp_path: Path) -> None:
    keys = "mem: 1GiB, retry: {oom: {max: 4, scale: {mem: 2}, upto: {mem: 3GiB}}}"

    request = found(on_cluster(tmp_path, keys))

    assert request["retry"]["oom"] == {
        "max": 4,
        "steps": [
            {"options": ["--mem=2048M"], "resources": {"mem_mib": 2048}},
            {"options": ["--mem=3072M"], "resources": {"mem_mib": 3072}},
        ],
    }


PARTITIONS = """partitions:
      small: {time: 2h, mem: 4GiB, cpus: 8}
      large: {time: 2d, mem: 64GiB, cpus: 64, cost: 5}"""


def test_a_job_grows_up_to_the_limits_of_the_partition_it_was_given(tmp_path: Path) -> None:
    keys = (
        "mem: 3GiB, time: 1h, retry:"
        " {oom: {max: 3, scale: {mem: 2.0}}, timeout: {max: 3, scale: {time: 1.5}, backoff: 1m}}"
    )

    request = found(on_cluster(tmp_path, keys, PARTITIONS))

    assert "--partition=small" in request["options"]
    assert [["--mem=4096M"]] == [step["options"] for step in request["retry"]["oom"]["steps"]]
    steps = request["retry"]["timeout"]["steps"]
    assert [["--time=90"], ["--time=120"]] == [step["options"] for step in steps]
    assert request["retry"]["timeout"]["backoff_s"] == 60


def test_memory_that_comes_with_cores_grows_as_cores(tmp_path: Path) -> None:
    keys = "mem: 8GB, cpus: 1, retry: {oom: {max: 1, scale: {mem: 2}}}"

    request = found(on_cluster(tmp_path, keys, "slurm: {mem_flag: from-cpus, mem_per_cpu: 4GB}"))

    assert "--cpus-per-task=2" in request["options"]
    assert [
        {"options": ["--cpus-per-task=4"], "resources": {"cpus": 4, "mem_mib": 15259}}
    ] == request["retry"]["oom"]["steps"]


def test_what_was_not_asked_for_does_not_grow(tmp_path: Path) -> None:
    request = found(on_cluster(tmp_path, "retry: {oom: {max: 2, scale: {mem: 2}}}"))

    assert {"oom": {"max": 2}} == request["retry"]


def test_a_machine_without_slurm_grows_up_to_what_it_has(tmp_path: Path) -> None:
    text = """
version: 1
connectors:
  c: {kind: ssh, ssh: {host: h}, workspace: "~/xpm", host: {mem: 3GiB}}
launchers:
  it: {connector: c, mem: 1GiB, time: 1h, retry: {oom: {max: 5, scale: {mem: 2}}}}
"""
    request = found(launcher(tmp_path, text), is_resumable=True)

    assert [2048, 3072] == [
        step["resources"]["mem_mib"] for step in request["retry"]["oom"]["steps"]
    ]
    assert request["options"] == []
    assert request["warning"]["lead_s"] == 120


def test_a_launcher_says_otherwise_than_the_policy_of_its_place(tmp_path: Path) -> None:
    policies = "policies: {default: {stop: {lead: 4m}, retry: {oom: {max: 1}, lost: {max: 5}}}}\n"
    text = policies + CLUSTER.lstrip() % (
        "",
        ", time: 1h, retry: {oom: {max: 3, exclude_node: true}}",
    )

    request = found(launcher(tmp_path, text))

    assert {"oom": {"max": 3, "exclude_node": True}, "lost": {"max": 5}} == request["retry"]
    assert request["warning"]["lead_s"] == 240


def test_the_far_side_picks_what_the_profile_meant(tmp_path: Path) -> None:
    keys = "mem: 1GiB, time: 1h, retry: {oom: {max: 2, scale: {mem: 2}}, timeout: {max: 1, scale: {time: 3}}}"
    request = found(on_cluster(tmp_path, keys))
    ends = [retry.End(cause, 1, 0.0, "") for cause in ("oom", "timeout", "oom")]

    asked = retry.effective_request(request, ends)

    assert ["--time=180", "--mem=4096M"] == [
        each for each in asked["options"] if not each.startswith("--n")
    ]
    assert {"cpus": None, "gpus": None, "mem_mib": 4096, "time_s": 10800} == asked["resources"]
    assert retry.is_forgiven("oom", ends, retry.table(request["retry"]))
