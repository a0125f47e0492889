"""The agent behind a real pipe."""

import os
import signal
from pathlib import Path

import pytest

from tests.agent.conversation import (
    Piped,
    all_over,
    encoded,
    entry,
    error,
    follow,
    ok,
    opening,
    stage,
)  # fmt: skip
from tests.pythons import interpreters
from tests.runner.workshop import TASK, eventually, is_alive, job_id
from xpm.wire import frames
from xpm.wire.workspace import Layout

pytestmark = pytest.mark.host


@pytest.mark.parametrize("python", interpreters((3, 6)))
def test_every_python_from_3_6_serves_a_plan(tmp_path: Path, python: str) -> None:
    agent = Piped(tmp_path / "ws", python)
    assert agent.hello["protocol"] == 1
    ok(agent.call(opening(tmp_path / "ws")))
    stage(agent.call)

    jobs = [entry("a", "print('hi')"), entry("b", "1/0", parents=[[TASK, job_id("a")]])]
    ok(agent.call({"verb": "queue", "jobs": jobs}))
    known = follow(agent.call, all_over(2))

    assert [known[job_id(name)]["state"] for name in "ab"] == ["done", "failed"]
    request = {"verb": "manifest", "jobs": [[TASK, job_id("a")]]}
    files = [each[0] for each in ok(agent.call(request))["jobs"][0]["files"]]
    assert files == [".xpm/a1.1", ".xpm/a1.2", "effects", "stderr", "stdout"]
    tail = {"verb": "tail", "task": TASK, "job": job_id("a"), "stream": "stdout"}
    answer, payload = agent.call({**tail, "offset": 1, "limit": 100})
    assert (answer["ok"], payload) == ({"size": 3, "offset": 1, "begins": []}, b"i\n")
    assert "cores" in ok(agent.call({"verb": "probe"}))
    assert agent.end() == 0


LOCKLESS = """
import errno, fcntl

def refuse(*_):
    raise OSError(errno.ENOLCK, "No locks available")

fcntl.flock = fcntl.lockf = refuse
"""


@pytest.mark.parametrize("home", ["/nowhere/at/all", "/dev/null"])
def test_neither_a_home_nor_a_file_system_with_locks_is_needed(tmp_path: Path, home: str) -> None:
    (tmp_path / "site").mkdir()
    (tmp_path / "site" / "sitecustomize.py").write_text(LOCKLESS)
    environ = {"HOME": home, "PYTHONPATH": str(tmp_path / "site")}
    agent = Piped(tmp_path / "ws", environ=environ)
    ok(agent.call(opening(tmp_path / "ws")))
    stage(agent.call)

    jobs = [entry("a", "pass"), entry("b", "pass", parents=[[TASK, job_id("a")]])]
    ok(agent.call({"verb": "queue", "jobs": jobs}))
    known = follow(agent.call, all_over(2))

    assert [known[job_id(name)]["state"] for name in "ab"] == ["done", "done"]
    assert agent.end() == 0


def test_requests_may_arrive_in_pieces_of_any_size(tmp_path: Path) -> None:
    agent = Piped(tmp_path / "ws")
    raw = encoded(1, opening(tmp_path / "ws")) + encoded(2, {"verb": "missing", "blobs": []})

    for at in range(len(raw)):
        agent.write(raw[at : at + 1])

    assert "workspace" in ok(agent.reply(1))
    assert ok(agent.reply(2)) == {"missing": []}
    agent.end()


