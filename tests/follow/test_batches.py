"""As what a batch system took jobs is told once, in as few words as they are."""

import pytest

from xpm.follow.batches import MOST_SINGLE, Batches, ranges


def told(batches: Batches, found: list[tuple[str, str]]) -> list[str]:
    for each in found:
        batches.add(*each)
    return batches.news()


def test_an_array_is_told_whole_and_once() -> None:
    batches = Batches()
    array = [("mycluster", f"4211_{n}") for n in range(6)]

    first = told(batches, [*array, ("mycluster", "4217"), ("other", "9")])

    assert [
        "mycluster took 6 jobs as array 4211_[0-5]",
        "mycluster took a job as 4217",
        "other took a job as 9",
    ] == first
    assert not told(batches, [*array, ("mycluster", "4217")])


def test_of_many_jobs_that_go_by_themselves_the_first_are_told() -> None:
    batches = Batches()

    found = [told(batches, [("mycluster", str(n))]) for n in range(20)]

    assert MOST_SINGLE == sum(map(len, found))
    assert ["mycluster took 1 job as array 30_[4]"] == told(batches, [("mycluster", "30_4")])


def test_jobs_that_go_by_themselves_together_are_told_together() -> None:
    assert ["c took 3 jobs as 7, 8, 9"] == told(Batches(), [("c", "7"), ("c", "8"), ("c", "9")])


@pytest.mark.parametrize(
    ("numbers", "text"), [([0, 1, 2, 5], "0-2,5"), ([3], "3"), ([4, 3, 9, 8, 1], "1,3-4,8-9")]
)
def test_numbers_are_told_as_slurm_writes_them(numbers: list[int], text: str) -> None:
    assert text == ranges(numbers)


def test_what_was_done_there_before_this_run_is_not_told_as_taken() -> None:
    batches = Batches(began=1000.0)
    ends = [None, ("done", 990.0), ("done", 100.0), ("done", 200.0), ("failed", 100.0)]
    for number, ended in enumerate(ends):
        batches.add("c", f"30_{number}", ended)

    assert [
        "c: 2 jobs were done there before; `xpm story JOB` tells when, and with which code",
        "c: a job had ended badly there before this run; the next one gives a new attempt",
        "c took 2 jobs as array 30_[0-1]",
    ] == batches.news()
    assert not batches.news()
