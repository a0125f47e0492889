"""A disk that is full, read-only or away fails no job and ends no run: it is told, waited for, and all goes on."""

import os
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.disks.conftest import Mount, filled, unmount
from tests.disks.desk import Desk, Running, eventually
from xpm.wire import disks

pytestmark = pytest.mark.host
WAITS = r"waiting: .*; tried \d\d:\d\d:\d\d, next \d\d:\d\d:\d\d"


@pytest.fixture(autouse=True)
def _state_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))


@pytest.fixture
def running() -> Iterator[Callable[[Running], Running]]:
    """Sees to it that no process stays."""
    found: list[Running] = []

    def keep(each: Running) -> Running:
        found.append(each)
        return each

    yield keep
    for each in found:
        each.close()


Keep = Callable[[Running], Running]


def test_a_full_far_disk_is_waited_for_and_the_jobs_are_accepted_when_there_is_room(
    tmp_path: Path, mount: Mount, running: Keep
) -> None:
    far = mount("far", "16m")
    desk = Desk(tmp_path, tmp_path / "main", far)
    desk.go(1, 2, 3)
    assert running(desk.run([1])).end() == 0

    with filled(far):
        run = running(desk.run([1, 2, 3]))
        said = run.says(WAITS).group()
        assert f"{far} is full on far" in said
        assert "2 jobs not yet accepted" in said
        run.says("make room there")
        status = running(desk.command("status", "--workdir", str(desk.main)))
        assert status.end() == 0
        assert f"waiting: {far} is full on far" in status.said
        assert {"done": 1, "waiting": 2} == _counts(desk)

    assert run.end() == 0, run.said
    assert sorted(desk.ran()) == ["1", "2", "3"]
    assert {"done": 3} == _counts(desk)


def test_a_far_disk_that_becomes_read_only_is_waited_for(
    tmp_path: Path, mount: Mount, running: Keep
) -> None:
    far = mount("far", "16m")
    desk = Desk(tmp_path, tmp_path / "main", far)
    desk.go(1, 2)
    assert running(desk.run([1])).end() == 0
    _until_unused(far)
    subprocess.run(["mount", "-o", "remount,ro", str(far)], check=True)

    run = running(desk.run([1, 2]))
    assert f"{far} is read-only on far; 1 job not yet accepted" in run.says(WAITS).group()
    subprocess.run(["mount", "-o", "remount,rw", str(far)], check=True)

    assert run.end() == 0, run.said
    assert sorted(desk.ran()) == ["1", "2"]


def test_a_workspace_whose_disk_is_away_is_not_taken_for_an_empty_one(
    tmp_path: Path, mount: Mount, running: Keep
) -> None:
    disk = tmp_path / "disk"
    disk.mkdir()
    scratch = mount("scratch", disk)
    desk = Desk(tmp_path, tmp_path / "main", scratch / "work")
    run = running(desk.run([1]))
    eventually(lambda: desk.ran() == ["1"])
    eventually(lambda: _counts(desk) == {"running": 1})

    unmount(scratch)
    run.says(r"waiting: .*scratch/work is not there")
    again = running(desk.run([1, 2]))
    again.says(r"waiting: the workspace .*scratch/work is not there on far")
    assert not any(scratch.iterdir()), "nothing is made where the disk should be"
    assert {"running": 1, "waiting": 1} == _counts(desk)
    desk.go(1, 2)
    mount("scratch", disk)

    assert (run.end(), again.end()) == (0, 0), again.said
    assert sorted(desk.ran()) == ["1", "2"], "nothing was submitted twice"
    assert {"done": 2} == _counts(desk)


def test_another_workspace_in_the_place_of_ours_is_refused_with_the_way_out(
    tmp_path: Path, running: Keep
) -> None:
    desk = Desk(tmp_path, tmp_path / "main", tmp_path / "far")
    desk.go(1, 2)
    assert running(desk.run([1])).end() == 0
    (tmp_path / "far").rename(tmp_path / "elsewhere")

    run = running(desk.run([1, 2]))
    run.says("the workspace .*far is not there on far")
    way_out = run.says("removed for good, with its jobs\\? rm (.*)").group(1)
    assert not (tmp_path / "far").exists()
    Path(way_out.strip()).unlink()

    assert run.end() == 0, run.said
    assert sorted(desk.ran()) == ["1", "2"]


def test_with_a_full_disk_here_a_job_is_done_there_and_comes_when_there_is_room(
    tmp_path: Path, mount: Mount, running: Keep
) -> None:
    main = mount("main", "8m")
    desk = Desk(tmp_path, main, tmp_path / "far", size=3_000_000)
    run = running(desk.run([1]))
    eventually(lambda: _counts(desk) == {"running": 1})

    with filled(main):
        desk.go(1)
        said = run.says(WAITS).group()
        assert f"waiting: {main} is full here; 1 job is over there, not here yet" in said
        eventually(lambda: _counts(desk) == {"done": 1})
        (job,) = desk.jobs()
        assert not job.settled
        status = running(desk.command("status", "--workdir", str(main)))
        assert status.end() == 0
        assert "its files are not here yet" in status.said

    assert run.end() == 0, run.said
    assert desk.result(main, 1).read_bytes() == b"\1" * 3_000_000
    assert ["1"] == desk.ran()


def test_a_plan_that_submits_while_the_disk_here_is_full_waits_and_goes_on(
    tmp_path: Path, mount: Mount, running: Keep
) -> None:
    main = mount("main", "8m")
    desk = Desk(tmp_path, main, tmp_path / "far")
    desk.go(*range(100))
    assert running(desk.run([0])).end() == 0

    with filled(main):
        run = running(desk.run(range(100)))
        said = run.says(WAITS).group()
        assert f"waiting: {main} is full here" in said

    assert run.end() == 0, run.said
    assert sorted(desk.ran(), key=int) == [str(number) for number in range(100)]


def test_with_no_room_for_the_journal_nothing_is_lost_and_it_says_the_same_later(
    tmp_path: Path, mount: Mount, running: Keep
) -> None:
    state = mount("state", "1m")
    desk = Desk(tmp_path, tmp_path / "main", tmp_path / "far")
    run = running(desk.run([1, 2]))
    eventually(lambda: _counts(desk) == {"running": 2})

    with filled(state):
        desk.go(1)
        run.says(f"waiting: {state} is full here")
        desk.go(2)

    assert run.end() == 0, run.said
    assert {"done": 2} == _counts(desk)
    assert sorted(desk.ran()) == ["1", "2"]


def test_what_is_wrong_with_a_disk_is_said_of_where_it_is_mounted(
    tmp_path: Path, mount: Mount
) -> None:
    disk = mount("disk", "1m")
    (disk / "a").mkdir()

    with filled(disk), pytest.raises(OSError, match="No space") as caught:
        (disk / "a" / "file").write_bytes(b"x" * 10_000)

    assert disks.heals(caught.value)
    assert disks.words(caught.value, str(disk / "a" / "file")) == f"{disk} is full"


def _counts(desk: Desk) -> dict[str, int]:
    found: dict[str, int] = {}
    for job in desk.jobs():
        found[job.state] = found.get(job.state, 0) + 1
    return found


def _until_unused(folder: Path) -> None:
    """Wait until no process writes there any more."""

    def is_unused() -> bool:
        for each in Path("/proc").glob("[0-9]*/cmdline"):
            try:
                if os.fsencode(folder) in each.read_bytes():
                    return False
            except OSError:
                continue
        return True

    eventually(is_unused)
