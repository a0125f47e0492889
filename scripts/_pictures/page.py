"""Pictures of the page of ``xpm monitor``, of a main folder made for them."""

import os
import tempfile
from pathlib import Path

from playwright.sync_api import Page, ViewportSize, sync_playwright

from tests.browser import CHROMIUM, FLAGS
from tests.monitor import folders
from xpm.connectors.base import JobRef
from xpm.monitor.serving import Server

FAILED = JobRef("digits.learn", folders.job_id("digits learn mlp 0.03 1"))
WIDE: ViewportSize = {"width": 1280, "height": 800}
NARROW: ViewportSize = {"width": 390, "height": 844}
VIEWS = {
    "page-overview": ("light", "overview"),
    "page-jobs": ("light", "jobs?experiment=digits"),
    "page-jobs-dark": ("dark", "jobs?experiment=digits"),
    "page-job": ("light", f"job/{FAILED.task}/{FAILED.job}"),
    "page-groups": ("light", "jobs?experiment=digits&q=task%3Ddigits.learn&by=model"),
    "page-columns": (
        "light",
        "jobs?experiment=digits&q=task%3Ddigits.learn&sort=-metric.accuracy&columns=state,id,"
        "tag.model,tag.lr,param.optimizer,metric.accuracy,metric.minutes,asked.mem,used.mem,used.time",
    ),
    "page-narrow": ("light", "overview"),
    "page-graph": ("light", "graph?experiment=digits&by=model"),
    "page-results": ("light", "results?experiment=digits&colour=model&x=lr&log=x"),
    "page-connectors": ("dark", "connectors"),
}


def take(pictures: Path) -> None:
    """Take them all."""
    with tempfile.TemporaryDirectory() as folder:
        os.environ.update(XDG_STATE_HOME=f"{folder}/state", XPM_CONFIG_DIR=f"{folder}/config")
        scene = folders.digits(Path(folder) / "sweep")
        server = Server(scene.main, 0, follows=False)
        server.start()
        with sync_playwright() as playwright:
            browser = playwright.chromium.launch(executable_path=str(CHROMIUM), args=FLAGS.split())
            for name, (scheme, view) in VIEWS.items():
                context = browser.new_context(
                    color_scheme="dark" if scheme == "dark" else "light",
                    viewport=NARROW if name == "page-narrow" else WIDE,
                )
                _take(context.new_page(), f"{server.url}#/{view}", pictures / f"{name}.png")
                context.close()
            browser.close()
        server.close()
        scene.close()


def _take(page: Page, address: str, path: Path) -> None:
    page.goto(address)
    page.locator("main h1, main .title, main .chart, main .graph").first.wait_for(state="attached")
    page.locator(".starting, .awaited").first.wait_for(state="detached")
    page.wait_for_load_state("load")
    page.wait_for_timeout(500)  # what is drawn after the last answer
    page.screenshot(path=path)
