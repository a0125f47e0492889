"""Code that is sent is told, with its size; a long way now and then meanwhile."""

from xpm.follow.sending import Sending


def test_small_code_is_told_once_it_is_there() -> None:
    told: list[str] = []
    sending = Sending("5d4970b6aaaa", told.append, lambda: 0.0)

    sending(0, 312_000)
    sending(312_000, 312_000)
    sending.ended()

    assert ["code 5d4970b6 is there, 312 kB sent"] == told


def test_what_takes_long_is_told_meanwhile_with_growing_pauses() -> None:
    told: list[str] = []
    now = [0.0]
    sending = Sending("5d4970b6aaaa", told.append, lambda: now[0])

    for second in range(0, 41, 4):
        now[0] = float(second)
        sending(second * 10**6, 50_000_000)

    assert [
        "sending code 5d4970b6: 8.0 MB of 50 MB",
        "sending code 5d4970b6: 20 MB of 50 MB",
        "sending code 5d4970b6: 40 MB of 50 MB",
    ] == told


def test_code_that_was_there_is_not_told() -> None:
    told: list[str] = []

    Sending("5d4970b6aaaa", told.append).ended()

    assert not told
