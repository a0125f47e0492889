"""A plan run again with another launcher, while its jobs wait where the first one sent them."""

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.experiment.laptop import Laptop
from tests.follow.fakes import Cluster, sealed
from xpm._experiment import Experiment
from xpm.follow.main import MainFolder
from xpm.plan import context

A, B = sealed("a"), sealed("b", sealed("a"))


@pytest.fixture
def one() -> Cluster:
    return Cluster("one", full=True)


@pytest.fixture
def two() -> Cluster:
    return Cluster("two")


@pytest.fixture
def laptop(tmp_path: Path, one: Cluster, two: Cluster) -> Laptop:
    return Laptop(tmp_path / "main", one, two)


def both(xp: Experiment) -> None:
    xp.accept(A, "a", None)
    xp.accept(B, "b", None)


def leave(
    laptop: Laptop, plan: Callable[[Experiment], object], launcher: str, move: bool = False
) -> None:
    """Run a plan until all is safe."""
    with pytest.raises(SystemExit), laptop.experiment(launcher, detach=True, move=move) as xp:
        plan(xp)


def test_without_a_wish_jobs_stay_and_it_is_said_how_to_move_them(
    laptop: Laptop, one: Cluster, two: Cluster
) -> None:
    leave(laptop, both, "one")

    leave(laptop, both, "two")

    assert [each for each in laptop.lines.notes if "--move" in each]
    assert (set(one.held), two.held) == ({A.job, B.job}, {})


def test_what_has_not_started_is_cancelled_and_runs_once_where_its_launcher_says_now(
    laptop: Laptop, one: Cluster, two: Cluster
) -> None:
    leave(laptop, both, "one")

    with laptop.experiment("two", move=True) as xp:
        both(xp)

    assert laptop.states() == ["done", "done"]
    assert ["cancelled", "skipped"] == [one.state(job) for job in (A.job, B.job)]
    assert dict(one.ran) == {}
    assert {A.job: 1, B.job: 1} == dict(two.ran)
    assert [2, 2] == [each.attempt for each in two.held.values()]


def test_what_runs_already_stays_and_what_depends_on_it_too(
    laptop: Laptop, one: Cluster, two: Cluster
) -> None:
    one.full, one.fate = False, lambda entry: None
    leave(laptop, both, "one")
    one.wait_until(lambda: one.state(A.job) == "running")

    leave(laptop, both, "two", move=True)

    assert (one.state(A.job), one.state(B.job), two.held) == ("running", "waiting", {})
    assert [each for each in laptop.lines.notes if "jobs running on one" in each]


def test_a_renewal_of_the_code_that_was_not_delivered_is_delivered_by_the_next_run(
    laptop: Laptop, one: Cluster
) -> None:
    leave(laptop, lambda xp: xp.accept(A, "a", None), "one")
    entry = {**one.held[A.job].entry, "refresh": True}
    MainFolder(laptop.main).outbox.put("one", entry)  # as a laptop that dies then leaves it

    leave(laptop, lambda xp: xp.accept(A, "a", None), "one")

    assert [entry.get("refresh") for entry in one.entries] == [None, True]


def test_what_is_done_in_between_is_done(laptop: Laptop, one: Cluster, two: Cluster) -> None:
    leave(laptop, lambda xp: xp.accept(A, "a", None), "one")
    cancel = one.cancels

    class Late(set[tuple[str, int]]):
        """The cancel comes when the job has just ended."""

        def add(self, each: tuple[str, int]) -> None:
            one.finish(each[0], "done")
            super().add(each)

    one.cancels = Late(cancel)
    with laptop.experiment("two", move=True) as xp:
        xp.accept(A, "a", None)

    assert (laptop.states(), one.state(A.job), two.held) == (["done"], "done", {})


def test_a_move_that_is_interrupted_goes_on_the_next_time(
    laptop: Laptop, one: Cluster, two: Cluster
) -> None:
    leave(laptop, lambda xp: xp.accept(A, "a", None), "one")
    moving = laptop.experiment("two", move=True)
    moving.__enter__()
    moving.accept(A, "a", None)
    while one.state(A.job) != "cancelled":
        event = moving._session.next(0.1)
        if event is not None:
            moving._take(event)
    context.pop(moving)
    moving._session.close()

    with laptop.experiment("two") as xp:
        xp.accept(A, "a", None)

    assert (laptop.states(), dict(one.ran), dict(two.ran)) == (["done"], {}, {A.job: 1})
