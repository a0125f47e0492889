"""The page in a real browser, of jobs on a real cluster: what a person sees and does, over a link that is cut."""

import re
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.cli.laptop import Laptop
from tests.cluster import RunningCluster

if TYPE_CHECKING:
    from playwright.sync_api import Page

pytestmark = pytest.mark.cluster
MOST_MS = 120_000
RULES = """
sync: {results: {skip: ["ckpt/"]}}
tokens: {lane: {kind: slots, total: 3}}
"""
PLAN = """\
import os
import time
from pathlib import Path

from xpm import Param, Task, experiment, tag

THERE = Path(os.path.expanduser("~")) / "gates-{token}"


class Train(Task):
    __xpmid__ = "seen.train"
    name: Param[str]

    def execute(self):
        Path("ckpt").mkdir(exist_ok=True)
        Path("ckpt/one.pt").write_bytes(b"1" * 1000)
        print("working on", self.name, flush=True)
        gate = THERE / self.name
        while not gate.exists():
            time.sleep(0.05)
        word = gate.read_text().strip()
        gate.unlink()
        print("heard", word, flush=True)
        while word == "on" and not gate.exists():
            time.sleep(0.05)
        if word == "fail":
            raise ValueError("no luck with " + self.name)


with experiment("main", "seen"{port}) as xp:
    lane = xp.token("lane", 3)
    for name in ("good", "bad", "long"):
        task = Train(name=tag(name))
        lane(1, task)
        task.submit()
"""


class Far:
    """The gates of the tasks."""

    def __init__(self, laptop: Laptop) -> None:
        self._laptop = laptop
        self._do(f"mkdir -p gates-{laptop.token}")

    def say(self, name: str, word: str) -> None:
        """Let a task go on with a word."""
        self._do(f"cd gates-{self._laptop.token}; echo {word} > .{name}; mv .{name} {name}")

    def _do(self, script: str) -> None:
        self._laptop.cluster.on("login1", "sh", "-c", f"cd; {script}")


@contextmanager
def _served(laptop: Laptop, way: str) -> Iterator[tuple[str, "subprocess.Popen[str]"]]:
    """The link to the page, and who serves it: the run itself, or ``xpm monitor``."""
    plan = PLAN.replace("{token}", laptop.token)
    plan = plan.replace("{port}", ", port=0" if way == "run" else "")
    (laptop.project / "plan.py").write_text(plan)
    if way == "run":
        process = laptop.start("run", "plan.py", "--launcher", "cpu")
    else:
        done = laptop.xpm("run", "plan.py", "--launcher", "cpu", "--detach")
        assert 0 == done.code, done
        process = laptop.start("monitor", "--port", "0", "--workdir", "main")
    heard = process.stderr if way == "run" else process.stdout
    assert heard is not None
    try:
        found, said = None, ""
        while found is None:
            line = heard.readline()
            said += line
            assert line, said
            found = re.search(r"http://127\S+", line)
        yield found[0], process
    finally:
        process.terminate()
        process.communicate(timeout=60)


def _expect(found: Any) -> Any:
    from playwright.sync_api import expect

    return expect(found)


def _go(page: "Page", view: str) -> None:
    page.evaluate("view => { location.hash = `#/${view}` }", view)


def _open(page: "Page", name: str) -> None:
    _go(page, f"jobs?q=name%3D{name}")
    row = page.locator(".rows [role=row]:not(.awaited)", has_text=name)
    _expect(row).to_have_count(1)
    row.get_by_role("link").click()
    _expect(page.locator(".job .title")).to_contain_text(name)


def _confirm(page: "Page", action: str, question: str, answer: str) -> None:
    page.locator(".title").get_by_role("button", name=f"{action} …").click()
    _expect(page.get_by_role("dialog", name=question)).to_be_visible()
    page.get_by_role("button", name=answer).click()
    _expect(page.get_by_role("dialog")).to_have_count(0, timeout=MOST_MS)


@pytest.mark.parametrize("way", ["run", "monitor"])
def test_jobs_of_a_cluster_are_seen_and_acted_on(
    healthy_cluster: RunningCluster, tmp_path: Path, page: "Page", way: str
) -> None:
    laptop = Laptop(healthy_cluster, tmp_path / "home")
    with laptop.profile.open("a") as file:
        file.write(RULES)
    far = Far(laptop)
    page.set_default_timeout(MOST_MS)
    state = page.locator(".title .state")

    with _served(laptop, way) as (url, process):
        # states, live
        page.goto(f"{url}#/jobs?experiment=seen")
        running = page.locator(".chip", has_text="running").locator("b")
        _expect(running).to_have_text("3", timeout=MOST_MS)

        # a log, live, from where it is written: files come when a job is over
        _open(page, "good")
        log = page.get_by_role("region", name="stdout", exact=True)
        _expect(log).to_have_text("working on good\n", timeout=MOST_MS)
        far.say("good", "on")
        _expect(log).to_have_text("working on good\nheard on\n", timeout=MOST_MS)

        # the link, the limits, the tokens
        _go(page, "connectors")
        place = page.locator(".place", has_text="cluster")
        _expect(place.locator(".light")).to_have_text("answers")
        _expect(place.get_by_role("row", name="lane")).to_contain_text("3 of 3")
        _expect(place).to_contain_text("cpu")
        healthy_cluster.do("cut")
        _expect(place.locator(".light")).to_have_text("does not answer", timeout=MOST_MS)
        _expect(page.locator("p.away")).to_contain_text("cluster has not answered for")
        healthy_cluster.do("heal")
        _expect(place.locator(".light")).to_have_text("answers", timeout=MOST_MS)

        # one is cancelled, after a question
        _open(page, "long")
        _confirm(page, "Cancel", "Cancel 1 job?", "Cancel 1 job")
        _expect(state).to_have_text(re.compile("cancelled"), timeout=MOST_MS)

        # one fails, and is told of
        far.say("bad", "fail")
        _open(page, "bad")
        _expect(state).to_have_text(re.compile("failed"), timeout=MOST_MS)
        _expect(page.locator("#traceback")).to_contain_text("no luck with bad", timeout=MOST_MS)

        # what the profile's rules left there is pulled
        _expect(page.get_by_role("rowheader", name="ckpt/one.pt")).to_be_visible(timeout=MOST_MS)
        _confirm(page, "Pull", "Pull the files of 1 job?", "Pull 1 job")
        files = page.get_by_role("region", name="Files here")
        _expect(files.get_by_role("link", name="ckpt/one.pt", exact=True)).to_be_visible()
        [there] = (laptop.project / "main").rglob("one.pt")
        assert b"1" * 1000 == there.read_bytes()

        # it is tried again
        _confirm(page, "Retry", "Try again 1 job?", "Try again 1 job")
        attempts = page.get_by_role("table").filter(has_text="Started").locator("tbody tr")
        _expect(state).to_have_text("running", timeout=MOST_MS)
        _expect(attempts).to_have_count(2, timeout=MOST_MS)
        _expect(log).to_contain_text("heard fail\nworking on bad\n", timeout=MOST_MS)
        far.say("bad", "luck")
        _expect(state).to_have_text("done", timeout=MOST_MS)

        # a run ends with its last job, and the page with it
        far.say("good", "off")
        if way == "run":
            assert 1 == process.wait(120)  # one was cancelled
            _expect(page.locator(".live")).to_contain_text("away", timeout=MOST_MS)
        else:
            _open(page, "good")
            _expect(state).to_have_text("done", timeout=MOST_MS)
