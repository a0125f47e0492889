"""The place in the queue, in words."""

import pytest

from tests.cli.test_telling import JOB
from xpm.follow.standing import Standing
from xpm.words import standing, telling

START = "SLURM expects to start it by 2020-11-24 21:00 +0000"


@pytest.mark.parametrize(
    ("number", "word"),
    [(1, "1st"), (2, "2nd"), (3, "3rd"), (4, "4th"), (11, "11th"), (12, "12th"), (13, "13th"), (21, "21st"),
     (102, "102nd"), (111, "111th"), (1013, "1013th"), (100, "100th")],
)  # fmt: skip
def test_ordinals(number: int, word: str) -> None:
    assert word == standing.ordinal(number)


def test_the_first_one_is_next_and_others_are_about_where_they_are() -> None:
    assert "next in gpu" == standing.told(Standing(1, 340, "gpu"))
    assert "about 12th of 340 waiting in gpu" == standing.told(Standing(12, 340, "gpu"))
    assert "" == standing.told(None)


@pytest.mark.parametrize(
    ("reason", "told"),
    [
        ("others come first (Priority)", "others come first (Priority); about 2nd of 3 waiting in gpu"),
        (f"no room; {START}", f"no room; about 2nd of 3 waiting in gpu; {START}"),
        (START, f"about 2nd of 3 waiting in gpu; {START}"),
        ("", "about 2nd of 3 waiting in gpu"),
    ],
)  # fmt: skip
def test_the_place_stands_before_the_expected_start(reason: str, told: str) -> None:
    assert told == standing.placed(reason, Standing(2, 3, "gpu"))
    assert reason == standing.placed(reason, None)


def test_a_row_of_the_table_tells_it_and_the_start_by_the_clock_here() -> None:
    from dataclasses import replace

    job = replace(
        JOB, state="pending", reason=f"no room; {START}", message="", attempt=1, standing=Standing(2, 3, "gpu")
    )  # fmt: skip

    told = telling.remark(job)

    assert told.startswith("no room; about 2nd of 3 waiting in gpu; to start about 2020-11-2")
