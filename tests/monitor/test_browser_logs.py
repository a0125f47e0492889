"""Logs in a real browser: their end, what is before, their traceback, however long they are."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.follow.fakes import Lab
from tests.monitor import folders
from tests.monitor.folders import Scene
from xpm.connectors.base import JobRef
from xpm.monitor.serving import Server

if TYPE_CHECKING:
    from playwright.sync_api import Page

pytestmark = pytest.mark.host
LINE = "epoch {:7d}  loss 0.1234 and so on, as long as a line of a log may be\n"


def _expect(found: Any) -> Any:
    from playwright.sync_api import expect

    return expect(found)


def _open(page: "Page", server: Server, ref: JobRef) -> Any:
    page.goto(f"{server.url}#/job/{ref.task}/{ref.job}")
    return page.get_by_role("region", name="stdout", exact=True)


def _stdout(scene: Scene, ref: JobRef) -> Path:
    return scene.main.job_folder(ref) / "stdout"


def test_a_log_of_50_mb_opens_at_its_end_and_jumps_to_its_traceback(
    page: "Page", one_server: Server, pair: tuple[Scene, Lab, list[JobRef]]
) -> None:
    scene, _, (runs, _) = pair
    lines = [LINE.format(n) for n in range(700_000)]
    lines[400_000] = folders.TRACEBACK
    _stdout(scene, runs).write_text("".join(lines))
    told: list[int] = []
    page.on(
        "response", lambda each: told.append(len(each.body())) if "/api/log/" in each.url else None
    )

    log = _open(page, one_server, runs)
    _expect(log).to_contain_text("epoch  699999")
    assert log.evaluate("node => node.scrollTop + node.clientHeight > node.scrollHeight - 5")
    assert log.evaluate("node => node.textContent.length") < 100_000
    page.get_by_role("button", name="Go to the traceback").click()
    _expect(page.locator("#traceback")).to_be_in_viewport()
    _expect(page.locator("#traceback")).to_contain_text("FloatingPointError: loss is nan")
    _expect(page.locator("#traceback")).not_to_contain_text("epoch")
    _expect(log).to_contain_text("epoch  400001")
    page.get_by_role("button", name="Show what follows").click()
    _expect(log).to_contain_text("epoch  405000")
    page.get_by_role("button", name="Go to the end").click()
    _expect(log).to_contain_text("epoch  699999")
    assert sum(told) < 1_000_000


def test_what_is_before_is_read_when_wanted_and_what_was_read_stays_in_place(
    page: "Page", one_server: Server, pair: tuple[Scene, Lab, list[JobRef]]
) -> None:
    scene, _, (runs, _) = pair
    _stdout(scene, runs).write_text("".join(LINE.format(n) for n in range(10_000)))
    log = _open(page, one_server, runs)
    _expect(log).to_contain_text("epoch    9999")

    more = page.get_by_role("button", name="Show what is before")
    while more.count():
        left = more.inner_text()
        more.click()
        _expect(more.filter(has_text=left)).to_have_count(0)
        assert log.evaluate("node => node.scrollTop") > 1_000  # what was read is where it was

    _expect(log).to_contain_text("epoch       0")
    text = log.evaluate("node => node.textContent")
    numbers = [int(line.split()[1]) for line in text.splitlines() if line.startswith("epoch")]
    assert list(range(10_000)) == numbers  # each line once


def test_what_is_printed_is_pushed_not_asked_for(
    page: "Page", one_server: Server, pair: tuple[Scene, Lab, list[JobRef]]
) -> None:
    scene, _, (runs, _) = pair
    log = _open(page, one_server, runs)
    _expect(log).to_contain_text("begun")
    _expect(page.locator(".live.live")).to_be_visible()
    page.wait_for_timeout(1_500)  # what a page asks for once it is connected
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))

    for n in range(3):
        with _stdout(scene, runs).open("a") as file:
            file.write(f"line {n}\n")
        _expect(log).to_contain_text(f"line {n}")

    assert [] == [each for each in asked if "/log/" in each or "/follow/" in each]


def test_what_a_log_holds_is_text_whatever_it_is(
    page: "Page", one_server: Server, pair: tuple[Scene, Lab, list[JobRef]]
) -> None:
    scene, _, (runs, _) = pair
    bad = "\x1b[31mred\x1b[0m \x1b]0;title\x07\x1b]8;;http://evil.example\x1b\\link\x1b]8;;\x1b\\ \x1b[2J"
    bad += "<img src=x onerror=alert(1)><script>alert(2)</script>\n 10 %\r 50 %\r100 %\nno\x00thing\x08\n"
    _stdout(scene, runs).write_bytes(bad.encode() + b"\xff\xfe\n")
    page.on("dialog", lambda dialog: pytest.fail(dialog.message))

    log = _open(page, one_server, runs)

    shown = "red link <img src=x onerror=alert(1)><script>alert(2)</script>\n100 %\nnothing\n��\n"
    _expect(log).to_have_text(shown, use_inner_text=True)
    assert 0 == page.locator(".log img, .log script").count()


@pytest.mark.timeout(900)  # seven windows, each with patience of its own
def test_many_windows_side_by_side_hold_nobody_up(
    page: "Page", one_server: Server, pair: tuple[Scene, Lab, list[JobRef]]
) -> None:
    scene, _, (runs, _) = pair
    pages = [page, *(page.context.new_page() for _ in range(6))]  # a browser has six connections

    for each in pages:
        _expect(_open(each, one_server, runs)).to_contain_text("begun")
    with _stdout(scene, runs).open("a") as file:
        file.write("went on\n")

    for each in pages:
        _expect(each.get_by_role("region", name="stdout", exact=True)).to_contain_text("went on")
        _expect(each.locator(".live.live")).to_be_visible()
