"""Jobs that wait where an earlier run sent them, while the plan's launcher has changed, or its code."""

from pathlib import Path

import pytest

from tests.experiment.laptop import Laptop
from tests.follow.fakes import Cluster, sealed
from xpm._experiment import Experiment
from xpm.connectors.base import JobRef
from xpm.follow.main import MainFolder

A = sealed("a")
B = sealed("b", A)


def submit_both(xp: Experiment) -> None:
    xp.accept(A, "a", None)
    xp.accept(B, "b", None)


@pytest.fixture
def other() -> Cluster:
    return Cluster(name="other")


@pytest.fixture
def laptop(tmp_path: Path, cluster: Cluster, other: Cluster) -> Laptop:
    """A laptop that has sent two jobs to a cluster where nothing starts."""
    cluster.stuck = True
    laptop = Laptop(tmp_path / "main", cluster, other)
    with pytest.raises(SystemExit):
        laptop.run(submit_both, detach=True)
    return laptop


def test_jobs_that_wait_elsewhere_stay_there_and_that_is_told_once(
    laptop: Laptop, cluster: Cluster, other: Cluster
) -> None:
    with pytest.raises(SystemExit):
        laptop.run(submit_both, launcher="other", detach=True)

    told = [each for each in laptop.lines.notes if "xpm run --move" in each]
    assert 1 == len(told)
    assert "sent to cluster (launcher cluster) stay there" in told[0]
    assert ({}, set()) == (other.held, cluster.cancels)


def test_moving_cancels_them_and_sends_each_once(
    laptop: Laptop, cluster: Cluster, other: Cluster
) -> None:
    laptop.run(submit_both, launcher="other", move=True)

    assert ["done", "done"] == laptop.states()
    assert {A.job: 1, B.job: 1} == dict(other.ran)
    assert not cluster.ran
    assert {"cancelled"} == {each.state for each in cluster.held.values() if each.entry["job"] == A.job}  # fmt: skip
    assert [2, 2] == [other.held[each.job].attempt for each in (A, B)]
    assert 1 == sum("are cancelled there, and go to other" in each for each in laptop.lines.notes)


def test_what_runs_is_not_moved(laptop: Laptop, cluster: Cluster, other: Cluster) -> None:
    cluster.stuck = False
    cluster.fate = lambda entry: None
    cluster.finish(B.job, "cancelled")  # lets a start

    with pytest.raises(SystemExit):
        laptop.run(lambda xp: xp.accept(A, "a", None), launcher="other", move=True, detach=True)

    assert "running" == cluster.state(A.job)
    assert {} == other.held


def test_a_job_is_sent_elsewhere_only_when_it_is_known_to_be_cancelled(
    laptop: Laptop, cluster: Cluster, other: Cluster
) -> None:
    cluster.cut()
    with laptop.experiment(launcher="other", move=True) as xp:
        xp.accept(A, "a", None)
        assert {} == other.held
        cluster.heal()

    assert "cancelled" == cluster.state(A.job)
    assert {A.job: 1} == dict(other.ran)


def test_a_laptop_that_dies_while_it_moves_jobs_sends_each_once(
    laptop: Laptop, cluster: Cluster, other: Cluster
) -> None:
    main = MainFolder(laptop.main)
    main.outbox.owe("cluster", JobRef(A.task, A.job), 1, 0.0)  # and died

    laptop.run(submit_both, launcher="other", move=True)

    assert ["done", "done"] == laptop.states()
    assert {A.job: 1, B.job: 1} == dict(other.ran)


def test_newer_code_that_was_not_delivered_is_delivered_by_the_next_command(
    laptop: Laptop, cluster: Cluster, other: Cluster
) -> None:
    main = MainFolder(laptop.main)
    noted = main.job(JobRef(A.task, A.job))
    assert noted is not None
    names = ("job", "task", "attempt", "experiment", "parents", "tokens", "request", "document")
    entry = {name: noted[name] for name in names}
    main.outbox.put("cluster", {**entry, "code": noted["code"], "refresh": True})  # and died

    before = len(cluster.submissions)
    with pytest.raises(SystemExit):
        laptop.run(submit_both, detach=True)

    assert [[A.job]] == cluster.submissions[before:]
    assert [] == main.outbox.jobs("cluster")
    assert [1, 1] == [cluster.held[each.job].attempt for each in (A, B)]


def test_newer_code_on_its_way_is_no_job_that_was_never_sent(
    laptop: Laptop, cluster: Cluster, other: Cluster
) -> None:
    main = MainFolder(laptop.main)
    noted = main.job(JobRef(A.task, A.job))
    assert noted is not None
    main.outbox.put("cluster", {"task": A.task, "job": A.job, "attempt": 1, "refresh": True})

    assert not main.outbox.holds("cluster", A.job)
    assert not main.outbox.withdraw("cluster", A.job)
