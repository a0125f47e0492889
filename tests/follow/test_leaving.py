import pytest

from xpm.follow import leaving
from xpm.sync.staying import Left

GB = 10**9


@pytest.mark.parametrize(
    ("count", "said"),
    [
        (0, "0 B"), (999, "999 B"), (1000, "1.0 kB"), (2_140_000, "2.1 MB"), (9_990_000, "10 MB"), (12 * GB, "12 GB"),
        (5_000 * GB, "5.0 TB"),
    ],
)  # fmt: skip
def test_a_size_is_said_as_a_person_would(count: int, said: str) -> None:
    assert said == leaving.size(count)


def test_what_stays_is_added_up_by_place_with_the_command_that_brings_it() -> None:
    found = leaving.added(
        [
            ("tower", "b" * 64, Left(1, 5)),
            ("campus", "7f3a7f3a" * 8, Left(2, 10 * GB)),
            ("tower", "c" * 64, Left(3, 10)),
            ("else", "d" * 64, Left()),
        ]
    )

    assert leaving.lines(found, "digits") == [
        "2 files, 10 GB stayed on campus: xpm pull 7f3a7f3a",
        "4 files, 15 B of 2 jobs stayed on tower: xpm pull digits",
    ]
