"""Which code travels with a plan, and what goes on its import path."""

import sys
from pathlib import Path

from xpm._code import import_path


def test_the_folder_of_the_script_comes_first_then_what_lies_in_the_project(
    tmp_path: Path,
) -> None:
    project = tmp_path / "project"
    for each in ("plans", "src", "plans/deep"):
        (project / each).mkdir(parents=True)
    script = project / "plans" / "plan.py"

    path = import_path(
        script,
        project,
        [
            str(project / "src"),
            str(project / "plans"),
            str(tmp_path),
            str(project / "gone"),
            "/usr",
        ],
    )

    assert path == ["plans", "src"]


def test_the_project_itself_is_the_path_when_nothing_else_is(tmp_path: Path) -> None:
    assert import_path(None, tmp_path, ["/usr/lib"]) == ["."]


def test_what_belongs_to_python_stays_here(tmp_path: Path) -> None:
    assert import_path(None, Path("/"), [sys.prefix]) == ["."]
    assert import_path(None, tmp_path, [str(tmp_path)]) == ["."]


def test_a_project_reached_through_a_link_is_the_same_project(tmp_path: Path) -> None:
    (tmp_path / "real" / "lib").mkdir(parents=True)
    (tmp_path / "link").symlink_to("real")
    script = tmp_path / "real" / "plan.py"

    path = import_path(script, tmp_path / "link", [str(tmp_path / "link" / "lib")])

    assert path == [".", "lib"]
