"""Lock files and requirements as what is installed."""

from pathlib import Path

import pytest

from tests.sync import wheelhouse
from xpm.errors import PlanProblem
from xpm.sync.locks import from_requirements, from_uv_lock


def test_a_lock_gives_what_the_project_needs_with_markers_and_hashes(tmp_path: Path) -> None:
    lock = tmp_path / "uv.lock"
    lock.write_text(wheelhouse.make(tmp_path / "index"))

    found = from_uv_lock(lock)

    heads = [line.partition(" --hash=")[0] for line in found.text.splitlines()]
    assert ["tinydep==1.0", "tinylib==2.1", "tinywin==9 ; sys_platform == 'win32'"] == heads
    assert (True, True) == (found.hashes, found.complete)


def test_a_group_that_the_lock_does_not_have_is_refused(tmp_path: Path) -> None:
    lock = tmp_path / "uv.lock"
    lock.write_text(wheelhouse.make(tmp_path / "index"))

    with pytest.raises(PlanProblem, match="no dev-dependencies 'plots'"):
        from_uv_lock(lock, groups=["plots"])


def test_a_lock_of_another_format_is_refused(tmp_path: Path) -> None:
    (tmp_path / "uv.lock").write_text("version = 99\n")

    with pytest.raises(PlanProblem, match="format that is not known"):
        from_uv_lock(tmp_path / "uv.lock")


def test_requirements_bring_what_they_include_and_leave_local_code(tmp_path: Path) -> None:
    (tmp_path / "more.txt").write_text("b==2\n")
    text = "a==1 \\\n    --hash=sha256:00  # first\n-r more.txt\n-e ../beside\n"
    (tmp_path / "requirements.txt").write_text(text)

    found = from_requirements(tmp_path / "requirements.txt")

    assert "a==1 --hash=sha256:00\nb==2\n" == found.text
    assert ["-e ../beside: local code travels with the plan"] == found.left
