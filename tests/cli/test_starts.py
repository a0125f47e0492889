"""Expected starts in words."""

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest

from xpm.agent import slurm_reasons
from xpm.words import starts

NOW = datetime(2026, 11, 25, 12, 0, tzinfo=UTC)
SAID = "others come first (Priority); SLURM expects to start it by "


def local(day: int, hour: int) -> datetime:
    return datetime(2026, 11, day, hour, 5).astimezone()


@pytest.mark.parametrize(
    ("start", "expected"),
    [
        (local(25, 14), "about 14:05"),
        (local(27, 8), "about Fri 08:05"),
        (datetime(2026, 12, 24, 8, 5).astimezone(), "about 2026-12-24 08:05"),
        (local(24, 23), "about 2026-11-24 23:05"),
    ],
)
def test_a_start_is_told_as_far_as_it_needs_saying(start: datetime, expected: str) -> None:
    assert expected == starts.about(start, local(25, 12))


def test_the_clock_of_this_machine_counts_wherever_the_cluster_is() -> None:
    there = datetime(2026, 11, 25, 23, 5, tzinfo=ZoneInfo("Asia/Tokyo"))
    reason = f"{SAID}{there:%Y-%m-%d %H:%M %z}"

    assert starts.parted(reason) == ("others come first (Priority)", there)
    assert starts.told(reason, NOW) == (
        f"others come first (Priority); to start {starts.about(there, NOW)}"
    )


@pytest.mark.parametrize("reason", ["", "others come first", f"{SAID}tomorrow"])
def test_a_reason_without_a_start_stays_as_it_is(reason: str) -> None:
    assert starts.told(reason, NOW) == reason


def test_what_the_agent_says_is_understood() -> None:
    said = slurm_reasons.waiting("Priority", "2026-11-25T14:03:10")

    why, start = starts.parted(said)

    assert (why, start is not None) == (slurm_reasons.in_words("Priority"), True)
    assert starts.parted(slurm_reasons.waiting("None", "2026-11-25T14:03:10"))[1] is not None
