"""What a profile says of a cluster goes before what the cluster tells."""

from pathlib import Path
from typing import Any, NamedTuple

import pytest

from tests.agent_core.site import Site
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
        {
            "reasons": {
                "Licenses": "fail",
                "BadConstraints": "wait",
                "Priority": "alert",
                "X": "?",
                "launch_failed_requeued_held": "alert",
            }
        }
    )

    found = {
        each: slurm_reasons.explain(each, kinds).kind
        for each in (
            "Licenses",
            "BadConstraints",
            "Priority",
            "InvalidQOS",
            "Resources",
            "launch failed requeued held",
        )
    }
    assert found == {
        "Licenses": slurm_reasons.FATAL,
        "BadConstraints": slurm_reasons.WAITING,
        "Priority": slurm_reasons.LATER,
        "InvalidQOS": slurm_reasons.FATAL,
        "Resources": slurm_reasons.WAITING,
        "launch failed requeued held": slurm_reasons.LATER,
    }
    rows = [Row("1", "PENDING", "Licenses"), Row("2", "PENDING", "BadConstraints")]
    assert {"1": 5.0} == slurm_reasons.stuck_since({}, rows, 5.0, kinds)
    assert {"2": 5.0} == slurm_reasons.stuck_since({}, rows, 5.0)


def test_a_job_inherits_what_the_profile_keeps_besides_the_short_list() -> None:
    login = {"HOME": "/h", "SLURM_CPU_BIND": "x", "LAB_A": "1", "LAB_B": "2", "OTHER": "3"}

    assert {"HOME": "/h"} == place.clean_environ(login)
    assert {"HOME": "/h", "LAB_A": "1", "LAB_B": "2"} == place.clean_environ(login, ["LAB_*"])


@pytest.mark.host
@pytest.mark.parametrize(
    ("options", "sent", "calls"),
    [({}, 4, 1), ({"most_jobs": 2}, 2, None), ({"array_size": 1}, 4, 4), ({"array_size": 2}, 4, 2)],
)
def test_the_queue_takes_no_more_and_arrays_are_no_longer_than_the_profile_says(
    options: dict[str, Any], sent: int, calls: int | None, tmp_path: Path
) -> None:
    site = Site(tmp_path, **options)
    site.yard.ask("a", "b", "c", "d")

    for _ in range(3):
        site.advance(1)
    site.rest()

    assert sent == len(site.queue)
    assert calls in (None, len(site.calls("sbatch")))
