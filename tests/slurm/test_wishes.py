"""What a profile says of a cluster goes before what the cluster tells."""

from typing import Any, NamedTuple

import pytest

from xpm.agent import limits, place, slurm_reasons, slurm_wishes


class Row(NamedTuple):
    """As much of a squeue row as these rules read."""

    batch_id: str
    state: str
    reason: str


@pytest.mark.parametrize(
    ("told", "said", "found"),
    [
        ({}, {}, (None, None, None)),
        ({"max_array_size": 1001, "has_accounting": True}, {}, (1001, None, True)),
        ({"max_array_size": 1001}, {"array_size": 100, "array_tasks": 50}, (100, 50, None)),
        ({"max_array_size": 1001, "max_array_tasks": 20}, {"array_size": 9999, "array_tasks": 50}, (1001, 20, None)),
        ({"has_accounting": True}, {"accounting": False}, (None, None, False)),
    ],
)  # fmt: skip
def test_the_smaller_limit_counts_and_the_profiles_word_on_accounting(
    told: dict[str, Any], said: dict[str, Any], found: tuple[int | None, int | None, bool | None]
) -> None:
    site = slurm_wishes.limits(limits.UNKNOWN._replace(**told), said)

    assert found == (site.max_array_size, site.max_array_tasks, site.has_accounting)


def test_pending_reasons_mean_what_the_profile_says() -> None:
    kinds = slurm_wishes.kinds(
        {"reasons": {"Licenses": "fail", "BadConstraints": "wait", "Priority": "alert", "X": "?"}}
    )

    found = {
        each: slurm_reasons.explain(each, kinds).kind
        for each in ("Licenses", "BadConstraints", "Priority", "InvalidQOS", "Resources")
    }
    assert found == {
        "Licenses": slurm_reasons.FATAL,
        "BadConstraints": slurm_reasons.WAITING,
        "Priority": slurm_reasons.LATER,
        "InvalidQOS": slurm_reasons.FATAL,
        "Resources": slurm_reasons.WAITING,
    }
    rows = [Row("1", "PENDING", "Licenses"), Row("2", "PENDING", "BadConstraints")]
    assert {"1": 5.0} == slurm_reasons.stuck_since({}, rows, 5.0, kinds)
    assert {"2": 5.0} == slurm_reasons.stuck_since({}, rows, 5.0)


def test_a_job_inherits_what_the_profile_keeps_besides_the_short_list() -> None:
    login = {"HOME": "/h", "SLURM_CPU_BIND": "x", "LAB_A": "1", "LAB_B": "2", "OTHER": "3"}

    assert {"HOME": "/h"} == place.clean_environ(login)
    assert {"HOME": "/h", "LAB_A": "1", "LAB_B": "2"} == place.clean_environ(login, ["LAB_*"])
