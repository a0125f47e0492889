"""What a job asks for is raised by hand for its next attempt, and all else of it stays."""

from typing import Any

import pytest

from xpm.errors import UsageProblem
from xpm.launchers import raising

SLURM: dict[str, Any] = {
    "launcher": "gpu", "kind": "slurm", "connector": "campus",
    "options": ["--partition=gpu", "--time=60", "--cpus-per-task=4", "--mem=4000M", "--licenses=m:1"],
    "resources": {"cpus": 4, "mem_mib": 4000, "gpus": 1, "time_s": 3600},
    "retry": {
        "oom": {"max": 2, "steps": [
            {"options": ["--mem=8000M"], "resources": {"mem_mib": 8000}},
            {"options": ["--mem=16000M"], "resources": {"mem_mib": 16000}},
        ]},
        "timeout": {"max": 1, "steps": [{"options": ["--time=120"], "resources": {"time_s": 7200}}]},
    },
}  # fmt: skip


def test_memory_and_time_are_raised_and_steps_that_would_be_less_go() -> None:
    found = raising.raised(SLURM, raising.read(["mem=8GiB", "time=90m"]))

    assert [
        "--partition=gpu", "--time=90", "--cpus-per-task=4", "--mem=8192M", "--licenses=m:1",
    ] == found["options"]  # fmt: skip
    assert {"cpus": 4, "mem_mib": 8192, "gpus": 1, "time_s": 5400} == found["resources"]
    assert [16000] == [each["resources"]["mem_mib"] for each in found["retry"]["oom"]["steps"]]
    assert SLURM["retry"]["timeout"] == found["retry"]["timeout"]
    assert "--mem=4000M" in SLURM["options"]


def test_a_table_without_steps_that_are_more_still_forgives() -> None:
    found = raising.raised(SLURM, raising.read(["mem=64GB"]))

    assert {"max": 2} == found["retry"]["oom"]


@pytest.mark.parametrize(
    ("flag", "expected"), [("--mem-per-cpu=1000M", "--mem-per-cpu=2048M"), ("--mem-per-gpu=4000M", "--mem-per-gpu=8192M")]
)  # fmt: skip
def test_memory_is_said_in_the_words_of_the_place(flag: str, expected: str) -> None:
    request = {**SLURM, "options": [flag]}

    assert [expected] == raising.raised(request, raising.read(["mem=8GiB"]))["options"]


def test_memory_that_comes_with_the_cores_is_refused() -> None:
    with pytest.raises(UsageProblem, match="comes with the cores"):
        raising.raised({**SLURM, "options": ["--cpus-per-task=4"]}, {"mem": 2**33})


def test_a_plain_host_has_no_flags() -> None:
    request = {"kind": "plain", "options": [], "resources": {"cpus": 1, "mem_mib": None}}

    found = raising.raised(request, raising.read(["mem=2GiB"]))

    assert ([], {"cpus": 1, "mem_mib": 2048}) == (found["options"], found["resources"])


@pytest.mark.parametrize(
    ("word", "told"),
    [("cpus=3", "only mem and time"), ("mem=32", "like mem=4GB"), ("time=soon", "time="), ("mem", "cannot be read")],
)  # fmt: skip
def test_other_words_are_refused_with_what_to_type(word: str, told: str) -> None:
    with pytest.raises(UsageProblem, match=told):
        raising.read([word])
