"""Who may read what: our own records only their owner, results whoever the umask lets."""

import os
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.disks.desk import Desk
from xpm.connectors.base import JobRef
from xpm.follow.main import MainFolder


@pytest.fixture(autouse=True)
def _open_hands(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The most generous umask there is."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    before = os.umask(0)
    yield
    os.umask(before)


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


@pytest.mark.host
def test_our_records_are_their_owner_s_and_results_as_the_umask_says(tmp_path: Path) -> None:
    desk = Desk(tmp_path, tmp_path / "main", tmp_path / "scratch" / "far")
    desk.go(1)

    run = desk.run([1])
    assert run.end() == 0, run.said

    private = [
        tmp_path / "state" / "xpm", tmp_path / "main" / ".xpm", tmp_path / "scratch" / "far",
        tmp_path / "scratch" / "far" / ".xpm",
    ]  # fmt: skip
    assert [0o700] * 4 == [mode(each) for each in private]
    assert mode(desk.result(tmp_path / "main", 1)) == 0o666
    assert mode(tmp_path / "main" / "jobs") == 0o777


@pytest.mark.host
def test_a_workspace_that_is_there_keeps_its_mode_to_be_shared(tmp_path: Path) -> None:
    shared = tmp_path / "far"
    shared.mkdir()
    shared.chmod(0o2770)
    desk = Desk(tmp_path, tmp_path / "main", shared)
    desk.go(1)

    run = desk.run([1])
    assert run.end() == 0, run.said

    assert (mode(shared), mode(shared / ".xpm")) == (0o2770, 0o2700)
    assert mode(desk.result(shared, 1)) == 0o666


def test_other_users_cannot_reach_what_is_private(tmp_path: Path) -> None:
    if os.geteuid() != 0:
        pytest.skip("only root may be another user")
    main = MainFolder(tmp_path / "main")
    main.prepare()
    main.outbox.owe("far", JobRef("t", "a" * 64), 1, 0.0)
    found = [path for path in (tmp_path / "main" / ".xpm").rglob("*") if path.is_file()]
    assert found

    child = os.fork()
    if child == 0:
        os.setuid(65534)
        os._exit(sum(os.access(path, os.R_OK) for path in found))

    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
