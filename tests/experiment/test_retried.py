"""Jobs of a run that somebody tries again from elsewhere, on the page or with ``xpm retry``, while the run follows them."""

import errno
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.experiment.laptop import Laptop
from tests.follow.fakes import Cluster, sealed
from xpm._experiment import Experiment
from xpm.errors import JobsFailed
from xpm.follow.main import MainFolder
from xpm.follow.records import ExperimentRecord
from xpm.follow.session import Session
from xpm.follow.views import JobView

A, B, AFTER_A = sealed("a"), sealed("b"), sealed("after a", sealed("a"))


@pytest.fixture
def elsewhere(laptop: Laptop) -> Iterator[Callable[[Callable[[Session], object]], None]]:
    """Does something with the main folder in a session of its own, in another thread."""
    pool = ThreadPoolExecutor(1)
    asked = []

    def act(what: Callable[[Session], object]) -> None:
        def in_own_session() -> None:
            session = Session(MainFolder(laptop.main), laptop.lab.world)
            try:
                what(session)
            finally:
                session.close()

        asked.append(pool.submit(in_own_session))

    yield act
    for each in asked:
        each.result()
    pool.shutdown()


Elsewhere = Callable[[Callable[[Session], object]], None]


def test_a_job_tried_again_beside_a_run_is_waited_for_and_shown(
    laptop: Laptop, cluster: Cluster, elsewhere: Elsewhere
) -> None:
    cluster.fate = lambda entry: None
    called: list[object] = []
    shown: list[dict[str, int]] = []

    def meanwhile(session: Session) -> None:
        session.retry([known(session, A.job, "failed")])
        cluster.wait_until(lambda: cluster.held[A.job].attempt == 2)
        cluster.finish(B.job)  # all that the run knew of is over
        until(lambda: laptop.lines.counts == {"running": 1, "done": 1})
        shown.append(laptop.lines.counts)
        cluster.finish(A.job)

    def plan(xp: Experiment) -> None:
        xp.accept(A, "a", None).on_completed(called.append)
        xp.accept(B, "b", None).on_completed(called.append)
        finish_when_running(cluster, A.job, "failed")
        elsewhere(meanwhile)

    laptop.run(plan)

    assert shown == [{"running": 1, "done": 1}]
    assert sorted(map(str, called)) == ["a", "b"]
    assert laptop.lines.counts == {"done": 2}
    assert cluster.ran == {A.job: 2, B.job: 1}


def test_what_was_skipped_after_it_is_followed_again_too(
    laptop: Laptop, cluster: Cluster, elsewhere: Elsewhere
) -> None:
    fates = iter(["failed", "done"])
    cluster.fate = lambda entry: (
        None if entry["job"] == B.job else next(fates) if entry["job"] == A.job else "done"
    )

    def meanwhile(session: Session) -> None:
        session.retry([known(session, A.job, "failed")])
        cluster.wait_until(lambda: cluster.state(AFTER_A.job) == "done")
        cluster.finish(B.job)

    def plan(xp: Experiment) -> None:
        for each in (A, AFTER_A, B):
            xp.accept(each, each.job, None)
        elsewhere(meanwhile)

    laptop.run(plan)

    assert laptop.lines.counts == {"done": 3}


def test_a_retry_that_could_not_be_sent_from_elsewhere_is_sent_by_the_run(
    laptop: Laptop, cluster: Cluster, elsewhere: Elsewhere
) -> None:
    cluster.fate = lambda entry: None
    noted = threading.Event()

    def meanwhile(session: Session) -> None:
        job = known(session, A.job, "failed")
        cluster.cut()
        session.retry([job], patience_s=0.0)
        noted.set()

    def plan(xp: Experiment) -> None:
        xp.accept(A, "a", None)
        xp.accept(B, "b", None)
        finish_when_running(cluster, A.job, "failed")
        elsewhere(meanwhile)
        threading.Thread(target=heal).start()

    def heal() -> None:
        assert noted.wait(60.0)
        cluster.heal()
        cluster.wait_until(lambda: cluster.held[A.job].attempt == 2)
        cluster.finish(A.job)
        cluster.finish(B.job)

    laptop.run(plan)

    assert laptop.lines.counts == {"done": 2}


