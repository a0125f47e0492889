"""What the commands do with a main folder."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.follow import fakes
from tests.follow.fakes import Cluster, Lab, job_id, sealed
from xpm._experiment import Experiment
from xpm.errors import JobsFailed, UsageProblem
from xpm.follow.main import MainFolder
from xpm.follow.options import RunOptions
from xpm.follow.session import Session
from xpm.follow.views import JobView, find_job

A, B = sealed("a", tags={"layers": 3}), sealed("b", sealed("a"))


@pytest.fixture
def cluster() -> Cluster:
    return Cluster(fate=lambda entry: None)


@pytest.fixture
def lab(cluster: Cluster) -> Lab:
    return Lab(cluster)


@pytest.fixture
def session(lab: Lab, main_path: Path) -> Iterator[Session]:
    made = Session(MainFolder(main_path), lab.world)
    yield made
    made.close()


@pytest.fixture
def _submitted(lab: Lab, main_path: Path) -> None:
    submit(lab, main_path, submit_both)


def submit_both(xp: Experiment) -> None:
    xp.accept(A, "a", None)
    xp.accept(B, "b", None)


def jobs(session: Session) -> dict[str, JobView]:
    (view,) = session.views()
    return {"a" if job.id == A.job else "b": job for job in view.jobs}


@pytest.mark.usefixtures("_submitted")
def test_one_exchange_tells_all_states_and_brings_what_is_over(
    session: Session, cluster: Cluster
) -> None:
    cluster.finish(A.job)

    problems = session.refresh()

    assert problems == {}
    seen = jobs(session)
    assert (seen["a"].state, seen["b"].state) == ("done", "running")
    assert (seen["a"].settled, seen["b"].settled) == (True, False)
    assert (Path(seen["a"].path) / "stdout").exists()
    assert seen["a"].tags == {"layers": 3}


@pytest.mark.usefixtures("_submitted")
def test_nothing_is_asked_when_all_is_over_and_here(session: Session, cluster: Cluster) -> None:
    cluster.finish(A.job)
    cluster.finish(B.job)
    session.refresh()
    session.close()
    opened = cluster.opened

    session.refresh()

    assert opened == cluster.opened


@pytest.mark.usefixtures("_submitted")
def test_a_connector_out_of_reach_keeps_the_last_known_states(
    session: Session, cluster: Cluster
) -> None:
    session.refresh()
    session.close()
    seen_before = jobs(session)["a"].seen_at
    cluster.finish(A.job)
    cluster.down = True

    problems = session.refresh()

    assert list(problems) == ["cluster"]
    assert jobs(session)["a"].state == "running"
    assert seen_before == jobs(session)["a"].seen_at
    (view,) = session.views()
    assert view.places["cluster"].down_since is not None


@pytest.mark.usefixtures("_submitted")
def test_a_cancel_given_while_the_link_is_down_is_told_later(
    session: Session, cluster: Cluster
) -> None:
    cluster.down = True
    session.cancel([jobs(session)["a"]])
    session.close()
    assert cluster.state(A.job) == "running"
    told = jobs(session)["a"]
    assert told.state == "running"
    assert "being cancelled, not delivered yet: cluster is out of reach since" in told.reason

    cluster.heal()
    session.refresh()

    assert cluster.state(A.job) == "cancelled"
    seen = jobs(session)
    assert (seen["a"].state, seen["b"].state) == ("cancelled", "skipped")
    (view,) = session.views()
    assert view.state == "cancelled"


def test_what_was_cancelled_before_it_could_be_sent_is_never_started(
    session: Session, cluster: Cluster, lab: Lab, main_path: Path
) -> None:
    cluster.down = True
    xp = Experiment(main_path, "exp", options=RunOptions(world=lab.world))
    xp.__enter__()
    submit_both(xp)
    with pytest.raises(SystemExit):
        xp.__exit__(KeyboardInterrupt, KeyboardInterrupt(), None)
    session.cancel(list(jobs(session).values()))
    session.close()
    assert "being cancelled, not delivered yet" in jobs(session)["a"].reason

    cluster.heal()
    session.refresh()

    assert {"cancelled"} == {job.state for job in jobs(session).values()}
    assert not cluster.ran


@pytest.mark.usefixtures("_submitted")
def test_retrying_a_failed_job_takes_those_skipped_after_it_along(
    session: Session, cluster: Cluster
) -> None:
    cluster.finish(A.job, "failed", "boom")
    session.refresh()
    seen = jobs(session)
    assert (seen["a"].state, seen["b"].state) == ("failed", "skipped")

    cluster.fate = lambda entry: "done"
    session.retry([seen["a"]])
    session.refresh()

    seen = jobs(session)
    assert (seen["a"].state, seen["b"].state) == ("done", "done")
    assert (seen["a"].attempt, seen["b"].attempt) == (2, 2)


@pytest.mark.usefixtures("_submitted")
def test_what_is_retried_may_be_sent_one_by_one_and_is_not_skipped_again(
    session: Session, cluster: Cluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    cluster.finish(A.job, "failed", "boom")
    session.refresh()
    cluster.fate = lambda entry: "done"
    submit = session.submit

    def submit_and_see_it_sent(*what: Any) -> None:
        submit(*what)
        session.hurry()
        cluster.wait_until(lambda: cluster.submissions[-1] == [what[1]["job"]])

    monkeypatch.setattr(session, "submit", submit_and_see_it_sent)
    session.retry([jobs(session)["a"]])
    session.refresh()

    seen = jobs(session)
    assert [[A.job], [B.job]] == cluster.submissions[-2:]
    assert (seen["a"].state, seen["b"].state) == ("done", "done")


@pytest.mark.usefixtures("_submitted")
def test_a_job_that_is_not_over_cannot_be_retried(session: Session) -> None:
    session.refresh()

    with pytest.raises(UsageProblem, match="is running"):
        session.retry([jobs(session)["a"]])


@pytest.mark.usefixtures("_submitted")
def test_logs_come_from_here_when_they_are_here(session: Session, cluster: Cluster) -> None:
    session.refresh()
    assert session.tail(jobs(session)["a"], "stdout", 2) == b"line\n"

    cluster.finish(A.job)
    session.refresh()

    assert session.tail(jobs(session)["a"], "stdout", 0) == b"out\n"
    assert session.tail(jobs(session)["a"], "stdout", 4) == b""


@pytest.mark.usefixtures("_submitted")
def test_a_job_is_named_by_any_unique_beginning_of_its_id(session: Session) -> None:
    look = session.look()

    assert find_job(look, A.job[:6]).id == A.job
    assert find_job(look, f"demo.task/{A.job}").id == A.job
    with pytest.raises(UsageProblem, match="no job"):
        find_job(look, "0" * 64)
    with pytest.raises(UsageProblem, match="no job"):
        find_job(look, "")


def test_an_experiment_of_a_later_plan_forgets_what_the_plan_no_longer_has(
    lab: Lab, main_path: Path, session: Session, cluster: Cluster
) -> None:
    options = RunOptions(world=lab.world)
    cluster.fate = lambda entry: "failed" if entry["job"] == job_id("bad") else "done"
    with pytest.raises(JobsFailed), Experiment(main_path, "exp", options=options) as xp:
        xp.accept(sealed("bad"), "bad", None)

    with Experiment(main_path, "exp", options=options) as xp:
        xp.accept(sealed("good"), "good", None)

    (view,) = session.views()
    assert [job_id("good")] == [job.id for job in view.jobs]
    assert view.state == "done"


@pytest.fixture
def here(monkeypatch: pytest.MonkeyPatch) -> Cluster:
    """This machine, as a place for jobs."""
    monkeypatch.setattr(fakes, "HERE", "local")
    return Cluster("local", fate=lambda entry: None)


def test_this_machine_is_waited_for_however_busy_it_is_and_that_is_said(
    here: Cluster, main_path: Path
) -> None:
    lab = Lab(here)
    submit(lab, main_path, submit_both)
    session = Session(MainFolder(main_path), lab.world)
    said: list[str] = []
    here.changed.acquire()  # nothing gets on

    def says(text: str) -> None:
        said.append(text)
        here.changed.release()

    session.says = says

    problems = session.cancel(list(jobs(session).values()), patience_s=0.0)

    assert {} == problems
    assert ["local has not answered yet: this machine is busy; waiting until it has"] == said
    assert {"cancelled", "skipped"} >= {job.state for job in jobs(session).values()}
    session.close()


def test_a_silent_host_is_given_up_while_this_machine_is_waited_for(
    here: Cluster, main_path: Path
) -> None:
    far = Cluster("far", fate=lambda entry: None)
    lab = Lab(here, far)
    submit(lab, main_path, submit_here_and_far)
    session = Session(MainFolder(main_path), lab.world)
    here.changed.acquire()
    far.changed.acquire()
    session.says = lambda text: here.changed.release()

    problems = session.refresh(patience_s=0.0)

    assert ["far"] == list(problems)
    far.changed.release()
    session.close()


def submit_here_and_far(xp: Experiment) -> None:
    xp.accept(A, "a", None)
    xp.accept(sealed("c"), "c", "far")


def submit(lab: Lab, main: Path, plan: Callable[[Experiment], None]) -> None:
    """Leave a plan to its places."""
    options = RunOptions(detach=True, world=lab.world)
    with pytest.raises(SystemExit), Experiment(main, "exp", options=options) as xp:
        plan(xp)
