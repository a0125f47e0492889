"""The page in a real browser: what a person sees, types and hears."""

import re
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.follow.fakes import Lab
from tests.monitor import folders
from tests.monitor.folders import Scene, job_id
from xpm.connectors.base import JobRef, Progress, Stayed, announced
from xpm.errors import SiteProblem
from xpm.follow import pulling
from xpm.monitor import acting
from xpm.monitor.serving import Server
from xpm.sync import staying
from xpm.sync.folder import JobFolder

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

pytestmark = pytest.mark.host
COUNT = 20_000
STEPS = 30
AXE = Path(__file__).parent / "vendor" / "axe.min.js"
FAILED = JobRef("digits.learn", job_id("digits learn mlp 0.03 1"))


@pytest.fixture(scope="module")
def crowd(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scene]:
    found = folders.crowd(tmp_path_factory.mktemp("crowd") / "main", COUNT)
    yield found
    found.close()


@pytest.fixture(scope="module")
def crowded(crowd: Scene) -> Iterator[Server]:
    server = Server(crowd.main, 0, follows=False)
    server.start()
    yield server
    server.close()


def _open(page: "Page", server: Server, view: str) -> None:
    page.goto(f"{server.url}#/{view}")


def _rows(page: "Page") -> Any:
    return page.locator(".rows [role=row]:not(.awaited)")


def _expect(found: Any) -> Any:
    from playwright.sync_api import expect

    return expect(found)


# ------------------------------------------------------------------------------- 20,000 jobs


def test_20_000_jobs_scroll_and_filter_with_few_elements(page: "Page", crowded: Server) -> None:
    _open(page, crowded, "jobs")
    grid = page.get_by_role("grid", name="Jobs")
    _expect(grid).to_have_attribute("aria-rowcount", str(COUNT + 1))
    _expect(_rows(page).first).to_be_visible()

    grid.evaluate("node => { node.scrollTop = node.scrollHeight * 0.75 }")
    _expect(page.locator("[aria-rowindex='15005']:not(.awaited)")).to_be_visible()
    elements = page.evaluate("document.querySelectorAll('*').length")
    page.get_by_role("searchbox").fill("model=m3 and lr<0.005 and not state=done")
    _expect(page.locator(".total")).to_have_text("8 jobs of 20,000")

    assert elements < 2_000
    assert "q=model" in page.url  # the view is in the address
    page.reload()
    _expect(page.get_by_role("searchbox")).to_have_value("model=m3 and lr<0.005 and not state=done")
    _expect(page.locator(".total")).to_have_text("8 jobs of 20,000")


def test_scrolling_through_20_000_jobs_stays_smooth(page: "Page", crowded: Server) -> None:
    _open(page, crowded, "jobs")
    _expect(_rows(page).first).to_be_visible()

    session = page.context.new_cdp_session(page)
    session.send("Performance.setTimeDomain", {"timeDomain": "threadTicks"})
    session.send("Performance.enable")
    before = _busy_s(session)
    page.get_by_role("grid").evaluate(
        """async (node, steps) => {
            for (let step = 0; step < steps; step++) {
                node.scrollTop += 900;
                await new Promise(requestAnimationFrame);
            }
        }""",
        STEPS,
    )

    per_step = (_busy_s(session) - before) / STEPS
    assert per_step < 0.1  # of the processor; 0.035 beside twenty other processes


def _busy_s(session: Any) -> float:
    metrics = session.send("Performance.getMetrics")["metrics"]
    return float({each["name"]: each["value"] for each in metrics}["TaskDuration"])


def test_news_of_one_of_20_000_is_pushed(page: "Page", crowded: Server, crowd: Scene) -> None:
    _open(page, crowded, "jobs?states=running")
    _expect(page.locator(".live.live")).to_be_visible()
    _expect(page.locator(".total")).to_have_text(re.compile("^100 jobs"))
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    _has_asked(page, asked)

    job = JobRef("bench.learn", job_id(f"crowd {COUNT - 200}"))
    crowd.progress(job, 0.42, "epoch 42")
    _expect(_rows(page).first.get_by_role("progressbar")).to_have_attribute("aria-valuenow", "42")
    assert [] == asked  # it was told, not asked for
    crowd.tell([job], "done")

    _expect(page.locator(".total")).to_have_text(re.compile("^99 jobs"))
    _expect(page.locator(".chip", has_text="running").locator("b")).to_have_text("99")


