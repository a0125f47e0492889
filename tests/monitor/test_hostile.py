"""What jobs, other sites and broken clients may send at the page."""

import os
import time
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from starlette.testclient import TestClient

from tests.browser import CHROMIUM, FLAGS
from tests.monitor.folders import TRACEBACK, Scene
from xpm.connectors.base import JobRef
from xpm.monitor.acting import Actor
from xpm.monitor.app import Monitor
from xpm.monitor.guard import Pass
from xpm.monitor.serving import Server

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

PORT = 12346
OWN = f"http://127.0.0.1:{PORT}"
EVIL = '"\'><img src=x onerror="window.caught=1"><script>window.caught=2</script>\u202e'
TAGS: dict[str, object] = {
    "evil": EVIL,
    EVIL: 1,
    "nan": float("nan"),
    "inf": float("inf"),
    "lone": "\udc80",
}


@pytest.fixture
def hostile(tmp_path: Path) -> Iterator[tuple[Scene, JobRef]]:
    """A job whose every word was chosen by somebody who wants to run scripts."""
    scene = Scene(tmp_path / "main")
    [ref] = scene.submit("evil", [("one", "evil.learn", TAGS, ())])
    scene.note(ref, {"evil": EVIL, "lone": "\udc80"}, "local")
    scene.tell([ref], "failed", cause="exit", message=EVIL, reason=EVIL)
    scene.ran(ref, "failed", cause="exit", error=f"{EVIL}: {EVIL}")
    folder = scene.main.job_folder(ref)
    scene.log(ref, EVIL, f"\x1b[31m{EVIL}\x1b[0m\n{TRACEBACK}")
    (folder / EVIL.replace("/", "|")).write_text(EVIL)
    (folder / "new\nline").write_text("")
    Path(os.fsdecode(os.fsencode(folder) + b"/\xff\xfe.bin")).write_bytes(b"x")
    (folder / "metrics.csv").write_text(f"step,{EVIL.replace(',', '')}\n1,2\n2,nan\n3,4\n")
    yield scene, ref
    scene.close()


@pytest.fixture
def client(hostile: tuple[Scene, JobRef]) -> Iterator[TestClient]:
    allowed = Pass(PORT)
    application = Monitor(hostile[0].main, Actor(hostile[0].main)).application(allowed)
    with TestClient(application, base_url=OWN) as found:
        found.get("/", params={"t": allowed.token})
        yield found


def test_odd_names_and_numbers_are_told_as_they_can_be(
    client: TestClient, hostile: tuple[Scene, JobRef]
) -> None:
    task, job = hostile[1].task, hostile[1].job
    paths = ["overview", "jobs?facets=1", f"job/{task}/{job}", f"log/{task}/{job}", "columns"]
    paths += [
        "jobs?columns=param.evil,param.lone,metric.x,used.mem,asked.x,wrong,param.",
        "connectors",
    ]
    paths += ["graph?experiment=evil&by=lone", "results?by=nan", f"curves?jobs={task}/{job}"]

    assert [(each, 200) for each in paths] == [
        (each, client.get(f"/api/{each}").status_code) for each in paths
    ]
    names = [name for name, *_ in client.get(f"/api/job/{task}/{job}").json()["files"]]
    assert "new\nline" in names
    assert any("bin" in name for name in names)


@pytest.mark.parametrize(
    "content",
    [
        b"", b"{", b"[]", b"3", b'"x"', b"null", b"{}", b'{"action": "cancel", "jobs": 3}',
        b'{"action": "cancel", "jobs": [1]}', b'{"action": "cancel", "jobs": [["a"]]}',
        b'{"action": "pull", "jobs": [["../..", "x", "y"]]}', b'{"action": "pull", "expected": "1"}', b'{"action": ["cancel"]}',
        b'{"action": "cancel", "q": "(("}', b'{"action": "cancel", "states": 4}',
        b'{"action": "retry", "experiment": 4}', b"\xff\xfe", b"[" * 100_000,
    ],
)  # fmt: skip
def test_a_wish_that_is_none_is_refused_in_words(client: TestClient, content: bytes) -> None:
    headers = {"origin": OWN, "content-type": "application/json"}

    answer = client.post("/api/act", content=content, headers=headers)

    assert 400 == answer.status_code, answer.text


