"""Another laptop takes over: from a workspace alone it knows the same, and nothing happens twice."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.experiment.laptop import Laptop
from tests.follow.fakes import Cluster, sealed
from xpm._experiment import Experiment
from xpm.connectors.base import Entry
from xpm.follow.adopting import Adopted, adopt
from xpm.follow.main import MainFolder
from xpm.follow.session import Session

A, B, C = sealed("a", tags={"layers": 3}), sealed("b", sealed("a")), sealed("c")
ENDS = {A.job: "done", C.job: "failed"}


def plan(xp: Experiment) -> None:
    for each in (A, B, C):
        xp.accept(each, each.job, None)


@pytest.fixture
def cluster() -> Cluster:
    return Cluster(fate=lambda entry: ENDS.get(str(entry["job"])))


@pytest.fixture
def first(tmp_path: Path, cluster: Cluster) -> Laptop:
    """The laptop that ran the plan: a is done, b runs, c has failed."""
    laptop = Laptop(tmp_path / "first", cluster)
    with pytest.raises(SystemExit):
        laptop.run(plan, detach=True)
    return laptop


@pytest.fixture
def second(tmp_path: Path, cluster: Cluster, first: Laptop) -> Laptop:
    return Laptop(tmp_path / "second", cluster)


@pytest.fixture
def session(second: Laptop) -> Iterator[Session]:
    made = Session(MainFolder(second.main), second.lab.world)
    yield made
    made.close()


def take_over(session: Session, cluster: Cluster, name: str | None = None) -> Adopted:
    session.main.prepare()
    return adopt(session.main, "cluster", "/w", cluster.open().wanted(name))


def test_an_empty_laptop_knows_the_same_and_has_the_results(
    session: Session, cluster: Cluster, second: Laptop
) -> None:
    found = take_over(session, cluster)
    problems = session.sync()

    assert (found.fresh, found.refused, dict(problems)) == ({"exp": 3}, [], {})
    (view,) = session.views()
    assert {A.job: "done", B.job: "running", C.job: "failed"} == {j.id: j.state for j in view.jobs}
    assert {"layers": 3} == next(dict(j.tags) for j in view.jobs if j.id == A.job)
    assert [A.job] == list(view.parents[B.job])
    assert (second.main / "jobs" / A.task / A.job / "stdout").read_text() == "out\n"
    assert session.main.job(view.jobs[0].ref) is not None


def test_the_plan_run_there_resubmits_nothing_but_what_failed(
    session: Session, cluster: Cluster, second: Laptop
) -> None:
    take_over(session, cluster)
    sent = len(cluster.submissions)
    cluster.fate = lambda entry: "done"
    cluster.finish(B.job)

    second.run(plan)

    assert [[C.job]] == cluster.submissions[sent:]
    assert {A.job: 1, B.job: 1, C.job: 2} == dict(cluster.ran)


def test_adopting_again_adds_only_what_is_new(session: Session, cluster: Cluster) -> None:
    take_over(session, cluster)
    before = session.main.experiment("exp").lines()

    again = take_over(session, cluster)

    assert {"exp": 0} == again.fresh
    assert before == session.main.experiment("exp").lines()


def test_what_the_main_folder_has_elsewhere_stays(session: Session, cluster: Cluster) -> None:
    session.main.prepare()
    entry = {**cluster.held[A.job].entry, "attempt": 4}
    session.main.note_job("local", "plan.py:1", 1.0, entry)

    found = take_over(session, cluster)

    assert [A.job] == [ref.job for ref in found.elsewhere]
    assert {"exp": 2} == found.fresh
    noted = session.main.job(found.elsewhere[0])
    assert noted is not None
    assert ("local", 4) == (noted["connector"], noted["attempt"])


@pytest.mark.parametrize(
    "evil",
    [
        {"task": "../../etc"}, {"job": "../x"}, {"experiment": "../../home"}, {"attempt": 0},
        {"parents": [["..", "x"]]}, {"parents": ["x"]}, {"request": {}}, {"tags": "none"},
    ],
)  # fmt: skip
def test_an_entry_with_evil_names_is_not_taken(
    session: Session, cluster: Cluster, evil: Entry
) -> None:
    session.main.prepare()
    before = sorted(session.main.path.rglob("*"))
    entry = {**cluster.held[A.job].entry, **evil}

    found = adopt(session.main, "cluster", "/w", [(1.0, entry)])

    assert 1 == len(found.refused)
    assert before == sorted(session.main.path.rglob("*"))


def test_a_cancel_of_one_laptop_is_seen_by_the_other(
    session: Session, cluster: Cluster, first: Laptop
) -> None:
    take_over(session, cluster)
    session.sync()
    (view,) = session.views()

    session.cancel([job for job in view.jobs if job.id == B.job])

    mine = Session(MainFolder(first.main), first.lab.world)
    mine.refresh()
    mine.close()
    assert ["done", "cancelled", "failed"] == first.states()


def test_a_retry_on_both_laptops_is_one_attempt(
    session: Session, cluster: Cluster, first: Laptop
) -> None:
    take_over(session, cluster)
    session.sync()
    mine = Session(MainFolder(first.main), first.lab.world)
    mine.sync()
    cluster.fate = lambda entry: "done"

    for each in (session, mine):  # neither has heard of the other's wish
        (view,) = each.views()
        each.retry([job for job in view.jobs if job.id == C.job])
    mine.close()

    assert 2 == cluster.ran[C.job]
    assert 2 == cluster.held[C.job].attempt
    assert ["done", "running", "done"] == first.states()


def test_what_another_laptop_tried_again_is_heard_of_by_a_sync(
    session: Session, cluster: Cluster, first: Laptop
) -> None:
    mine = Session(MainFolder(first.main), first.lab.world)
    mine.sync()
    take_over(session, cluster)
    session.sync()
    cluster.fate = lambda entry: "done"
    (view,) = session.views()
    session.retry([job for job in view.jobs if job.id == C.job])
    fetched = len(cluster.fetched)

    mine.sync()
    mine.close()

    assert ["done", "running", "done"] == first.states()
    assert [C.job] == cluster.fetched[fetched:]
