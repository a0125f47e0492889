"""What ``scripts/faults`` does, at a few points of each sort: no job is lost, doubled or left half here."""

from pathlib import Path

import pytest

from tests.faults.laptop import Fault
from tests.faults.links import LinkFault, Links
from tests.faults.main import spread, trials
from tests.faults.plans import Plans

pytestmark = pytest.mark.host
EACH = 3


@pytest.mark.parametrize("family", ["link", "killed", "errors"])
def test_faults_break_no_promise(tmp_path: Path, family: str) -> None:
    tried = list(trials(tmp_path, EACH, family, workers=4))

    assert len(tried) >= EACH
    assert [each for each in tried if each.broken] == []


def test_a_link_can_fail_at_every_byte_of_a_message(tmp_path: Path) -> None:
    points = Links(tmp_path).points()

    assert LinkFault("received", 0, "cut") in points
    assert LinkFault("sent", 50, "frozen") in points


def test_every_sort_of_process_has_fault_points(tmp_path: Path) -> None:
    points = Plans(tmp_path, "here", ["KILL"]).points()

    assert {"laptop", "supervisor", "runner", "task"} == {each.role for each in points}
    assert Fault("laptop", 40, "KILL") in points


def test_points_are_chosen_evenly() -> None:
    assert [0, 2, 5, 7] == list(spread(range(10), 4))
    assert [0, 1] == list(spread(range(2), 4))
