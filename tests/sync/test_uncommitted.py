"""How many files of a project are not as the last commit has them."""

import subprocess
from pathlib import Path

import pytest

from xpm.sync import uncommitted

pytestmark = pytest.mark.host


def git(folder: Path, *words: str) -> None:
    who = ["-c", "user.name=a", "-c", "user.email=a@b"]
    subprocess.run(["git", *who, *words], cwd=folder, check=True, capture_output=True)


def test_only_files_that_travel_and_differ_count(tmp_path: Path) -> None:
    project = tmp_path / "inner"
    project.mkdir()
    git(tmp_path, "init", "-q")
    for name in ("same.py", "edited.py", "old.py"):
        (project / name).write_text(name * 20)
    (tmp_path / "above.py").write_text("1")
    git(tmp_path, "add", ".")
    git(tmp_path, "commit", "-qm", "first")
    (project / "edited.py").write_text("new")
    (tmp_path / "above.py").write_text("2")
    git(project, "mv", "old.py", "renamed é.py")
    (project / "results").write_text("stays here")

    found = uncommitted.count(project, ["same.py", "edited.py", "renamed é.py"])

    assert 2 == found


def test_a_repository_without_a_commit_has_nothing_committed(tmp_path: Path) -> None:
    git(tmp_path, "init", "-q")
    (tmp_path / "plan.py").write_text("1")

    assert 1 == uncommitted.count(tmp_path, ["plan.py"])


def test_where_git_keeps_nothing_nothing_is_said(tmp_path: Path) -> None:
    assert uncommitted.count(tmp_path, ["plan.py"]) is None
