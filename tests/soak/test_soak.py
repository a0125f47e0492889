"""A short soak: half a minute of random faults under some thirty jobs, each of which takes effect once."""

import pytest

from tests.main_job.laptop import Laptop
from tests.soak.main import Plan, soak


@pytest.mark.cluster
def test_thirty_jobs_under_random_faults_take_effect_once(laptop: Laptop) -> None:
    wish = Plan(0.5, 1, seed=7, longest_s=3.0, scale=0.25, patience_s=240, lanes=1, lost_after_s=12)

    result = soak(laptop.cluster, laptop, wish)

    assert [] == list(result.broken), result.story
    assert 32 == result.jobs
    assert sum(result.faults.values()) >= 5
