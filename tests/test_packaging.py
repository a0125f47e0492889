"""The package list, the links and the distribution say the same as the folders."""

import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
LINKED = {"connectors", "launchers"}


def _project() -> dict[str, object]:
    with (ROOT / "pyproject.toml").open("rb") as file:
        return tomllib.load(file)


def _folders() -> set[str]:
    own = {
        ".".join(each.parent.relative_to(ROOT).parts)
        for each in (ROOT / "xpm").rglob("__init__.py")
        if not LINKED & set(each.parent.relative_to(ROOT).parts)
    }
    linked = {
        ".".join(("xpm", *each.parent.relative_to(ROOT).parts))
        for name in LINKED
        for each in (ROOT / name).rglob("__init__.py")
    }
    return own | linked


def test_every_package_folder_is_installed_and_nothing_else() -> None:
    tool = _project()["tool"]
    assert isinstance(tool, dict)

    listed = tool["setuptools"]["packages"]

    assert sorted(_folders()) == sorted(listed)


@pytest.mark.parametrize("name", sorted(LINKED))
def test_the_links_of_the_checkout_point_at_the_top_level_folders(name: str) -> None:
    link = ROOT / "xpm" / name

    assert link.is_symlink()
    assert (ROOT / name).resolve() == link.resolve()


def test_the_distribution_does_not_take_the_name_somebody_else_has() -> None:
    project = _project()["project"]
    assert isinstance(project, dict)

    assert project["name"] == "xpm-launcher"
    assert project["scripts"] == {"xpm": "xpm.cli.main:main"}


def test_all_that_the_page_is_made_of_is_installed() -> None:
    tool = _project()["tool"]
    assert isinstance(tool, dict)
    folder = ROOT / "xpm" / "monitor"

    globs = tool["setuptools"]["package-data"]["xpm.monitor"]
    installed = {path for each in globs for path in folder.glob(each) if path.is_file()}

    assert {path for path in (folder / "static").rglob("*") if path.is_file()} == installed
    assert {"LICENSE-htm", "LICENSE-preact"} <= {path.name for path in installed}
