"""Code that is installed editable from elsewhere belongs to the plan that uses it."""

import json
import sys
from importlib.metadata import Distribution
from pathlib import Path
from types import ModuleType

import pytest

from xpm.sync.editable import editables, entries


class Installed(Distribution):
    """A distribution as its metadata describes it."""

    def __init__(self, name: str, direct_url: str | None) -> None:
        self._files = {"METADATA": f"Name: {name}\n", "direct_url.json": direct_url}

    def read_text(self, filename: str) -> str | None:
        return self._files.get(filename)

    def locate_file(self, path: object) -> Path:
        return Path(str(path))


def editable(name: str, folder: Path, is_editable: bool = True) -> Installed:
    content = {"url": folder.as_uri(), "dir_info": {"editable": is_editable}}
    return Installed(name, json.dumps(content))


@pytest.fixture
def project(tmp_path: Path) -> Path:
    folder = tmp_path / "project"
    folder.mkdir()
    (folder / "pyproject.toml").write_text(
        '[project]\nname = "p"\ndependencies = ["My_Lib >= 1", "numpy"]\n'
    )
    return folder


def test_what_the_project_depends_on_and_is_elsewhere_belongs_to_it(
    project: Path, tmp_path: Path
) -> None:
    lib, other = tmp_path / "my lib", tmp_path / "other"
    for each in (lib, other, project / "inner"):
        each.mkdir()
    found = editables(
        project,
        [
            editable("my.lib", lib),
            editable("other", other),
            editable("inner", project / "inner"),
            editable("gone", tmp_path / "gone"),
            editable("numpy", other, is_editable=False),
            editable("xpm-launcher", other),
            Installed("plain", None),
            Installed("odd", "[]"),
        ],
    )

    assert found == {"my-lib": lib}


def test_what_is_imported_belongs_to_it_too(
    project: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "other").mkdir()
    module = ModuleType("other")
    module.__file__ = str(tmp_path / "other" / "src" / "other.py")
    monkeypatch.setitem(sys.modules, "other", module)

    found = editables(project, [editable("other", tmp_path / "other")])

    assert found == {"other": tmp_path / "other"}


def test_its_import_path_is_the_one_of_here_or_the_usual_one(tmp_path: Path) -> None:
    (tmp_path / "flat").mkdir()
    (tmp_path / "laid" / "src").mkdir(parents=True)

    assert entries(tmp_path / "flat", ["", "/elsewhere"]) == ["."]
    assert entries(tmp_path / "laid", []) == ["src"]
    assert entries(tmp_path / "laid", [str(tmp_path / "laid" / "python")]) == ["python"]
