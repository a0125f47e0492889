"""Bytes on their way, as a person is told of them."""

import pytest

from xpm.cli.transferring import Bar, patiently
from xpm.errors import HostUnreachable, UsageProblem


class Clock:
    """Seconds that pass when told to."""

    now = 0.0

    def __call__(self) -> float:
        return self.now


def test_what_came_is_said_with_time_and_rate_when_it_took_some() -> None:
    clock = Clock()
    bar = Bar("it", clock)
    bar.expect(4_000_000)
    bar(1_000_000)
    quick = bar.said
    clock.now = 4.0
    bar(3_000_000)

    assert (quick, bar.said) == ("1.0 MB", "4.0 MB in 4.0 s, 1.0 MB/s")


def test_a_link_that_ends_is_waited_for_once_something_was_to_come(
    capsys: pytest.CaptureFixture[str],
) -> None:
    bar, pauses = Bar("it"), []  # type: Bar, list[int]

    def act() -> str:
        bar.expect(100)
        if len(pauses) < 3:
            bar(10)
            raise HostUnreachable("the connection is lost", on="campus", cause="reset")
        return "whole"

    assert patiently(act, bar, lambda failures: pauses.append(failures) or 0.0) == "whole"  # type: ignore[func-returns-value]
    assert pauses == [1, 1, 1]  # each time something had come
    said = capsys.readouterr().err.splitlines()
    assert said[0] == "waiting: campus: reset (10 B are here; it goes on by itself)"
    assert len(said) == 3


def test_a_host_that_stays_away_is_said_once_and_asked_less_and_less(
    capsys: pytest.CaptureFixture[str],
) -> None:
    bar, pauses = Bar("it"), []  # type: Bar, list[int]
    bar.expect(100)

    def act() -> None:
        if len(pauses) < 4:
            raise HostUnreachable("connect", on="campus", cause="timed out")

    patiently(act, bar, lambda failures: pauses.append(failures) or 0.0)  # type: ignore[func-returns-value]

    assert pauses == [1, 2, 3, 4]
    assert len(capsys.readouterr().err.splitlines()) == 2


@pytest.mark.parametrize(
    "problem", [HostUnreachable("connect", on="campus"), UsageProblem("no such job")]
)
def test_what_was_never_reached_or_cannot_heal_is_told_at_once(problem: Exception) -> None:
    def act() -> None:
        raise problem

    with pytest.raises(type(problem)):
        patiently(act, Bar("it"), lambda failures: 0.0)
