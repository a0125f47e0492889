"""The pages and the reference as a site: complete, linked, searchable, without anybody else's servers."""

import re
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

import xpm
from tests.cli.commands import CHECKOUT

if TYPE_CHECKING:
    from playwright.sync_api import Browser

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


def test_every_link_leads_to_a_place_that_is_there(site: Path) -> None:
    pages = {page.name: page.read_text() for page in site.glob("*.html")}
    places = {name: set(re.findall(r'\bid="([^"]+)"', text)) for name, text in pages.items()}
    links = {
        (name, link)
        for name, text in pages.items()
        for link in re.findall(r'<a [^>]*href="([^"]+)"', text)
        if not re.match(r"\w+:", link)
    }

    assert [] == sorted(
        (name, link) for name, link in links if not _leads(name, link, site, places)
    )


def _leads(page: str, link: str, site: Path, places: dict[str, set[str]]) -> bool:
    target, _, place = link.partition("#")
    target = target or page
    return (site / target).exists() and (
        not place or target not in places or place in places[target]
    )


@pytest.mark.host
def test_the_files_are_searched_in_a_browser_without_a_network(
    site: Path, browser: "Browser"
) -> None:
    page = browser.new_page()
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))

    page.goto(f"{site.as_uri()}/index.html")
    page.fill("input[name=q]", "callback")
    page.keyboard.press("Enter")
    page.locator("#search-results a", has_text="Callbacks").first.wait_for()
    page.close()

    assert [] == [url for url in asked if not url.startswith(("file:", "data:"))]


@pytest.mark.host
@pytest.mark.parametrize("width", [360, 1280])
def test_no_page_is_wider_than_its_window(site: Path, browser: "Browser", width: int) -> None:
    page = browser.new_page(viewport={"width": width, "height": 800})
    wide: list[str] = []
    for each in sorted(site.glob("*.html")):
        page.goto(each.as_uri())
        if page.evaluate("document.documentElement.scrollWidth") > width:
            wide.append(each.name)
    page.close()

    assert [] == wide