@pytest.mark.parametrize(
    "number", ["-1", "999999999999999", "-999999999999999", "1e9", "x", "0x10", "٣"]
)
def test_any_number_may_be_asked_for(
    client: TestClient, hostile: tuple[Scene, JobRef], number: str
) -> None:
    task, job = hostile[1].task, hostile[1].job
    for path in ("jobs", f"log/{task}/{job}"):
        answer = client.get(f"/api/{path}", params={"offset": number, "limit": number})

        assert 200 == answer.status_code


def test_a_log_that_is_a_link_to_elsewhere_is_empty(
    client: TestClient, hostile: tuple[Scene, JobRef], tmp_path: Path
) -> None:
    scene, ref = hostile
    (tmp_path / "secret").write_text(f"secret\n{TRACEBACK}")
    log = scene.main.job_folder(ref) / "stdout"
    log.unlink()
    log.symlink_to(tmp_path / "secret")
    path = f"/api/log/{ref.task}/{ref.job}"

    assert "" == client.get(path).json()["text"]
    assert client.get(path, params={"traceback": "1"}).json()["at"] is None
    assert 404 == client.get(f"/files/{ref.task}/{ref.job}/stdout").status_code


def test_a_folder_of_a_million_levels_or_names_holds_nobody_up(
    client: TestClient, hostile: tuple[Scene, JobRef]
) -> None:
    scene, ref = hostile
    deep = scene.main.job_folder(ref) / "d"
    for _ in range(300):
        deep = deep / "d"
    deep.mkdir(parents=True)
    (scene.main.job_folder(ref) / "loop").symlink_to(".")
    for number in range(3_000):
        (scene.main.job_folder(ref) / f"f{number}").touch()
    began = time.process_time()

    told = client.get(f"/api/job/{ref.task}/{ref.job}").json()

    assert told["more_files"] is True
    assert time.process_time() - began < 5  # of the processor


# ------------------------------------------------------------------------------- in a browser


@pytest.mark.host
def test_nothing_a_job_writes_becomes_a_script_or_an_element(
    page: "Page", hostile: tuple[Scene, JobRef]
) -> None:
    from playwright.sync_api import expect

    scene, ref = hostile
    server = Server(scene.main, 0, follows=False)
    server.start()
    page.goto(server.url)
    views = [
        "overview",
        "jobs",
        "jobs?by=evil",
        "graph?by=evil",
        "results?colour=evil",
        "connectors",
    ]
    views += [
        f"job/{ref.task}/{ref.job}",
        "jobs?columns=state,param.evil,id",
        f"jobs?q={EVIL}",
        f"{EVIL}/{EVIL}",
    ]
    for view in views:
        page.evaluate("view => { location.hash = `#/${view}` }", view)
        expect(page.locator(".starting, .awaited")).to_have_count(0)

        assert page.evaluate("window.caught") is None, view
        assert 0 == page.locator("img[src=x], main script").count(), view
    server.close()


@pytest.mark.host
def test_a_name_that_was_made_to_lead_here_leads_nowhere(
    browser: "Browser", hostile: tuple[Scene, JobRef]
) -> None:
    server = Server(hostile[0].main, 0, follows=False)
    server.start()
    own = server.url.partition("?")[0]
    rebound = own.replace("127.0.0.1", "evil.example")
    flags = [*FLAGS.split(), "--host-resolver-rules=MAP evil.example 127.0.0.1"]
    other = browser.browser_type.launch(executable_path=str(CHROMIUM), args=flags)
    page = other.new_page()
    page.goto(server.url)  # this browser has the cookie

    answers: list[Any] = [page.goto(f"{rebound}{path}") for path in ("", "?t=x", "api/overview")]
    told = page.evaluate("async () => (await fetch('/api/overview')).status")

    assert [421, 421, 421] == [each.status for each in answers]
    assert 421 == told
    other.close()
    server.close()
