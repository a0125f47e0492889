"""What jobs may cost at most is counted by what they ask for."""

import pytest

from xpm.follow import hours


@pytest.mark.parametrize(
    ("resources", "options", "expected"),
    [
        ({"gpus": 2, "cpus": 8, "time_s": 3600}, [], {"GPU-hours": 2.0}),
        ({"gpus": 4, "cpus": 8, "time_s": 1800}, ["--nodes=2"], {"GPU-hours": 4.0}),
        ({"gpus": None, "cpus": 8, "time_s": 3600}, ["--nodes=1"], {"core-hours": 8.0}),
        ({"gpus": None, "cpus": 8, "time_s": 60, "exclusive": True}, [], {"node-hours": 1 / 60}),
        ({"gpus": 1, "cpus": 8, "time_s": None}, [], {}),
        ({"cpus": None, "time_s": 60}, [], {}),
        ({}, [], {}),
    ],
)
def test_hours_are_those_of_gpus_or_of_cores_where_none_is_asked_for(
    resources: dict[str, object], options: list[str], expected: dict[str, float]
) -> None:
    request = {"resources": resources, "options": options}

    assert expected == hours.total([request])


def test_hours_of_different_kinds_are_told_side_by_side() -> None:
    gpus = {"resources": {"gpus": 1, "cpus": 4, "time_s": 1800}}
    cores = {"resources": {"cpus": 2, "time_s": 600}}

    assert "3 GPU-hours and 0.33 core-hours" == hours.in_words(hours.total([gpus] * 6 + [cores]))
    assert "" == hours.in_words({})


@pytest.mark.parametrize(
    ("value", "text"),
    [(7.0, "7"), (2.55, "2.5"), (0.05, "0.05"), (0.0166, "0.017"), (12.4, "12"), (12345.6, "12,346"), (0.96, "1"), (9.96, "10")],
)  # fmt: skip
def test_numbers_are_as_long_as_people_read_them(value: float, text: str) -> None:
    assert text == hours.number(value)
