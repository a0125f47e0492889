"""A workspace on the far side: its variables, its owner, who may read its results, the room there is."""

import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from tests.agent.conversation import all_over, entry, follow, ok, opening, stage, unpacked
from tests.agent.test_opening import executable, opened
from tests.runner.workshop import TASK, job_id
from xpm.agent import login_shell, place, sharing, space
from xpm.agent.inprocess import InProcess
from xpm.connectors import bootstrap
from xpm.connectors.local_host import LocalHost
from xpm.errors import SiteProblem
from xpm.wire import files
from xpm.wire.workspace import Layout

ROOT = pytest.mark.skipif(os.geteuid() != 0, reason="only root makes files of others")


@pytest.fixture
def profile(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A home whose login shell, and it alone, sets SITE_SCRATCH."""
    (tmp_path / "home").mkdir()
    scratch = tmp_path / "scratch dir"
    scratch.mkdir()
    (tmp_path / "home" / ".bash_profile").write_text(
        f"echo hello there; export SITE_SCRATCH='{scratch}'; export OTHER=1\n"
    )
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.delenv("SITE_SCRATCH", raising=False)
    return scratch


def test_variables_come_from_the_environment_or_else_from_a_login_shell(profile: Path) -> None:
    environ = {"HOME": os.environ["HOME"], "PATH": os.environ["PATH"], "NEAR": "1"}

    found = login_shell.variables(["NEAR", "SITE_SCRATCH", "NOBODY_HAS"], environ)

    assert {"NEAR": "1", "SITE_SCRATCH": str(profile)} == found


def test_what_the_profile_names_is_there_for_jobs_and_nothing_more(profile: Path) -> None:
    environ = {"HOME": os.environ["HOME"], "PATH": os.environ["PATH"], "OTHER": "2"}
    root = profile / "ws"
    python = executable(profile / "py", f'exec {sys.executable} "$@"')

    answer = opened(
        root, environ, options={"variables": ["SITE_SCRATCH"]}, python="$SITE_SCRATCH/py"
    )

    assert answer["ok"]["facts"]["python"] == str(python)
    content = place.read(Layout(str(root)))
    assert content is not None
    assert content["environ"]["SITE_SCRATCH"] == str(profile)
    assert "OTHER" not in content["environ"]


@pytest.mark.host
def test_a_workspace_may_lie_where_only_a_login_shell_knows(profile: Path) -> None:
    host = LocalHost()

    session = bootstrap.start(host, "$SITE_SCRATCH/ws", None)

    assert session.workspace == f"{profile}/ws"
    host.close()


@pytest.mark.host
def test_a_variable_nobody_sets_is_told_by_its_name(profile: Path) -> None:
    host = LocalHost()

    with pytest.raises(SiteProblem) as told:
        bootstrap.start(host, "$NOBODY_HAS/ws", None)

    assert "$NOBODY_HAS is not defined there" in str(told.value)
    host.close()


@ROOT
@pytest.mark.host
def test_the_workspace_of_another_user_is_refused(tmp_path: Path) -> None:
    opened(tmp_path)
    for path in (tmp_path / ".xpm", tmp_path / ".xpm" / "workspace.json"):
        os.chown(path, 12345, -1)
    host = LocalHost()

    problem = opened(tmp_path)["error"]
    with pytest.raises(SiteProblem) as told:
        bootstrap.start(host, str(tmp_path), None)

    assert "another user's (user 12345)" in problem["message"]
    assert "workspace of their own" in problem["hint"]
    assert "another user's" in str(told.value)
    host.close()


@pytest.mark.host
@pytest.mark.parametrize(
    ("share", "folder", "file", "root"),
    [("group", 0o750, 0o640, 0o750), ("all", 0o755, 0o644, 0o755), (None, 0o700, 0o600, 0o700)],
)
def test_results_are_shared_as_the_profile_says_and_the_rest_is_not(
    tmp_path: Path, share: str | None, folder: int, file: int, root: int
) -> None:
    before = os.umask(0o077)
    try:
        agent = InProcess(str(tmp_path / "ws"), unpacked(tmp_path / "ws"))
        options = {"share": share} if share else {}
        ok(agent.call(opening(tmp_path / "ws", options=options)))
        stage(agent.call)
        job = entry("one", "open('result', 'w').close()")
        ok(agent.call({"verb": "queue", "jobs": [job]}))
        follow(agent.call, all_over(1))
        agent.close()
    finally:
        os.umask(before)

    there = tmp_path / "ws" / "jobs" / TASK / job_id("one")
    modes = {path: stat.S_IMODE(path.stat().st_mode) for path in (there, there.parent)}
    assert {folder} == set(modes.values())
    assert file == stat.S_IMODE((there / "result").stat().st_mode)
    assert root == stat.S_IMODE((tmp_path / "ws").stat().st_mode)
    assert 0o700 == stat.S_IMODE((tmp_path / "ws" / ".xpm").stat().st_mode)


def test_an_unknown_word_for_sharing_is_refused(tmp_path: Path) -> None:
    assert "share: world" in opened(tmp_path, options={"share": "world"})["error"]["message"]
    assert sharing.mask({"options": {}}) is None


@ROOT
@pytest.mark.host
def test_a_full_file_system_is_told_before_it_is_full(tmp_path: Path) -> None:
    small = tmp_path / "small"
    small.mkdir()
    if subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=3m,nr_inodes=500", "none", small]
    ).returncode:
        pytest.skip("no file system can be mounted here")
    try:
        agent = InProcess(str(small), "0" * 12)
        ok(agent.call(opening(small)))
        answer = ok(
            agent.call({"verb": "tree", "snapshot": "s", "files": [["a", "1" * 64, 0o644]]})
        )
        remarks = space.remarks(str(small))
        agent.close()
    finally:
        subprocess.run(["umount", "-l", small], check=True)

    free, fits = answer["room"]
    assert 0 < free <= 3 << 20
    assert 0 < fits < 500
    (remark,) = remarks
    assert "has room for only 3 MB and" in remark or "has room for only 2 MB and" in remark
    assert "workspace:" in remark


def test_a_file_system_that_counts_no_files_says_nothing_of_them(tmp_path: Path) -> None:
    free, fits = space.left(str(tmp_path))

    assert free > 0
    assert fits is None or fits > 0
    assert [] == space.remarks(str(tmp_path / "gone"))
    assert files.load(str(tmp_path / "none")) is None
