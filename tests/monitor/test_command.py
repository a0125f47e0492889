"""``xpm monitor`` and ``experiment(port=)`` as a person starts them."""

import http.cookiejar
import json
import re
import signal
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.cli.commands import environment, xpm
from tests.monitor.folders import Scene
from xpm.monitor.serving import Server

PLAN = """\
import time
from pathlib import Path

from xpm import Param, Task, experiment, tag


class Work(Task):
    __xpmid__ = "shown.work"
    gate: Param[str]
    name: Param[str]

    def execute(self):
        while not Path(self.gate).exists():
            time.sleep(0.05)


with experiment("main", "shown", port=0) as xp:
    Work(gate={gate!r}, name=tag("one")).submit()
"""


@contextmanager
def _started(home: Path, *arguments: str) -> "Iterator[subprocess.Popen[str]]":
    process = subprocess.Popen(
        [sys.executable, *arguments],
        env=environment(home),
        cwd=home,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


def _overview(url: str) -> Any:
    jar = urllib.request.HTTPCookieProcessor(http.cookiejar.CookieJar())
    opener = urllib.request.build_opener(jar)
    assert b"importmap" in opener.open(url, timeout=60).read()
    return json.load(opener.open(f"{url.partition('?')[0]}api/overview", timeout=60))


@pytest.mark.host
def test_xpm_monitor_prints_its_link_and_ends_with_ctrl_c(tmp_path: Path) -> None:
    Scene(tmp_path / "main").close()
    arguments = ["-m", "xpm", "monitor", "--port", "0", "--workdir", "main"]

    with _started(tmp_path, *arguments) as process:
        assert process.stdout is not None
        url = process.stdout.readline().strip()
        overview = _overview(url)
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=60)

    assert re.fullmatch(r"http://127\.0\.0\.1:\d+/\?t=[\w-]{20,}", url)
    assert str(tmp_path / "main") == overview["main"]
    assert "Traceback" not in err
    assert 130 == process.returncode


@pytest.mark.host
def test_an_experiment_with_a_port_shows_itself_while_it_runs(tmp_path: Path) -> None:
    gate = tmp_path / "gate"
    (tmp_path / "plan.py").write_text(PLAN.format(gate=str(gate)))

    with _started(tmp_path, "plan.py") as process:
        assert process.stderr is not None
        found = None
        while found is None:
            line = process.stderr.readline()
            assert line, "it ended without a link"
            found = re.search(r"page: (http\S+)", line)
        (shown,) = _overview(found[1])["experiments"]
        gate.touch()
        _, err = process.communicate(timeout=60)

    assert "shown" == shown["id"]
    assert 0 == process.returncode, err


def test_a_port_that_is_taken_is_told(tmp_path: Path) -> None:
    scene = Scene(tmp_path / "main")
    server = Server(scene.main, 0, follows=False)
    port = server.url.partition("/?")[0].rpartition(":")[2]

    ended = xpm("monitor", "--port", port, "--workdir", "main", home=tmp_path)
    server.abandon()
    scene.close()

    assert 2 == ended.code
    assert "another program uses this port" in ended.err
    assert "--port N" in ended.err
