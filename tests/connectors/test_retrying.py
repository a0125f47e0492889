import threading

import pytest

from xpm.connectors.retrying import Patience, Retrying
from xpm.errors import (
    Defect,
    HostKeyProblem,
    HostUnreachable,
    LoginNeeded,
    SiteProblem,
    XpmError,
)


class Attempts:
    """Fails so often, then works."""

    def __init__(self, *errors: XpmError) -> None:
        self.errors = list(errors)
        self.count = 0

    def __call__(self) -> str:
        self.count += 1
        if self.errors:
            raise self.errors.pop(0)
        return "done"


def retrying(patience: Patience, slept: list[float]) -> Retrying:
    return Retrying(patience, threading.Event(), slept.append)


def test_the_network_is_tried_again_ever_more_slowly() -> None:
    slept: list[float] = []
    attempts = Attempts(*(HostUnreachable("away") for _ in range(6)))

    result = retrying(Patience(attempts=10, first_s=1, most_s=10), slept).run(attempts)

    assert result == "done"
    assert len(slept) == 6
    for waited, least in zip(slept, [1, 2, 4, 8, 10, 10], strict=True):
        assert least <= waited <= least + 1


def test_two_laptops_do_not_keep_step() -> None:
    waits = set()
    for _ in range(5):
        slept: list[float] = []
        retrying(Patience(), slept).run(Attempts(HostUnreachable("away")))
        waits.add(slept[0])

    assert len(waits) > 1


@pytest.mark.parametrize("kind", [LoginNeeded, HostKeyProblem, SiteProblem, Defect])
def test_what_patience_cannot_mend_is_tried_once(kind: type[XpmError]) -> None:
    attempts = Attempts(kind("no"))

    with pytest.raises(kind):
        retrying(Patience(attempts=10), []).run(attempts)

    assert attempts.count == 1


def test_patience_ends_with_the_last_error() -> None:
    slept: list[float] = []
    attempts = Attempts(*(HostUnreachable(f"away {n}") for n in range(9)))

    with pytest.raises(HostUnreachable, match="away 2"):
        retrying(Patience(attempts=3), slept).run(attempts)

    assert len(slept) == 2


def test_it_stops_when_somebody_closes() -> None:
    closing = threading.Event()
    attempts = Attempts(*(HostUnreachable("away") for _ in range(9)))

    with pytest.raises(HostUnreachable):
        Retrying(Patience(attempts=None), closing, lambda seconds: closing.set()).run(attempts)

    assert attempts.count == 2


def test_a_wait_ends_when_somebody_closes() -> None:
    closing = threading.Event()
    threading.Timer(0.05, closing.set).start()

    with pytest.raises(HostUnreachable):
        Retrying(Patience(attempts=None, first_s=60), closing).run(
            Attempts(*(HostUnreachable("away") for _ in range(9)))
        )


def test_what_takes_long_to_fail_is_told_first() -> None:
    attempts = Attempts(*(HostUnreachable("timed out") for _ in range(3)))

    with pytest.raises(HostUnreachable):
        retrying(Patience(within_s=0.0), []).run(attempts)

    assert attempts.count == 1
