"""``xpm status --watch FILTER`` shows jobs that enter and leave, as long as any may."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

import pytest

from tests.cli.commands import xpm
from tests.cli.test_verbs import main
from tests.follow.fakes import Cluster, Lab, job_id, sealed
from xpm._experiment import Experiment
from xpm.cli import watching
from xpm.errors import UsageProblem
from xpm.follow.main import MainFolder
from xpm.follow.observer import PlainObserver
from xpm.follow.options import RunOptions
from xpm.follow.records import Line
from xpm.follow.session import Session
from xpm.follow.views import JobView, find_job

__all__ = ["main"]  # a fixture
A, B = sealed("a", tags={"lr": 1}), sealed("b", tags={"lr": 2})
NAMES = {A.job: "a", B.job: "b"}


@pytest.fixture
def cluster() -> Cluster:
    return Cluster(fate=lambda entry: None)


@pytest.fixture
def lab(cluster: Cluster) -> Lab:
    return Lab(cluster)


@pytest.fixture
def session(lab: Lab, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Session]:
    """Of a main folder from which two jobs were sent."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    monkeypatch.delenv("XPM_WORKDIR", raising=False)
    options = RunOptions(detach=True, world=lab.world)
    with pytest.raises(SystemExit), Experiment(tmp_path / "main", "exp", options=options) as xp:
        submit(xp)
    made = Session(MainFolder(tmp_path / "main"), lab.world)
    yield made
    made.close()


def submit(xp: Experiment) -> None:
    for each in (A, B):
        xp.accept(each, each.job, None)


class Script(PlainObserver):
    """Does one thing after the other, each as soon as just these jobs are shown."""

    def __init__(self, *steps: tuple[str, Callable[[], object]]) -> None:
        super().__init__()
        self.steps = list(steps)
        self.shown: list[str] = []
        self.notes: list[str] = []
        self._now: dict[str, str] = {}

    def changed(self, jobs: Sequence[JobView], counts: Mapping[str, int]) -> None:
        self._now.update((NAMES[job.id], job.state) for job in jobs)
        text = " ".join(f"{name}:{state}" for name, state in sorted(self._now.items()))
        if not self.shown or self.shown[-1] != text:
            self.shown.append(text)
        assert sum(counts.values()) == len(self._now)
        if self.steps and self.steps[0][0] == text:
            self.steps.pop(0)[1]()

    def gone(self, jobs: Sequence[JobView]) -> None:
        for job in jobs:
            del self._now[NAMES[job.id]]

    def note(self, text: str) -> None:
        self.notes.append(text)


def test_jobs_enter_and_leave_and_it_ends_when_none_can_any_more(
    session: Session, cluster: Cluster, lab: Lab
) -> None:
    def retry() -> None:
        other = Session(session.main, lab.world)
        other.retry([find_job(other.look(), A.job)])
        other.close()

    def end() -> None:
        cluster.finish(A.job)
        cluster.finish(B.job)

    script = Script(
        ("", lambda: cluster.finish(A.job, "failed")),
        ("a:failed", retry),
        ("", end),
    )

    watching.watch(session, "state=failed", script)

    assert [] == script.steps
    assert ["", "a:failed", ""] == script.shown
    assert [watching.NONE, watching.NONE] == script.notes


def test_jobs_that_never_pass_keep_nobody_waiting(session: Session, cluster: Cluster) -> None:
    script = Script(("a:running", lambda: cluster.finish(A.job)))

    watching.watch(session, "lr=1 and state=running", script)

    assert ("a:running", "") == tuple(script.shown[-2:])
    assert "running" == cluster.state(B.job)


def test_a_job_whose_connector_is_gone_from_the_profile_keeps_no_other_from_being_watched(
    session: Session, cluster: Cluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    old = job_id("old")
    monkeypatch.setitem(NAMES, old, "old")
    record = session.main.experiment("long-ago")
    run = record.start(1.0, None, [])
    record.append(Line(old, "demo.task", 1, "gone", "gpu", {"lr": 3}, (), "/w", 2.0, run))
    record.close()
    record.end(run, 3.0, "done")

    def end() -> None:
        cluster.finish(A.job)
        cluster.finish(B.job)

    script = Script(("a:running b:running old:waiting", end))

    watching.watch(session, "lr>0", script)

    assert "a:done b:done old:waiting" == script.shown[-1]
    (note,) = script.notes
    assert "gone could not be asked: there is no connector 'gone' any more" in note


def test_a_tag_that_no_job_has_is_refused_before_anything_is_shown(session: Session) -> None:
    script = Script()

    with pytest.raises(UsageProblem, match="no job has a tag 'rl'"):
        watching.watch(session, "rl=1", script)

    assert [] == script.shown


def test_what_passes_in_the_end_is_shown_as_by_status(tmp_path: Path, main: Path) -> None:
    watched = xpm("status", "--watch", "state=failed", "--workdir", str(main), home=tmp_path)
    plain = xpm("status", "state=failed", "--workdir", str(main), home=tmp_path)

    assert (0, plain.out) == (watched.code, watched.out)
    assert "xpm: state=failed: 1 failed" in watched.err
