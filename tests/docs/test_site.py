"""The pages and the reference as a site: complete, linked, searchable, without anybody else's servers."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

import xpm
from tests.cli.commands import CHECKOUT

_ASSET = re.compile(r'<(?:script|link|img|iframe)[^>]*(?:src|href)="((?:https?:)?//[^"]*)"')
_IMPORT = re.compile(r"(?:@import|url\()\s*[\"']?((?:https?:)?//[^\"')]*)")


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The site, made as ``scripts/docs`` makes it, warnings being errors."""
    folder = tmp_path_factory.mktemp("site")
    done = subprocess.run(
        [sys.executable, "-m", "sphinx", "-W", "-n", "--keep-going", "-q", "docs", folder],
        cwd=CHECKOUT,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return folder


def test_the_site_can_be_made_and_every_page_is_reached_from_its_index(site: Path) -> None:
    pages = {each.stem for each in CHECKOUT.glob("docs/*.md")}

    index = (site / "index.html").read_text()

    assert pages - {"index"} == {each for each in pages if f'href="{each}.html"' in index}


@pytest.mark.parametrize(
    "script", ["scripts/_docs/decider.py", "scripts/_docs/values.py", "scripts/pictures"]
)
def test_what_is_drawn_is_current(script: str) -> None:
    done = subprocess.run(
        [sys.executable, script, "--check"],
        cwd=CHECKOUT,
        capture_output=True,
        text=True,
        check=False,
    )

    assert (done.returncode, done.stderr) == (0, "")


def test_the_reference_has_every_public_name(site: Path) -> None:
    reference = (site / "api.html").read_text()

    assert [] == [name for name in xpm.__all__ if f'id="xpm.{name}"' not in reference]


def test_a_public_name_in_a_page_leads_to_the_reference(site: Path) -> None:
    plans = (site / "plans.html").read_text()

    assert {"xpm.Task", "xpm.tag", "xpm.copyconfig", "xpm.experiment"} <= set(
        re.findall(r'href="api\.html#([\w.]+)"', plans)
    )


def test_the_site_can_be_searched(site: Path) -> None:
    index = (site / "searchindex.js").read_text()

    assert "Search.setIndex(" in index
    assert '"plans"' in index
    assert "copyconfig" in index


def test_the_site_needs_no_other_server(site: Path) -> None:
    foreign = {
        (page.name, found)
        for kind, pattern in (("html", _ASSET), ("css", _IMPORT))
        for page in site.rglob(f"*.{kind}")
        for found in pattern.findall(page.read_text())
    }

    assert foreign == set()
