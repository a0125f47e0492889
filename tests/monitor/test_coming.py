"""How far a pull is, as a page is told."""

from xpm.connectors.base import announced
from xpm.monitor.coming import Coming


def test_bytes_files_and_the_time_they_will_take_are_told_while_they_come() -> None:
    now = [0.0]
    coming = Coming(lambda: now[0])
    assert coming.told is None

    with coming.of(2):
        assert {"jobs": 2, "arrived": 0, "expected": 0, "files": 0, "left_s": None} == coming.told
        announced(coming, 1000, 3)
        now[0] = 1.0
        coming(250)
        assert {"jobs": 2, "arrived": 250, "expected": 1000, "files": 3, "left_s": 3} == coming.told
        announced(coming, 2000, 1)  # those of another place
        told = coming.told
        assert told is not None
        assert (250, 2250, 4) == (told["arrived"], told["expected"], told["files"])

    assert coming.told is None
    with coming.of(1):
        assert {"jobs": 1, "arrived": 0, "expected": 0, "files": 0, "left_s": None} == coming.told


def test_a_pull_that_fails_is_not_shown_for_ever() -> None:
    coming = Coming()

    try:
        with coming.of(2):
            raise OSError
    except OSError:
        pass

    assert coming.told is None
