"""A plan that is being submitted bit by bit goes out in few arrays, and nobody waits for long."""

import pytest

from xpm.agent.slurm_gathering import LONGEST_S, QUIET_S, Gathering


def submissions(count: int, every_s: float, step_s: float = 0.25) -> list[tuple[float, int]]:
    """When how many jobs go, of so many that are asked for one by one."""
    gathering = Gathering()
    went: list[tuple[float, int]] = []
    now = asked_at = 0.0
    asked = 0
    while sum(size for _, size in went) < count:
        while asked < count and asked * every_s <= now:
            asked_at = asked * every_s
            asked += 1
        ready = asked - sum(size for _, size in went)
        if ready and not gathering.is_open(ready, asked_at, now):
            gathering.went(ready, now)
            went.append((now, ready))
        now += step_s
    return went


@pytest.mark.parametrize("seconds", [0.0, 1.0, 10.0, 30.0])
def test_a_thousand_jobs_take_few_submissions_however_slowly_they_come(seconds: float) -> None:
    went = submissions(1000, seconds / 1000)

    assert len(went) <= 2 + seconds / LONGEST_S + 4
    assert went[0][0] == 0.0
    assert went[-1][0] <= seconds + QUIET_S + 0.25


def test_a_job_that_comes_alone_goes_at_once() -> None:
    assert [0.0, 10.0, 20.0] == [at for at, _ in submissions(3, 10.0)]


def test_the_few_at_the_end_wait_for_a_moment_only() -> None:
    gathering = Gathering()
    gathering.went(1000, 0.0)

    assert gathering.is_open(1, 0.5, 0.5)
    assert not gathering.is_open(1, 0.5, 0.5 + QUIET_S)
