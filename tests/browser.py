"""A real Chromium, one for all tests of a process: a second one beside it is refused."""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

CHROMIUM = Path(os.environ.get("XPM_CHROMIUM", "/usr/bin/chromium"))
FLAGS = (
    "--headless --no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking"
    " --disable-component-update --disable-sync"
)


@pytest.fixture(scope="session")
def browser() -> "Iterator[Browser]":
    """A Chromium without a window."""
    sync_api = pytest.importorskip("playwright.sync_api")
    if not CHROMIUM.exists():
        assert not os.environ.get("CI"), f"there is no {CHROMIUM}: scripts/system-packages has it"
        pytest.skip(f"there is no {CHROMIUM}: apt-get install chromium, or set XPM_CHROMIUM")
    sync_api.expect.set_options(timeout=120_000)  # the machine may be busy
    with sync_api.sync_playwright() as playwright:
        found = playwright.chromium.launch(executable_path=str(CHROMIUM), args=FLAGS.split())
        yield found
        found.close()


@pytest.fixture
def page(browser: "Browser") -> "Iterator[Page]":
    """A page that has not been anywhere; what goes wrong in it fails the test."""
    context = browser.new_context(viewport={"width": 1440, "height": 900})
    context.set_default_timeout(120_000)
    found = context.new_page()
    wrong: list[str] = []
    found.on("pageerror", lambda error: wrong.append(str(error)))
    yield found
    context.close()
    assert [] == wrong
