"""The page that defines the plan language, as scripts that are run, in both styles and mixed."""

from pathlib import Path

import pytest

from tests.cli.commands import python

PAGES = sorted((Path(__file__).parent / "pages").glob("*.py"))


@pytest.mark.host
@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_every_line_of_the_page_is_true(tmp_path: Path, page: Path) -> None:
    project = tmp_path / "project"
    project.mkdir()
    (project / "plan.py").write_text(page.read_text())

    done = python(["-W", "error", "plan.py"], tmp_path, project)

    assert done.code == 0, done.err
    assert done.out.startswith("page"), done.out