def test_one_that_fails_again_fails_the_plan(
    laptop: Laptop, cluster: Cluster, elsewhere: Elsewhere
) -> None:
    cluster.fate = lambda entry: None if entry["job"] == B.job else "failed"
    called: list[object] = []

    def meanwhile(session: Session) -> None:
        session.retry([known(session, A.job, "failed")])
        cluster.wait_until(lambda: cluster.ran[A.job] == 2)
        cluster.finish(B.job)

    def plan(xp: Experiment) -> None:
        xp.accept(A, "a", None).on_failed(called.append)
        xp.accept(B, "b", None)
        elsewhere(meanwhile)

    with pytest.raises(JobsFailed, match="1 of 2 tasks failed"):
        laptop.run(plan)

    assert called == ["a"]  # once per job and run, as documented
    assert laptop.lines.counts == {"done": 1, "failed": 1}


def test_one_that_is_cancelled_then_ends_the_wait(
    laptop: Laptop, cluster: Cluster, elsewhere: Elsewhere
) -> None:
    cluster.fate = lambda entry: None
    called: list[object] = []

    def meanwhile(session: Session) -> None:
        session.retry([known(session, A.job, "failed")])
        cluster.wait_until(lambda: cluster.held[A.job].attempt == 2)
        until(lambda: laptop.lines.counts == {"running": 2})
        session.cancel([each for view in session.views() for each in view.jobs if each.id == A.job])
        cluster.finish(B.job)

    def plan(xp: Experiment) -> None:
        xp.accept(A, "a", None).on_failed(called.append)
        xp.accept(B, "b", None)
        finish_when_running(cluster, A.job, "failed")
        elsewhere(meanwhile)

    with pytest.raises(JobsFailed):
        laptop.run(plan)

    assert called == ["a"]
    assert laptop.lines.counts == {"done": 1, "cancelled": 1}


@pytest.mark.parametrize("trouble", [errno.EIO, errno.ESTALE, errno.ENOTCONN])
def test_a_disk_that_is_away_for_a_while_ends_no_run_that_looks_for_retries(
    laptop: Laptop,
    cluster: Cluster,
    elsewhere: Elsewhere,
    monkeypatch: pytest.MonkeyPatch,
    trouble: int,
) -> None:
    cluster.fate = lambda entry: None
    away = [trouble] * 2
    size = ExperimentRecord.size

    def sized(record: ExperimentRecord) -> int:
        if away and threading.current_thread() is threading.main_thread():
            raise OSError(away.pop(), "away")
        return size(record)

    def meanwhile(session: Session) -> None:
        job = known(session, A.job, "failed")
        until(lambda: not away)
        session.retry([job])
        cluster.wait_until(lambda: cluster.held[A.job].attempt == 2)
        cluster.finish(A.job)
        until(lambda: laptop.lines.counts == {"running": 1, "done": 1})
        cluster.finish(B.job)

    def plan(xp: Experiment) -> None:
        xp.accept(A, "a", None)
        xp.accept(B, "b", None)
        monkeypatch.setattr(ExperimentRecord, "size", sized)
        finish_when_running(cluster, A.job, "failed")
        elsewhere(meanwhile)

    laptop.run(plan)

    assert laptop.lines.counts == {"done": 2}


def test_an_interactive_experiment_takes_it_in_with_the_next_look(
    laptop: Laptop, cluster: Cluster, elsewhere: Elsewhere
) -> None:
    cluster.fate = lambda entry: None
    xp = laptop.experiment().start()
    job = xp.accept(A, "a", None)
    finish_when_running(cluster, A.job, "failed")
    with pytest.raises(JobsFailed):
        xp.wait()

    elsewhere(lambda session: session.retry([known(session, A.job, "failed")]))
    until(lambda: xp.update() is not None and job.state == "running")
    cluster.finish(A.job)
    xp.wait()

    assert job.state == "done"
    xp.close()


def known(session: Session, job: str, state: str) -> JobView:
    """The job of this id, as soon as it is over in this state and its files are here."""
    found: list[JobView] = []

    def is_so() -> bool:
        views = session.views()
        found[:] = [each for view in views for each in view.jobs if each.id == job]
        return bool(found) and found[0].state == state and found[0].settled

    until(is_so)
    return found[0]


def until(condition: Callable[[], bool]) -> None:
    """Wait for it."""
    for _ in range(6000):
        if condition():
            return
        threading.Event().wait(0.01)
    raise AssertionError("it did not come")


def finish_when_running(cluster: Cluster, job: str, state: str) -> None:
    """End a job as soon as it runs."""

    def end() -> None:
        cluster.wait_until(lambda: cluster.state(job) == "running")
        cluster.finish(job, state)

    threading.Thread(target=end).start()