def _has_asked(page: "Page", asked: list[str]) -> None:
    """Wait until a page that is connected has asked for all it wants, and forget that."""
    page.wait_for_timeout(1_500)
    while asked:
        asked.clear()
        page.wait_for_timeout(1_500)


# ------------------------------------------------------------------------------- a person's ways


def test_the_keyboard_alone_finds_opens_and_goes_back(page: "Page", server: Server) -> None:
    _open(page, server, "overview")
    _expect(page.get_by_role("heading", name="Experiments")).to_be_visible()

    page.keyboard.press("j")
    _expect(page.get_by_role("searchbox")).to_be_visible()
    page.keyboard.press("/")
    page.keyboard.type("state=failed")
    _expect(page.locator(".total")).to_have_text(re.compile("^2 jobs"))
    grid = page.get_by_role("grid")
    for _ in range(12):
        page.keyboard.press("Tab")
        if grid.evaluate("node => node === document.activeElement"):
            break
    page.keyboard.press("ArrowDown")
    _expect(grid).to_have_attribute("aria-activedescendant", "row-1")
    page.keyboard.press("Space")
    _expect(page.locator(".total")).to_have_text("1 of 2 jobs chosen")
    page.keyboard.press("Enter")
    _expect(page.get_by_role("heading", name="Log")).to_be_visible()
    page.go_back()

    _expect(page.get_by_role("searchbox")).to_have_value("state=failed")


def test_a_tag_pill_narrows_the_table(page: "Page", server: Server) -> None:
    _open(page, server, "jobs?experiment=digits")

    page.locator(".rows .tag", has_text="mlp").first.click()
    _expect(page.get_by_role("searchbox")).to_have_value("model=mlp")
    _expect(page.locator(".total")).to_have_text("24 jobs of 77")


def test_a_wrong_filter_is_explained_and_keeps_the_page(page: "Page", server: Server) -> None:
    _open(page, server, "jobs?q=modle%3Dmlp")

    _expect(page.get_by_role("alert")).to_contain_text("did you mean 'model'?")
    page.get_by_role("searchbox").fill("model=mlp")
    _expect(page.get_by_role("alert")).to_have_count(0)
    _expect(page.locator(".total")).to_have_text("24 jobs of 77")


def test_groups_show_means_and_deviations(page: "Page", server: Server) -> None:
    _open(page, server, "jobs?experiment=digits&q=task%3Ddigits.learn&by=model")

    row = page.get_by_role("row", name=re.compile("^cnn"))
    _expect(row).to_contain_text(re.compile(r"0\.95\d* ± 0\.0\d+"))


def test_a_failed_job_shows_its_traceback_and_compares(page: "Page", server: Server) -> None:
    _open(page, server, f"job/{FAILED.task}/{FAILED.job}")

    page.get_by_role("button", name="Go to the traceback").click()
    _expect(page.locator("#traceback")).to_contain_text("loss is nan")
    page.get_by_label("Compare with").select_option(index=1)
    table = page.get_by_role("table", name="Parameters that differ")
    _expect(table).to_contain_text("lr")
    _expect(table).not_to_contain_text("optimizer")


def test_results_draw_points_and_curves(page: "Page", server: Server) -> None:
    _open(page, server, "results?experiment=digits&colour=model")

    _expect(page.get_by_role("img", name=re.compile("against"))).to_be_visible()
    _expect(page.locator(".chart.big circle")).to_have_count(20)
    page.get_by_role("checkbox", name=re.compile("^Curves of")).first.check()
    _expect(page.locator("path.line").first).to_be_visible()


def test_a_place_that_is_away_is_told_with_its_age(page: "Page", server: Server) -> None:
    _open(page, server, "connectors")

    banner = page.locator("p.away")
    _expect(banner).to_contain_text(re.compile(r"tower has not answered for \d+ min"))
    _expect(page.locator(".place", has_text="does not answer")).to_contain_text("xpm doctor tower")


