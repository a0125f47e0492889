"""A host that is silent changes no state; what commands say then, and how soon they end."""

import shutil
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.disks.desk import Desk, Running, eventually
from tests.follow.fakes import Cluster, FakeConnector, Lab, sealed
from xpm._experiment import Experiment
from xpm.connectors.base import News
from xpm.errors import HostUnreachable
from xpm.follow.journal import Journal
from xpm.follow.main import MainFolder
from xpm.follow.options import RunOptions
from xpm.follow.session import Session
from xpm.follow.views import experiments
from xpm.follow.world import patience

Keep = Callable[[Running], Running]


@pytest.fixture(autouse=True)
def _state_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    monkeypatch.delenv("XPM_WORKDIR", raising=False)


@pytest.fixture
def running() -> Iterator[Keep]:
    found: list[Running] = []

    def keep(each: Running) -> Running:
        found.append(each)
        return each

    yield keep
    for each in found:
        each.close()


def test_after_any_number_of_failures_the_next_try_comes_within_20_seconds_and_not_in_step() -> (
    None
):
    pauses = [patience(failures) for failures in range(1, 200)]

    assert max(pauses) <= 20.0
    assert min(pauses[:3]) >= 0.5
    assert len(set(pauses[10:])) > 100


class Frozen(FakeConnector):
    """Its host takes everything and answers nothing, and closing it takes as long, until it thaws."""

    def __init__(self, cluster: Cluster, thawed: threading.Event) -> None:
        super().__init__(cluster)
        self._thawed = thawed

    def observe(self, *arguments: object) -> News:
        self._thawed.wait()
        raise HostUnreachable("talk to the cluster", on=self.name, cause="it was frozen")

    def close(self) -> None:
        self._thawed.wait()


@pytest.fixture
def thawed() -> Iterator[threading.Event]:
    """What frozen hosts wait for; no thread outlives the test."""
    found, before = threading.Event(), set(threading.enumerate())
    yield found
    found.set()
    for each in set(threading.enumerate()) - before:
        each.join(60)


def test_a_command_ends_as_soon_as_it_has_given_a_frozen_host_up(
    tmp_path: Path, thawed: threading.Event
) -> None:
    cluster = Cluster(fate=lambda entry: None)
    lab = Lab(cluster)
    options = RunOptions(detach=True, world=lab.world)
    with (
        pytest.raises(SystemExit),
        Experiment(tmp_path / "main", "exp", options=options) as xp,
    ):
        xp.accept(sealed("a"), "a", None)
    cluster.open = lambda: Frozen(cluster, thawed)  # type: ignore[method-assign]
    session = Session(MainFolder(tmp_path / "main"), lab.world)

    problems = session.refresh(patience_s=0.5)
    session.close()

    assert not thawed.is_set()
    assert list(problems) == ["cluster"]
    (view,) = experiments(MainFolder(tmp_path / "main"))
    assert view.jobs[0].state in ("waiting", "running")


def test_a_silent_host_changes_no_state_only_the_age(tmp_path: Path) -> None:
    cluster = Cluster(fate=lambda entry: None)
    lab = Lab(cluster)
    options = RunOptions(detach=True, world=lab.world)
    main = MainFolder(tmp_path / "main")
    with pytest.raises(SystemExit), Experiment(main.path, "exp", options=options) as xp:
        xp.accept(sealed("a"), "a", None)
    session = Session(main, lab.world)
    session.refresh()
    (before,) = session.views()
    cluster.finish(sealed("a").job)
    cluster.down = True

    for _ in range(3):
        session.refresh()

    (after,) = session.views()
    session.close()
    assert [(job.state, job.seen_at) for job in before.jobs] == [
        (job.state, job.seen_at) for job in after.jobs
    ]
    assert after.places["cluster"].down_since is not None


def test_without_a_journal_a_silent_host_makes_no_job_unknown(tmp_path: Path) -> None:
    cluster = Cluster(fate=lambda entry: None)
    lab = Lab(cluster)
    options = RunOptions(detach=True, world=lab.world)
    main = MainFolder(tmp_path / "main")
    with pytest.raises(SystemExit), Experiment(main.path, "exp", options=options) as xp:
        xp.accept(sealed("a"), "a", None)
    shutil.rmtree(tmp_path / "state")
    cluster.down = True
    session = Session(main, lab.world)

    session.refresh()

    (view,) = session.views()
    assert [("waiting", "sent; no news yet")] == [(job.state, job.reason) for job in view.jobs]
    cluster.heal()
    cluster.held.clear()
    session.refresh()
    (view,) = session.views()
    session.close()
    assert [("unknown", "not known there")] == [(job.state, job.reason) for job in view.jobs]


def test_asking_again_adds_nothing_to_a_job_s_story(tmp_path: Path) -> None:
    cluster = Cluster(fate=lambda entry: None)
    lab = Lab(cluster)
    options = RunOptions(detach=True, world=lab.world)
    main = MainFolder(tmp_path / "main")
    with pytest.raises(SystemExit), Experiment(main.path, "exp", options=options) as xp:
        xp.accept(sealed("a"), "a", None)

    for _ in range(3):
        session = Session(main, lab.world)
        session.refresh()
        session.close()

    journal = Journal(main)
    told = [
        str(each.content["state"])
        for each in journal.story(sealed("a").job)
        if each.kind == "state"
    ]
    journal.close()
    assert ["running", "waiting"] == sorted(told)


@pytest.mark.host
def test_a_ready_job_of_a_plain_host_says_what_it_waits_for(tmp_path: Path, running: Keep) -> None:
    desk = Desk(tmp_path, tmp_path / "main", tmp_path / "far")
    run = running(desk.run([1, 2, 3]))
    eventually(lambda: len(desk.ran()) == 2)
    eventually(lambda: "waits for a place (1 of 2)" in [job.reason for job in desk.jobs()])

    status = running(desk.command("status", "--workdir", str(desk.main)))

    assert status.end() == 0
    assert "waits for a place (1 of 2)" in status.said
    desk.go(1, 2, 3)
    assert run.end() == 0, run.said


@pytest.mark.host
def test_a_cancel_that_cannot_be_told_says_why_once(tmp_path: Path, running: Keep) -> None:
    desk = Desk(tmp_path, tmp_path / "main", tmp_path / "far")
    run = running(desk.run([1]))
    eventually(lambda: [job.state for job in desk.jobs()] == ["running"])
    run.close()
    (tmp_path / "far").rename(tmp_path / "away")

    cancel = running(desk.command("cancel", "state=running", "--workdir", str(desk.main)))

    assert cancel.end() == 3, cancel.said
    assert cancel.said.count("is not there") == 1, cancel.said
    assert "1 job will be cancelled at the next exchange with their host" in cancel.said
    (tmp_path / "away").rename(tmp_path / "far")
    assert running(desk.command("sync", "--workdir", str(desk.main))).end() == 0
    eventually(lambda: _synced(desk, running) == ["cancelled"])


def _synced(desk: Desk, running: Keep) -> list[str]:
    assert running(desk.command("sync", "--workdir", str(desk.main))).end() == 0
    return [job.state for job in desk.jobs()]
