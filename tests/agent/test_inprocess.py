"""The agent of this machine, its supervisor and its runners, together."""

import threading
import time
from pathlib import Path

import pytest

from tests.agent.conversation import all_over, entry, follow, ok, opening, stage, unpacked
from tests.runner.workshop import TASK, job_id
from xpm.agent.inprocess import InProcess

pytestmark = pytest.mark.host


@pytest.fixture
def agent(tmp_path: Path) -> InProcess:
    root = tmp_path / "ws"
    agent = InProcess(str(root), unpacked(root))
    ok(agent.call(opening(root)))
    stage(agent.call)
    return agent


def test_jobs_run_in_the_order_of_their_dependencies(agent: InProcess, tmp_path: Path) -> None:
    trace = tmp_path / "trace"
    code = f"open({str(trace)!r}, 'a').write('%s ')"
    first = entry("first", code % "first")
    second = entry("second", code % "second", parents=[[TASK, job_id("first")]])

    ok(agent.call({"verb": "queue", "jobs": [second, first]}))
    known = follow(agent.call, all_over(2))

    assert [each["state"] for each in known.values()] == ["done", "done"]
    assert trace.read_text() == "first second "


def test_what_follows_a_failure_is_skipped(agent: InProcess) -> None:
    jobs = [entry("a", "1/0"), entry("b", "pass", parents=[[TASK, job_id("a")]])]

    ok(agent.call({"verb": "queue", "jobs": jobs}))
    known = follow(agent.call, all_over(2))

    assert (known[job_id("a")]["state"], known[job_id("a")]["cause"]) == ("failed", "exit")
    assert "ZeroDivisionError" in known[job_id("a")]["message"]
    assert known[job_id("b")]["state"] == "skipped"


def test_a_running_job_is_cancelled(agent: InProcess) -> None:
    ok(agent.call({"verb": "queue", "jobs": [entry("a", "time.sleep(600)")]}))
    follow(agent.call, lambda known: any(each["state"] == "running" for each in known.values()))

    ok(agent.call({"verb": "cancel", "jobs": [[TASK, job_id("a"), 1]]}))
    known = follow(agent.call, all_over(1))

    assert known[job_id("a")]["state"] == "cancelled"


def test_queueing_the_same_twice_changes_nothing(agent: InProcess, tmp_path: Path) -> None:
    jobs = [entry("a", "pass")]

    one = ok(agent.call({"verb": "queue", "jobs": jobs}))
    two = ok(agent.call({"verb": "queue", "jobs": jobs}))
    follow(agent.call, all_over(1))

    assert one == two
    folder = tmp_path / "ws" / "jobs" / TASK / job_id("a")
    assert len((folder / "effects").read_text().splitlines()) == 1


def test_a_nudge_ends_an_observe_that_waits(agent: InProcess) -> None:
    cursor = ok(agent.call({"verb": "observe", "cursor": None, "jobs": None, "wait_s": 0}))[
        "cursor"
    ]
    request = {"verb": "observe", "cursor": cursor, "jobs": None, "wait_s": 600}
    answers = []
    waiting = threading.Thread(target=lambda: answers.append(agent.call(request)), daemon=True)
    waiting.start()
    ends_at = time.monotonic() + 60

    while waiting.is_alive() and time.monotonic() < ends_at:
        agent.nudge()
        waiting.join(0.01)

    assert not waiting.is_alive()
    assert ok(answers[0])["changes"] == []


def test_other_calls_are_answered_while_an_observe_waits(agent: InProcess) -> None:
    cursor = ok(agent.call({"verb": "observe", "cursor": None, "jobs": None, "wait_s": 0}))[
        "cursor"
    ]
    request = {"verb": "observe", "cursor": cursor, "jobs": None, "wait_s": 60}
    answers = []
    waiting = threading.Thread(target=lambda: answers.append(agent.call(request)))
    waiting.start()

    ok(agent.call({"verb": "queue", "jobs": [entry("a", "pass")]}))
    waiting.join(60)

    assert [job_id("a")] == [each["job"] for each in ok(answers[0])["changes"]]


def test_a_task_ends_as_any_python_does_however_its_runner_was_started(
    agent: InProcess, tmp_path: Path
) -> None:
    code = (
        "import atexit, builtins\n"
        "builtins.left_open = open('left_open', 'w')\n"
        "builtins.left_open.write('kept')\n"
        "atexit.register(lambda: open('at_exit', 'w').close())\n"
        "print('no newline', end='')"
    )
    names = [str(number) for number in range(8)]

    ok(agent.call({"verb": "queue", "jobs": [entry(name, code) for name in names]}))
    known = follow(agent.call, all_over(8))

    assert {"done"} == {each["state"] for each in known.values()}
    for name in names:
        folder = tmp_path / "ws" / "jobs" / TASK / job_id(name)
        assert (folder / "left_open").read_text() == "kept"
        assert (folder / "at_exit").exists()
        assert (folder / "stdout").read_text() == "no newline"
