"""Further attempts on a plain host, with real runners: what goes on, from where, with what, after which pause."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.agent_core.test_supervisor import Host
from tests.runner.workshop import eventually, job_id
from xpm.wire import files

pytestmark = pytest.mark.host


@pytest.fixture
def host(tmp_path: Path) -> Iterator[Host]:
    host = Host(tmp_path / "ws")
    yield host
    host.stop()


def request(**more: Any) -> dict[str, Any]:
    return {"launcher": "x", "connector": "x", "kind": "plain", "options": [], **more}


def test_a_resumable_task_that_ran_out_of_time_goes_on_where_it_was(host: Host) -> None:
    code = """
count = int(open("count").read()) + 1 if os.path.exists("count") else 1
open("count", "w").write(str(count))
print("visit", count, flush=True)
if count == 1:
    time.sleep(600)
if count == 2:
    from xpm import GracefulTimeout
    raise GracefulTimeout()
"""
    retry = {"timeout": {"max": 2, "mode": "requeue", "renews": True}}
    asked = request(resources={"time_s": 1}, resumable=True, retry=retry)
    host.ask("a", code, request=asked)

    host.supervise()

    host.until("a", "done", "failed")
    assert host.word("a") == "done"
    folder = host.workshop.folder("a")
    assert (folder / "stdout").read_text() == "visit 1\nvisit 2\nvisit 3\n"  # nothing was truncated
    causes = [host.workshop.outcome("a", attempt)["cause"] for attempt in (1, 2, 3)]
    assert causes == ["timeout", "timeout", None]


def test_a_task_that_crashes_is_not_tried_again(host: Host) -> None:
    asked = request(resumable=True, retry={"timeout": {"max": 2}})
    host.ask("a", "raise KeyError('a bug')", request=asked)

    host.supervise()

    host.until("a", "failed")
    assert not host.workshop.ledger("a", 2)


def test_a_further_attempt_waits_and_has_what_the_table_gives_it(host: Host) -> None:
    step = {"resources": {"time_s": 77}}
    asked = request(
        resources={"time_s": 60}, retry={"exit": {"max": 1, "backoff_s": 1.5, "steps": [step]}}
    )
    host.ask("a", "print(self.remaining_time()); sys.exit(1)", request=asked)

    host.supervise()

    host.until("a", "failed")
    first, second = host.workshop.outcome("a"), host.claim("a", 2)
    assert second["at"] - first["ended_at"] >= 1.4
    left = [float(each) for each in (host.workshop.folder("a") / "stdout").read_text().split()]
    assert left[0] <= 60 < left[1] <= 77
    link = files.load(str(Path(host.layout.attempts, f"{job_id('a')}.a2"))) or {}
    intent = files.load(str(Path(host.layout.submission(link["submission"]), "intent.json"))) or {}
    assert intent["request"]["resources"] == {"time_s": 77}


def test_a_pause_does_not_hold_up_others(host: Host) -> None:
    asked = request(retry={"exit": {"max": 1, "backoff_s": 600}})
    host.ask("a", "sys.exit(1)", request=asked)
    host.supervise()
    eventually(lambda: len(host.workshop.ledger("a")) == 2)

    host.ask("b")

    host.until("b", "done")
    assert host.word("a") == "ready"
    assert not host.workshop.ledger("a", 2)
