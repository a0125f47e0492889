"""The profile's rules of results, where files are brought: at the end, while jobs run, and when somebody asks."""

import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from queue import SimpleQueue

import pytest

from tests.follow.fakes import Cluster, Lab, job_id, sealed
from xpm._experiment import Experiment
from xpm.connectors.base import JobRef, Reported, Stayed
from xpm.follow import pulling, views
from xpm.follow.bringing import Bringing
from xpm.follow.events import Event
from xpm.follow.followed import Followed
from xpm.follow.journal import Journal, journal_folder
from xpm.follow.looking import Look
from xpm.follow.main import MainFolder
from xpm.follow.options import RunOptions
from xpm.follow.session import Session
from xpm.follow.views import JobView
from xpm.sync.rules import Choice, Moment, Rules
from xpm.wire import ledger

A, B = sealed("a"), sealed("b")
REFS = [JobRef(each.task, each.job) for each in (A, B)]
BIG = [Stayed("ckpt/1.pt", 10**9, "skip"), Stayed("ckpt/2.pt", 2 * 10**9, "skip")]
USUAL = Choice(skip=("ckpt/",), pull_on=("done",))


@pytest.fixture
def cluster() -> Cluster:
    return Cluster(fate=lambda entry: None)


@pytest.fixture
def lab(cluster: Cluster) -> Lab:
    lab = Lab(cluster)
    lab.rules = {"cluster": Rules(USUAL)}
    return lab


@pytest.fixture
def session(lab: Lab, main_path: Path) -> Iterator[Session]:
    options = RunOptions(detach=True, world=lab.world)
    with pytest.raises(SystemExit), Experiment(main_path, "exp", options=options) as xp:
        submit_both(xp)
    made = Session(MainFolder(main_path), lab.world)
    yield made
    made.close()


def submit_both(xp: Experiment) -> None:
    xp.accept(A, "a", None)
    xp.accept(B, "b", None)


def jobs(session: Session) -> list[JobView]:
    (view,) = session.views()
    return sorted(view.jobs, key=lambda job: [A.job, B.job].index(job.id))


def test_files_come_by_the_rules_of_the_place_and_of_how_the_job_ended(
    session: Session, cluster: Cluster
) -> None:
    cluster.finish(A.job)
    cluster.finish(B.job, "failed")

    session.refresh()

    assert cluster.choices == [([A.job], USUAL), ([B.job], USUAL.after("failed"))]
    assert cluster.choices[1][1].moment is Moment.UNWISHED


def test_jobs_of_equal_rules_come_in_one_exchange_others_by_their_launcher(
    lab: Lab, main_path: Path, cluster: Cluster
) -> None:
    other = Choice(skip=("all/",))
    lab.rules = {"cluster": Rules(USUAL, {"cluster": other, "elsewhere": USUAL})}
    cluster.fate = lambda entry: "done"
    with Experiment(main_path, "exp", options=RunOptions(world=lab.world)) as xp:
        xp.accept(A, "a", None)
        xp.accept(B, "b", None)

    asked = [(job, choice) for jobs, choice in cluster.choices for job in jobs]
    assert sorted(asked) == sorted([(A.job, other), (B.job, other)])
    assert len(cluster.choices) == 1


def test_how_much_stays_is_known_and_outlives_the_journal(
    session: Session, cluster: Cluster, main_path: Path
) -> None:
    cluster.stays = BIG
    cluster.finish(A.job)
    session.refresh()

    assert [(job.left.files, job.left.bytes) for job in jobs(session)] == [(2, 3 * 10**9), (0, 0)]
    session.close()
    shutil.rmtree(journal_folder(MainFolder(main_path)))
    main = MainFolder(main_path)
    journal = Journal(main)
    look = Look(main, journal)
    told = views.as_json(views.experiment(look, "exp"))["jobs"]
    [stays] = views.summary(look, "exp", ("done",), 9).stays
    journal.close()
    assert [each["stayed"] for each in told if each["id"] == A.job] == [  # type: ignore[attr-defined]
        {"files": 2, "bytes": 3 * 10**9}
    ]
    assert tuple(stays) == ("cluster", 1, 2, 3 * 10**9, A.job)


@pytest.mark.parametrize(("is_gone", "gone"), [(False, []), (True, ["ckpt/1.pt"])])
def test_what_stays_is_pulled_by_pattern_and_noted(
    session: Session, cluster: Cluster, is_gone: bool, gone: list[str]
) -> None:
    cluster.stays = BIG
    cluster.loses_files = is_gone
    cluster.finish(A.job)
    session.refresh()
    cluster.choices.clear()

    [pulled] = pulling.pull(session, jobs(session)[:1], ["ckpt/1.pt"], lambda count: None)

    assert cluster.choices == [([A.job], USUAL.and_also(["ckpt/1.pt"]))]
    assert (pulled.is_known, pulled.gone) == (True, gone)
    assert jobs(session)[0].left.files == 0


def test_of_a_job_that_runs_files_are_pulled_as_they_are_and_nothing_is_noted(
    session: Session, cluster: Cluster
) -> None:
    session.refresh()

    pulling.pull(session, jobs(session)[:1], [], lambda count: None)

    assert cluster.choices == [([A.job], USUAL.meanwhile.and_also(["*"]))]