# ------------------------------------------------------------------------------- what changes


def test_a_log_is_followed_and_a_job_cancelled_after_a_question(
    page: "Page", one_server: Server, pair: tuple[Scene, Lab, list[JobRef]]
) -> None:
    scene, lab, (runs, _) = pair
    _open(page, one_server, f"job/{runs.task}/{runs.job}")
    log = page.locator(".log pre")
    _expect(log).to_have_text("begun\n")

    with (scene.main.job_folder(runs) / "stdout").open("a") as file:
        file.write("went on\n")
    _expect(log).to_contain_text("went on")
    page.get_by_role("button", name="Cancel …").click()
    dialog = page.get_by_role("dialog", name="Cancel 1 job?")
    _expect(dialog).to_be_visible()
    page.keyboard.press("Escape")
    _expect(dialog).to_have_count(0)
    assert "running" == lab.clusters["cluster"].state(runs.job)
    page.get_by_role("button", name="Cancel …").click()
    page.get_by_role("button", name="Cancel 1 job").click()

    _expect(page.locator(".title .state")).to_have_text(re.compile("cancelled"))
    assert "cancelled" == lab.clusters["cluster"].state(runs.job)


def test_what_stayed_there_is_pulled_after_a_question_and_shown(
    page: "Page",
    one_server: Server,
    pair: tuple[Scene, Lab, list[JobRef]],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    scene, lab, (_, failed) = pair
    monkeypatch.setattr(
        acting, "LocalSpec", type(None)
    )  # the cluster of tests stands for a far one
    stays = [Stayed("ckpt/model.pt", 5_000, "max_file"), Stayed("a b#?.bin", 7, "skip")]
    lab.clusters["cluster"].stays = stays
    with JobFolder(scene.main.job_folder(failed)) as folder:
        staying.note(folder, stays, "rules")
    _open(page, one_server, f"job/{failed.task}/{failed.job}")

    files = page.get_by_role("region", name="Files", exact=True)
    _expect(files).to_contain_text("on cluster still")
    files.get_by_role("button", name="Pull them …").click()
    dialog = page.get_by_role("dialog", name="Pull the files of 1 job?")
    dialog.get_by_role("button", name="Leave it").click()
    _expect(dialog).to_have_count(0)
    assert [] == lab.clusters["cluster"].fetched
    files.get_by_role("button", name="Pull them …").click()
    page.get_by_role("button", name="Pull 1 job").click()

    _expect(page.locator(".toast")).to_contain_text("files, 100 B came")
    _expect(files.get_by_role("link", name="ckpt/model.pt", exact=True)).to_be_visible()
    _expect(files).not_to_contain_text("on cluster still")
    with page.expect_download() as coming:
        files.get_by_role("link", name="Download a b#?.bin").click()
    assert bytes(7) == Path(coming.value.path()).read_bytes()


def test_a_pull_tells_how_far_it_is_also_when_its_question_is_closed(
    page: "Page",
    one_server: Server,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(acting, "LocalSpec", type(None))
    goes_on = threading.Event()

    def pull(session: object, jobs: object, patterns: object, progress: Progress) -> list[object]:
        announced(progress, 5_000_000, 3)
        progress(2_000_000)
        assert goes_on.wait(60)
        raise SiteProblem("the files have gone", on="cluster")

    monkeypatch.setattr(pulling, "pull", pull)
    _open(page, one_server, "jobs")
    _rows(page).first.wait_for()
    page.get_by_role("button", name=re.compile("Pull")).first.click()
    page.get_by_role("button", name=re.compile("Pull [12] job")).click()

    dialog = page.get_by_role("dialog")
    _expect(dialog).to_contain_text("2.0 MB of 5.0 MB, 3 files")
    bar = dialog.get_by_role("progressbar", name="files pulled")
    _expect(bar).to_have_attribute("aria-valuenow", "40")
    dialog.get_by_role("button", name="Close").click()
    _expect(page.locator("dialog")).to_have_count(0)  # one that is closed has no role any more
    _expect(page.locator("p.pull")).to_contain_text("2.0 MB of 5.0 MB, 3 files")
    page.reload()  # another page of the same monitor
    _expect(page.locator("p.pull")).to_contain_text("2.0 MB of 5.0 MB, 3 files")

    goes_on.set()
    _expect(page.locator("p.pull")).to_have_count(0)


def test_a_monitor_that_ended_is_told_of(page: "Page", tmp_path: Path) -> None:
    scene = Scene(tmp_path / "main")
    server = Server(scene.main, 0, follows=False)
    server.start()
    _open(page, server, "overview")
    _expect(page.get_by_text("No experiment has run here yet")).to_be_visible()
    _expect(page.locator(".live.live")).to_be_visible()

    server.close()
    scene.close()

    _expect(page.locator(".live.away")).to_have_text("monitor away")


# ------------------------------------------------------------------------------- for everybody, from nowhere else


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_no_view_has_a_serious_barrier(browser: "Browser", server: Server, scheme: Any) -> None:
    context = browser.new_context(color_scheme=scheme, viewport={"width": 1440, "height": 900})
    page = context.new_page()
    page.goto(server.url)
    source = AXE.read_text()
    how: dict[str, Any] = {"resultTypes": ["violations"]}
    if scheme == "dark":  # only colours differ
        how["runOnly"] = {"type": "rule", "values": ["color-contrast"]}
    page.evaluate(source)
    views = ["overview", "jobs", "jobs?q=wrong%3D1", "graph?experiment=digits", "connectors"]
    views += ["results?experiment=digits&colour=model", f"job/{FAILED.task}/{FAILED.job}"]
    views += ["jobs?experiment=digits&by=model"]
    found = []
    for view in views:
        page.evaluate("view => { location.hash = `#/${view}` }", view)
        _expect(page.locator(".starting, .awaited")).to_have_count(0)
        page.wait_for_timeout(150)  # what is drawn after an answer
        told = page.evaluate("how => axe.run(document, how)", how)
        found += [
            (view, each["id"], each["nodes"][0]["html"][:200], each["nodes"][0]["failureSummary"])
            for each in told["violations"]
            if each["impact"] in ("serious", "critical")
        ]
    context.close()

    assert [] == found


def test_nothing_is_asked_of_anybody_else_and_no_foreign_script_runs(
    page: "Page", server: Server
) -> None:
    asked: list[str] = []
    refused: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.on("console", lambda message: refused.append(message.text))
    _open(page, server, "overview")
    for view in ("jobs", "graph", "results", "connectors", f"job/{FAILED.task}/{FAILED.job}"):
        page.evaluate("view => { location.hash = `#/${view}` }", view)
        _expect(page.locator(".starting, .awaited")).to_have_count(0)

    base = server.url.partition("?")[0]
    assert [] == [url for url in asked if not url.startswith(base)]
    assert [] == refused
    with page.expect_console_message(lambda told: "Content Security Policy" in told.text):
        page.evaluate("() => { new Image().src = 'http://127.0.0.1:9/' }")


def test_a_browser_without_the_link_sees_nothing(page: "Page", server: Server) -> None:
    answer = page.goto(server.url.partition("?")[0])

    assert answer is not None
    assert 401 == answer.status
    _expect(page.locator("body")).to_contain_text("xpm monitor")


def test_another_site_in_the_same_browser_reads_nothing_and_does_nothing(
    page: "Page", server: Server, crowded: Server
) -> None:
    _open(page, server, "overview")  # the cookie is there
    base = server.url.partition("?")[0]
    page.goto(crowded.url)  # another origin of the same machine

    told = page.evaluate(
        """async base => {
            const ask = async (path, how) => {
                try { return (await fetch(base + path, how)).status } catch { return "refused" }
            };
            return [await ask("api/overview", {credentials: "include"}),
                    await ask("api/act", {method: "POST", credentials: "include", body: "{}"})];
        }""",
        base,
    )

    assert ["refused", "refused"] == told
