"""What ``scripts/faults`` does, at a few points of each sort: no job is lost, doubled or left half here."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.faults import plans
from tests.faults.laptop import Fault
from tests.faults.links import LinkFault, Links
from tests.faults.main import SAMPLES, Bench, spread, trials
from tests.faults.plans import Plans

pytestmark = pytest.mark.host
PART = 8
"""Of what ``scripts/faults`` tries, one in so many is tried here."""


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    found = Bench(tmp_path, workers=4)
    yield found
    found.close()


@pytest.mark.timeout(1500)  # many trials, each with patience of its own
def test_faults_break_no_promise(bench: Bench) -> None:
    tried = list(trials(bench, lambda name: max(3, SAMPLES[name] // PART), ""))

    assert set(SAMPLES) == {each.family for each in tried}
    assert [] == [each for each in tried if each.broken]


def test_a_link_can_fail_at_every_byte_of_a_message(tmp_path: Path) -> None:
    points = Links(tmp_path).points()

    assert LinkFault("received", 0, "cut") in points
    assert LinkFault("sent", 50, "frozen") in points


def test_every_sort_of_process_has_fault_points(tmp_path: Path) -> None:
    points = Plans(tmp_path, "far", "killed", plans.KILLS).points()

    assert {"laptop", "agent", "supervisor", "runner", "task"} == {each.role for each in points}
    assert Fault("laptop", 40, "KILL") in points


def test_points_are_chosen_evenly_and_as_many_of_each_role() -> None:
    assert [0, 2, 5, 7] == list(spread(range(10), 4))
    assert [0, 1] == list(spread(range(2), 4))
    many = [
        Fault(role, n, "KILL") for role, most in (("agent", 90), ("task", 3)) for n in range(most)
    ]
    assert ["task"] * 3 + ["agent"] * 5 == [each.role for each in spread(many, 8)]