def test_wherever_the_link_is_cut_the_next_agent_completes_the_plan_once(tmp_path: Path) -> None:
    root = tmp_path / "ws"
    first = Piped(root)
    ok(first.call(opening(root)))
    stage(first.call)
    first.end()
    jobs = [entry("a", "pass"), entry("b", "pass", parents=[[TASK, job_id("a")]])]
    raw = encoded(2, {"verb": "queue", "jobs": jobs})
    cuts = [0, 1, 5, 9, 10, len(raw) // 2, len(raw) - 1, len(raw)]

    for cut in cuts:
        agent = Piped(root)
        ok(agent.call(opening(root)))
        agent.write(raw[:cut])
        agent.end()
    last = Piped(root)
    ok(last.call(opening(root)))
    ok(last.call({"verb": "queue", "jobs": jobs}))
    known = follow(last.call, all_over(2))

    assert [each["state"] for each in known.values()] == ["done", "done"]
    for name in "ab":
        effects = root / "jobs" / TASK / job_id(name) / "effects"
        assert len(effects.read_text().splitlines()) == 1
    last.end()


def test_an_agent_that_is_killed_at_any_moment_leaves_a_plan_that_completes(tmp_path: Path) -> None:
    root = tmp_path / "ws"
    jobs = [entry(str(number), "pass") for number in range(5)]
    for number in range(5):
        agent = Piped(root)
        ok(agent.call(opening(root)))
        stage(agent.call)
        agent.send({"verb": "queue", "jobs": jobs[: number + 1]})
        os.kill(agent.process.pid, signal.SIGKILL)
        agent.end()

    last = Piped(root)
    ok(last.call(opening(root)))
    ok(last.call({"verb": "queue", "jobs": jobs}))
    follow(last.call, all_over(5))

    for number in range(5):
        effects = root / "jobs" / TASK / job_id(str(number)) / "effects"
        assert len(effects.read_text().splitlines()) == 1
    last.end()


def test_an_observe_that_waits_blocks_nobody(tmp_path: Path) -> None:
    agent = Piped(tmp_path / "ws")
    ok(agent.call(opening(tmp_path / "ws")))
    stage(agent.call)
    observe = {"verb": "observe", "jobs": None, "wait_s": 60}
    cursor = ok(agent.call({**observe, "cursor": None}))["cursor"]

    waiting = agent.send({**observe, "cursor": cursor})
    assert ok(agent.call({"verb": "missing", "blobs": []})) == {"missing": []}
    ok(agent.call({"verb": "nudge"}))

    assert ok(agent.reply(waiting))["changes"] == []
    agent.end()


def test_an_observe_that_gathers_tells_together_what_happens_meanwhile(tmp_path: Path) -> None:
    agent = Piped(tmp_path / "ws")
    ok(agent.call(opening(tmp_path / "ws")))
    stage(agent.call)
    observe = {"verb": "observe", "jobs": None, "wait_s": 60}
    cursor = ok(agent.call({**observe, "cursor": None}))["cursor"]

    waiting = agent.send({**observe, "cursor": cursor, "gather_s": 60})
    ok(agent.call({"verb": "queue", "jobs": [entry(name, "pass") for name in "abc"]}))
    follow(agent.call, all_over(3))
    ok(agent.call({"verb": "nudge"}))

    told = ok(agent.reply(waiting))["changes"]
    assert [each["state"] for each in told] == ["done"] * 3
    agent.end()


def test_a_short_reply_overtakes_a_big_pull(tmp_path: Path) -> None:
    agent = Piped(tmp_path / "ws")
    ok(agent.call(opening(tmp_path / "ws")))
    folder = Path(Layout(str(tmp_path / "ws")).job(TASK, job_id("a")))
    folder.mkdir(parents=True)
    (folder / "big").write_bytes(b"x" * 20_000_000)
    pull = {"verb": "pull", "items": [[TASK, job_id("a"), "big", 0]], "limit": 20_000_000}

    agent.write(encoded(101, pull) + encoded(102, {"verb": "missing", "blobs": []}))
    arrived = 0
    decoder = frames.Decoder()
    decoder.feed(frames.MAGIC)
    seen: list[int] = []
    while 102 not in seen:
        assert agent.process.stdout is not None
        found = decoder.feed(os.read(agent.process.stdout.fileno(), 65536))
        seen += [frame.id for frame in found if frame.kind == frames.MESSAGE]
        arrived += sum(len(frame.body) for frame in found if frame.kind == frames.CHUNK_KIND)

    assert seen == [101, 102]
    assert arrived < 2_000_000
    agent.process.kill()
    agent.end()


def test_what_the_agent_began_goes_on_after_the_link_ends(tmp_path: Path) -> None:
    root = tmp_path / "ws"
    agent = Piped(root)
    ok(agent.call(opening(root)))
    stage(agent.call)
    ok(agent.call({"verb": "queue", "jobs": [entry("a", "time.sleep(1)")]}))
    agent.end()

    record = root / "jobs" / TASK / job_id("a") / ".xpm" / "a1.2"
    eventually(record.exists)


def test_a_hangup_does_not_end_the_agent_but_the_end_of_its_input_does(tmp_path: Path) -> None:
    agent = Piped(tmp_path / "ws")

    os.kill(agent.process.pid, signal.SIGHUP)

    assert "workspace" in ok(agent.call(opening(tmp_path / "ws")))
    assert agent.end() == 0
    assert not is_alive(agent.process.pid)


def test_noise_instead_of_frames_ends_the_agent(tmp_path: Path) -> None:
    agent = Piped(tmp_path / "ws")

    agent.write(b"GET / HTTP/1.0\r\n\r\n")

    assert agent.process.wait(timeout=60) == 0
    agent.end()


def test_bye_ends_the_agent(tmp_path: Path) -> None:
    agent = Piped(tmp_path / "ws")

    assert ok(agent.call({"verb": "bye"})) == {}

    assert agent.process.wait(timeout=60) == 0
    agent.end()


def test_a_verb_without_a_workspace_is_refused(tmp_path: Path) -> None:
    agent = Piped(tmp_path / "ws")

    assert error(agent.call({"verb": "missing", "blobs": []}))["kind"] == "usage"
    assert "no such verb" in error(agent.call({"verb": "fly"}))["message"]
    agent.end()
