"""What a person sets up on the page in a real browser: columns, what is news, keys, a narrow screen."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.follow.fakes import Lab
from tests.monitor import folders
from tests.monitor.folders import Scene, job_id
from xpm.connectors.base import JobRef
from xpm.monitor.serving import Server

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

pytestmark = pytest.mark.host
COUNT = 20_000
STEPS = 30
AXE = Path(__file__).parent / "vendor" / "axe.min.js"
FAILED = JobRef("digits.learn", job_id("digits learn mlp 0.03 1"))
RUNS = JobRef("digits.learn", job_id("digits learn vit 0.1 0"))
CHOSEN = "state,tag.lr,param.optimizer,metric.accuracy,asked.mem,used.time"
VIEWS = {
    "overview": "Overview", "jobs": "Jobs", "jobs?experiment=digits&by=model": "Jobs",
    f"jobs?columns={CHOSEN}": "Jobs", "graph?experiment=digits": "Graph",
    "results?experiment=digits&colour=model": "Results", "connectors": "Connectors",
    f"job/{FAILED.task}/{FAILED.job}": "10c373e1", f"job/{RUNS.task}/{RUNS.job}": RUNS.job[:8],
}  # fmt: skip


@pytest.fixture
def narrow(browser: "Browser") -> "Iterator[Page]":
    """A page as wide as a telephone, whose person wants nothing to move."""
    context = browser.new_context(
        viewport={"width": 390, "height": 844}, reduced_motion="reduce", bypass_csp=True
    )
    context.set_default_timeout(120_000)
    yield context.new_page()
    context.close()


def _open(page: "Page", server: Server, view: str) -> None:
    page.goto(f"{server.url}#/{view}")


def _expect(found: Any) -> Any:
    from playwright.sync_api import expect

    return expect(found)


def _row(page: "Page", place: int) -> Any:
    return page.locator(f"[aria-rowindex='{place + 2}']:not(.awaited)")


# ------------------------------------------------------------------------------- columns


def test_columns_are_chosen_and_kept_in_the_address(page: "Page", server: Server) -> None:
    _open(page, server, "jobs?experiment=digits&q=task%3Ddigits.learn")
    _expect(_row(page, 0)).to_be_visible()

    page.get_by_role("button", name="Columns").click()
    panel = page.get_by_role("group", name="Columns")
    for name in ("Remark", "Tags", "Task", "Where"):
        panel.get_by_role("checkbox", name=name, exact=True).uncheck()
    panel.locator("p", has_text="Parameters").get_by_role("checkbox", name="optimizer").check()
    panel.locator("p", has_text="Metrics").get_by_role("checkbox", name="minutes").check()
    panel.locator("p", has_text="Asked for").get_by_role("checkbox", name="mem").check()
    panel.locator("p", has_text="Used").get_by_role("checkbox", name="time").check()
    panel.get_by_role("button", name="optimizer to the left").click()
    page.keyboard.press("Escape")
    page.get_by_role("columnheader", name="minutes").get_by_role("button").click()

    _expect(_row(page, 0).get_by_role("gridcell")).to_have_text(
        ["", "done", "'adamw'", re.compile("^[0-9a-f]{8}$"), "15", "16.0 GiB", "15 min"]
    )
    _expect(page.get_by_role("columnheader")).to_have_text(
        ["Chosen", "State", "optimizer", "Job", "minutes ↑", "mem asked", "time used"]
    )
    page.reload()
    _expect(_row(page, 0).get_by_role("gridcell").nth(2)).to_have_text("'adamw'")
    assert "columns=state%2Cparam.optimizer%2Cid" in page.url


def test_a_view_is_taken_to_the_terminal(page: "Page", server: Server) -> None:
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    _open(page, server, "jobs?experiment=digits&q=model%3D%22it's%22 or lr<0.1&states=failed,done")

    page.get_by_role("button", name="Copy xpm").click()
    _expect(page.get_by_role("button", name="Copy xpm")).to_have_text("copied")

    wanted = """xpm status '(model="it'\\''s" or lr<0.1) and experiment=digits and (state=failed or state=done)'"""
    assert wanted == page.evaluate("navigator.clipboard.readText()")
    page.evaluate("location.hash = '#/results?experiment=digits&by=model'")
    _expect(page.locator(".command code")).to_have_text(
        "xpm results 'experiment=digits' --by model --all"
    )
    page.evaluate("location.hash = '#/results'")
    _expect(page.get_by_role("region", name="Results")).to_be_visible()
    _expect(page.locator(".command")).to_have_count(
        0
    )  # of several experiments no command shows that


# ------------------------------------------------------------------------------- news


def test_what_changed_since_a_person_last_looked_is_told_failures_first(
    page: "Page", one_server: Server, pair: tuple[Scene, Lab, list[JobRef]]
) -> None:
    scene, _, (runs, failed) = pair
    _open(page, one_server, "overview")
    since = page.get_by_role("region", name="Since you last looked")
    _expect(page.get_by_role("heading", name="Failed last")).to_be_visible()
    _expect(since).to_have_count(0)  # nobody had looked before
    page.goto("about:blank")

    scene.tell([runs], "failed", "cluster", cause="oom", message="out of memory")
    _open(page, one_server, "overview")
    _expect(since).to_contain_text(runs.job[:8])
    _expect(since).to_contain_text("out of memory")
    _expect(since).to_contain_text("+1 failed")
    _expect(since).not_to_contain_text(failed.job[:8])
    since.get_by_role("button", name="Seen").click()
    _expect(since).to_have_count(0)
    page.reload()
    _expect(page.get_by_role("heading", name="Experiments")).to_be_visible()
    _expect(since).to_have_count(0)


# ------------------------------------------------------------------------------- keys


