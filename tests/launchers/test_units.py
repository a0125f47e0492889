"""Durations and sizes."""

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from xpm.launchers import units


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("90s", 90),
        ("10m", 600),
        ("12h", 43200),
        ("2d", 172800),
        ("1w", 604800),
        ("1h30m", 5400),
        ("1d 12h", 129600),
        ("1.5h", 5400),
        ("0.5s", 1),
        ("0s", 0),
        ("12:00:00", 43200),
        ("00:05:00", 300),
        ("1-00:00:00", 86400),
        ("1-12:30:15", 131415),
    ],
)
def test_a_duration_is_a_number_with_a_unit_a_sum_of_them_or_slurms_clock(
    text: str, seconds: int
) -> None:
    assert seconds == units.parse_duration(text)


@pytest.mark.parametrize(
    "text",
    [
        "10",
        "",
        "h",
        "10:30",
        "1-12",
        "1-12:00",
        "-5m",
        "1h1h",
        "10x",
        "1e3s",
        "\u0661\u0660m",
        "1:60:00",
    ],
)
def test_what_is_no_duration_is_refused(text: str) -> None:
    with pytest.raises(units.NotAUnit):
        units.parse_duration(text)


@pytest.mark.parametrize(
    ("text", "hint"),
    [
        ("90:00", "'90m' or '90h'"),
        ("2 hours", "'2h'"),
        ("5min", "'5m'"),
        ("3H", "'3h'"),
        ("7", "no unit"),
    ],
)
def test_a_near_miss_of_a_duration_is_told_the_right_form(text: str, hint: str) -> None:
    with pytest.raises(units.NotAUnit, match=hint):
        units.parse_duration(text)


@pytest.mark.parametrize(
    ("text", "size"),
    [
        ("1GB", 10**9),
        ("1GiB", 2**30),
        ("512MiB", 512 * 2**20),
        ("1.5TB", 15 * 10**11),
        ("4 GB", 4 * 10**9),
        ("100B", 100),
        ("1KB", 1000),
        ("0.3B", 1),
    ],
)
def test_a_size_is_a_number_with_a_decimal_or_binary_unit(text: str, size: int) -> None:
    assert size == units.parse_size(text)


@pytest.mark.parametrize("text", ["4", "", "GB", "4G", "4gb", "4Gb", "-1GB", "4 GB 5MB", "4kB"])
def test_what_is_no_size_is_refused(text: str) -> None:
    with pytest.raises(units.NotAUnit):
        units.parse_size(text)


@given(st.integers(0, 10**10))
def test_a_duration_that_is_said_is_read_back(seconds: int) -> None:
    assert seconds == units.parse_duration(units.say_duration(seconds))


@given(st.integers(0, 2**62))
def test_a_size_that_is_said_is_read_back(size: int) -> None:
    assert size == units.parse_size(units.say_size(size))


@given(st.integers(0, 2**62))
def test_mebibytes_for_slurm_are_enough_and_not_one_too_many(size: int) -> None:
    assert 0 <= units.mib(size) * 2**20 - size < 2**20


@given(st.integers(1, 10**9))
def test_minutes_for_slurm_are_enough_and_not_one_too_many(seconds: int) -> None:
    assert 0 <= units.minutes(seconds) * 60 - seconds < 60


@given(st.text())
def test_any_text_is_a_unit_or_refused(text: str) -> None:
    for parse in (units.parse_duration, units.parse_size):
        with suppress(units.NotAUnit):
            assert parse(text) >= 0