def test_what_earlier_rules_have_kept_comes_when_those_of_now_do_not(
    session: Session, lab: Lab, cluster: Cluster, main_path: Path
) -> None:
    cluster.stays = BIG
    cluster.finish(A.job)
    session.refresh()
    cluster.choices.clear()

    assert pulling.follow_rules(session, jobs(session), lambda count: None) == []
    assert cluster.choices == []
    lab.rules = {"cluster": Rules(Choice())}
    cluster.stays = []
    later = Session(MainFolder(main_path), lab.world)
    found = pulling.follow_rules(later, jobs(later), lambda count: None)

    assert [each.ref for each in found] == REFS[:1]
    assert cluster.choices == [([A.job], Choice())]
    assert [job.left.files for job in jobs(later)] == [0, 0]
    later.close()


class Clock:
    """Seconds that pass when told to."""

    now = 100.0

    def __call__(self) -> float:
        return self.now


def test_what_is_to_be_seen_live_comes_for_all_jobs_at_once_and_seldom_when_nothing_is_new(
    session: Session, cluster: Cluster
) -> None:
    clock, live = Clock(), Choice(live=("*.csv",))
    events: SimpleQueue[Event] = SimpleQueue()
    followed = Followed("cluster", events, clock, Rules(live), lambda ref: "", clock)
    link, main = cluster.open(), session.main.path
    before = followed.live_in_s()
    followed.ask(link, session.journal, session.main.path, {ref: 1 for ref in REFS}, 0.0)
    cluster.choices.clear()
    pauses = [followed.live_in_s()]

    for arrives in (0, 0, 0, 0, 5, 0):
        clock.now += pauses[-1]
        assert followed.live_in_s() == 0
        cluster.live_bytes = arrives
        followed.bring_live(link, main)
        pauses.append(followed.live_in_s())

    assert before == float("inf")
    assert pauses == [10, 20, 40, 60, 60, 10, 20]
    assert cluster.choices == [([A.job, B.job], live.meanwhile)] * 6


def test_nothing_is_asked_of_running_jobs_where_nothing_is_to_be_seen(
    session: Session, cluster: Cluster
) -> None:
    session.sync()

    assert cluster.choices == []
    assert [job.state for job in jobs(session)] == ["running"] * 2


def test_sync_brings_what_is_to_be_seen_live(session: Session, lab: Lab, cluster: Cluster) -> None:
    live = Choice(live=("*.csv",))
    lab.rules = {"cluster": Rules(live)}

    session.sync()

    assert [(sorted(jobs), choice) for jobs, choice in cluster.choices] == [
        (sorted([A.job, B.job]), live.meanwhile)
    ]
    session.refresh()  # a glance, as of `xpm status`
    assert len(cluster.choices) == 1
    assert job_id("a") == A.job


def test_a_long_transfer_is_told_now_and_then() -> None:
    clock, told = Clock(), []  # type: Clock, list[str]
    bringing = Bringing(told.append, clock)
    bringing.expect(2 * 10**9)

    for _ in range(60):
        clock.now += 1.0
        bringing(10**7)

    assert told == [
        "bringing results: 50 MB of 2.0 GB", "bringing results: 150 MB of 2.0 GB",
        "bringing results: 350 MB of 2.0 GB",
    ]  # fmt: skip


def test_what_is_urgent_comes_between_and_the_rest_of_the_files_after(
    session: Session, cluster: Cluster
) -> None:
    cluster.finish(A.job)
    events: SimpleQueue[Event] = SimpleQueue()
    followed = Followed("cluster", events, Clock(), Rules(), lambda ref: "")
    link = cluster.open()
    followed.ask(link, session.journal, session.main.path, {ref: 1 for ref in REFS}, 0.0)

    followed.bring(link, session.journal, session.main.path, lambda: True)
    assert (followed.count_unfetched, jobs(session)[0].settled) == (1, False)
    followed.bring(link, session.journal, session.main.path)

    assert (followed.count_unfetched, jobs(session)[0].settled) == (0, True)


def test_how_far_a_job_elsewhere_is_lies_in_its_mirror_and_nowhere_else(
    session: Session, cluster: Cluster, tmp_path: Path
) -> None:
    stranger = JobRef("other.task", "f" * 64)
    cluster.progress = [Reported(ref, 5.0, 0.25, "epoch 3") for ref in (REFS[0], stranger)]
    out = tmp_path / "out"
    out.mkdir()
    barred = Path(ledger.job_folder(str(session.main.path), REFS[1].task, REFS[1].job))
    shutil.rmtree(barred)
    barred.mkdir(parents=True)
    (barred / ".xpm").symlink_to(out)
    cluster.progress.append(Reported(REFS[1], 5.0, 0.5, "out"))

    session.sync()

    folder = Path(ledger.job_folder(str(session.main.path), REFS[0].task, REFS[0].job))
    said = json.loads((folder / ".xpm" / "progress.json").read_text())
    assert said == {"at": 5.0, "fraction": 0.25, "description": "epoch 3"}
    assert not (session.main.path / "jobs" / stranger.task).exists()
    assert not list(out.iterdir())