def test_keys_go_through_the_table_and_back_from_a_job(page: "Page", server: Server) -> None:
    _open(page, server, "jobs")
    _expect(_row(page, 0)).to_be_visible()
    grid = page.get_by_role("grid")

    page.keyboard.press("?")
    _expect(page.get_by_role("dialog", name="Keys")).to_be_visible()
    page.keyboard.press("Escape")
    _expect(page.get_by_role("dialog")).to_have_count(0)
    page.keyboard.press("/")
    _expect(page.get_by_role("searchbox")).to_be_focused()
    page.keyboard.type("model=cnn and state=failed")
    _expect(page.locator(".total")).to_have_text(re.compile("^1 job of"))
    page.keyboard.press("Escape")
    _expect(grid).to_be_focused()
    _expect(grid).to_have_attribute("aria-activedescendant", "row-0")
    page.keyboard.press("Enter")
    _expect(page.get_by_role("heading", name="Log")).to_be_visible()
    page.keyboard.press("Escape")
    _expect(page.get_by_role("searchbox")).to_have_value("model=cnn and state=failed")
    page.get_by_role("searchbox").fill("")
    _expect(page.locator(".total")).to_have_text("77 jobs")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("j")
    page.keyboard.press("j")
    page.keyboard.press("k")
    _expect(grid).to_have_attribute("aria-activedescendant", "row-1")
    page.keyboard.press("x")
    _expect(page.locator(".total")).to_have_text("1 of 77 jobs chosen")


# ------------------------------------------------------------------------------- results


@pytest.fixture(scope="module")
def measured(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """The page of 20,000 jobs that have all left metrics."""
    crowd = folders.crowd(tmp_path_factory.mktemp("measured") / "main", COUNT)
    for number in range(COUNT):
        folder = crowd.main.job_folder(JobRef("bench.learn", job_id(f"crowd {number}")))
        folder.mkdir(parents=True)
        (folder / "metrics.json").write_text(f'{{"accuracy": {number}, "loss": {number % 13}}}')
    found = Server(crowd.main, 0, follows=False)
    found.start()
    yield found
    found.close()
    crowd.close()


def test_results_of_20_000_jobs_are_scrolled_and_drawn_with_few_elements(
    page: "Page", measured: Server
) -> None:
    page.set_default_timeout(120_000)
    _open(page, measured, "results")
    region = page.get_by_role("region", name="Results")
    _expect(region.locator("table")).to_have_attribute(
        "aria-rowcount", str(COUNT + 1), timeout=120_000
    )
    _expect(page.get_by_role("img", name="accuracy against lr, 20000 jobs")).to_be_visible()

    region.get_by_role("button", name="accuracy").click()
    region.get_by_role("button", name="accuracy ↑").click()
    _expect(region.locator("tbody tr:not(.gap)").first).to_contain_text("19999")
    session = page.context.new_cdp_session(page)
    session.send("Performance.setTimeDomain", {"timeDomain": "threadTicks"})
    session.send("Performance.enable")
    before = _busy_s(session)
    region.evaluate(
        """async (node, steps) => {
            for (let step = 0; step < steps; step++) {
                node.scrollTop += 900;
                await new Promise(requestAnimationFrame);
            }
        }""",
        STEPS,
    )
    per_step = (_busy_s(session) - before) / STEPS
    region.evaluate("node => { node.scrollTop = node.scrollHeight }")
    _expect(region.locator(f"[aria-rowindex='{COUNT + 1}']")).to_be_visible()

    print(f"{per_step:.4f} s of the processor for each step")
    assert per_step < 1  # a table that draws all it has takes many; how many of them, see below
    assert page.evaluate("document.querySelectorAll('*').length") < 2_000


def _busy_s(session: Any) -> float:
    metrics = session.send("Performance.getMetrics")["metrics"]
    return float({each["name"]: each["value"] for each in metrics}["TaskDuration"])


# ------------------------------------------------------------------------------- a narrow screen


def test_nothing_is_cut_off_on_a_narrow_screen(narrow: "Page", server: Server) -> None:
    _open(narrow, server, "overview")
    _expect(narrow.get_by_role("heading", name="Experiments")).to_be_visible()
    source = AXE.read_text("utf-8")
    narrow.evaluate(source)
    found: list[object] = []
    for view, title in VIEWS.items():
        narrow.evaluate("view => { location.hash = `#/${view}` }", view)
        _expect(narrow.get_by_role("heading", level=1, name=title).or_(
            narrow.get_by_role("heading", name="Experiments"))).to_be_attached()  # fmt: skip
        _expect(narrow.locator(".starting, .awaited")).to_have_count(0)
        narrow.wait_for_timeout(150)  # what is drawn after an answer
        found += narrow.evaluate(WIDER, view)
        told = narrow.evaluate("() => axe.run(document, {resultTypes: ['violations']})")
        found += [
            (view, each["id"], each["nodes"][0]["html"][:200])
            for each in told["violations"]
            if each["impact"] in ("serious", "critical")
        ]

    assert [] == found


def test_nothing_moves_for_who_wants_nothing_to_move(narrow: "Page", server: Server) -> None:
    _open(narrow, server, "jobs?states=running")
    _expect(_row(narrow, 0)).to_be_visible()

    assert [] == narrow.evaluate("document.getAnimations().map(each => each.animationName)")


WIDER = """view => {
    const page = document.documentElement;
    if (page.scrollWidth <= innerWidth) return [];
    const wide = [...document.querySelectorAll('main *')].filter(each =>
        each.getBoundingClientRect().right > innerWidth + 1 && !each.closest('.scroll, .table, pre'));
    return [[view, page.scrollWidth, ...wide.slice(0, 3).map(each => each.outerHTML.slice(0, 100))]];
}"""
