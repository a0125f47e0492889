"""A short soak: some random faults under some thirty jobs, each of which takes effect once.

As a rule it takes a minute. A node that falls silent with an sbatch under way costs four more: nobody can know that it
does not arrive any more before its own limit is over.
"""

import pytest

from tests.main_job.laptop import Laptop
from tests.soak.main import Plan, soak


@pytest.mark.cluster
@pytest.mark.timeout(
    24 + 240 + 120 + 180
)  # all that is waited for below, so that it can say what it waited for
def test_thirty_jobs_under_random_faults_take_effect_once(laptop: Laptop) -> None:
    wish = Plan(0.4, 1, seed=7, longest_s=2.0, scale=0.25, patience_s=240, lanes=1, lost_after_s=12)

    result = soak(laptop.cluster, laptop, wish)

    assert [] == list(result.broken), result.story
    assert 32 == result.jobs
    assert sum(result.faults.values()) >= 4
