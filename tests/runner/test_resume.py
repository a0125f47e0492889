"""A resumable task that stops in time goes on from its checkpoint: in place where Slurm lets it, else in a new attempt."""

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from tests.runner.test_claims import batch
from tests.runner.workshop import Workshop, job_id
from xpm.wire import files

pytestmark = pytest.mark.host
STOPS = """
from xpm import GracefulTimeout
steps = int(open("checkpoint").read()) if os.path.exists("checkpoint") else 0
open("checkpoint", "w").write(str(steps + 1))
print("step", steps, flush=True)
PROGRESS
if steps < 2:
    raise GracefulTimeout()
"""
RULE = {"max": 1, "mode": "requeue"}


def request(kind: str = "slurm", options: Sequence[str] = (), **rule: Any) -> dict[str, Any]:
    retry = {"timeout": {**RULE, **rule}}
    return {"kind": kind, "options": list(options), "resumable": True, "retry": retry}


class Slurm:
    """A ``scontrol`` that says yes, or why not."""

    def __init__(self, folder: Path, refusal: str = "") -> None:
        self._calls = folder / "calls"
        end = f"echo '{refusal}' >&2; exit 1" if refusal else "exit 0"
        (folder / "scontrol").write_text(f'#!/bin/sh\necho "$@" >> {self._calls}\n{end}\n')
        (folder / "scontrol").chmod(0o755)
        self.path = f"{folder}:{os.environ['PATH']}"

    @property
    def calls(self) -> list[str]:
        return self._calls.read_text().splitlines() if self._calls.exists() else []

    def run(self, cluster: Workshop, submission: str, restart: int = 0) -> None:
        environ = {**batch(7), "PATH": self.path, "SLURM_RESTART_COUNT": str(restart)}
        assert cluster.run(submission, environ=environ).code in (0, 1)


def submit(cluster: Workshop, progress: str = "", **asked: Any) -> str:
    code = STOPS.replace("PROGRESS", progress)
    return cluster.submit(cluster.entry(job_id("a"), code, request=request(**asked)))


def test_a_task_that_stopped_in_time_is_requeued_where_it_is(
    cluster: Workshop, tmp_path: Path
) -> None:
    slurm = Slurm(tmp_path)
    submission = submit(cluster, max=2)

    for restart in range(3):
        slurm.run(cluster, submission, restart)

    assert ["requeue 7"] * 2 == slurm.calls
    assert ["claim", "claim", "claim", "outcome"] == [each["kind"] for each in cluster.ledger("a")]
    assert (cluster.outcome("a")["state"], cluster.outcome("a")["generation"]) == ("done", 3)
    assert (cluster.folder("a") / "stdout").read_text() == "step 0\nstep 1\nstep 2\n"
    assert "stopped in time: requeued" in cluster.log(submission)


def test_a_budget_that_is_spent_ends_the_attempt_and_says_how_often_it_went_on(
    cluster: Workshop, tmp_path: Path
) -> None:
    slurm = Slurm(tmp_path)
    submission = submit(cluster)

    for restart in range(2):
        slurm.run(cluster, submission, restart)

    outcome = cluster.outcome("a")
    assert (outcome["cause"], outcome["details"]["requeues"]) == ("timeout", 1)


def test_progress_renews_the_budget(cluster: Workshop, tmp_path: Path) -> None:
    slurm = Slurm(tmp_path)
    submission = submit(cluster, "from xpm import progress; progress((steps + 1) / 3)", renews=True)

    for restart in range(3):
        slurm.run(cluster, submission, restart)

    outcome = cluster.outcome("a")
    assert (outcome["state"], outcome["progress"], len(slurm.calls)) == ("done", 1.0, 2)


def test_where_slurm_does_not_requeue_a_new_attempt_goes_on(
    cluster: Workshop, tmp_path: Path
) -> None:
    slurm = Slurm(tmp_path, "Requested operation is presently disabled for job 7")
    submission = submit(cluster)

    slurm.run(cluster, submission)

    outcome = cluster.outcome("a")
    assert (outcome["state"], outcome["cause"]) == ("failed", "timeout")
    assert outcome["details"]["requeues"] == 0
    assert "not requeued: Requested operation is presently disabled" in cluster.log(submission)
    assert not (cluster.folder("a") / ".xpm" / "a1.requeues").exists()


@pytest.mark.parametrize(
    "asked",
    [{"kind": "plain"}, {"mode": "resubmit"}, {"max": 0}, {"options": ["--no-requeue"]}],
)
def test_nobody_asks_slurm_where_it_is_no_use(
    cluster: Workshop, tmp_path: Path, asked: dict[str, Any]
) -> None:
    slurm = Slurm(tmp_path)
    if asked.get("kind"):
        cluster.kind = "plain"
    submission = submit(cluster, **asked)

    slurm.run(cluster, submission)

    assert (cluster.outcome("a")["cause"], slurm.calls) == ("timeout", [])


def test_a_task_that_is_not_resumable_just_timed_out(cluster: Workshop, tmp_path: Path) -> None:
    slurm = Slurm(tmp_path)
    asked = {**request(), "resumable": False}
    code = STOPS.replace("PROGRESS", "")
    submission = cluster.submit(cluster.entry(job_id("a"), code, request=asked))

    slurm.run(cluster, submission)

    assert (cluster.outcome("a")["cause"], slurm.calls) == ("timeout", [])
    assert "make it a ResumableTask" in cluster.outcome("a")["hint"]


def test_a_task_that_was_cancelled_is_not_requeued(cluster: Workshop, tmp_path: Path) -> None:
    slurm = Slurm(tmp_path)
    path = Path(cluster.layout.cancel, f"{job_id('a')}.a1")
    code = "open('%s', 'w').write('{}')\nfrom xpm import GracefulTimeout\nraise GracefulTimeout()"
    submission = cluster.submit(cluster.entry(job_id("a"), code % path, request=request()))

    slurm.run(cluster, submission)

    assert (cluster.outcome("a")["state"], slurm.calls) == ("cancelled", [])
    assert files.read(str(path)) == b"{}"


def test_an_ordinary_crash_is_no_timeout(cluster: Workshop, tmp_path: Path) -> None:
    slurm = Slurm(tmp_path)
    submission = cluster.submit(cluster.entry(job_id("a"), "raise KeyError(1)", request=request()))

    slurm.run(cluster, submission)

    assert (cluster.outcome("a")["cause"], slurm.calls) == ("exit", [])


@pytest.mark.parametrize(("limit", "expected"), [("2000000000", True), ("", False)])
def test_the_remaining_time_is_slurms_where_it_says_so(
    cluster: Workshop, limit: str, expected: bool
) -> None:
    """From Slurm 23.02 on there is SLURM_JOB_END_TIME; 22.05 leaves it empty."""
    asked = {"kind": "slurm", "resources": {"time_s": 60}}
    code = "open('left', 'w').write(str(self.remaining_time()))"
    submission = cluster.submit(cluster.entry(job_id("a"), code, request=asked))

    cluster.run(submission, environ={**batch(7), "SLURM_JOB_END_TIME": limit})

    left = float((cluster.folder("a") / "left").read_text())
    assert (left > 1e6) is expected
    assert expected or 0 < left <= 60


def test_a_requeue_that_cannot_be_noted_is_not_asked_for(cluster: Workshop, tmp_path: Path) -> None:
    slurm = Slurm(tmp_path)
    (cluster.folder("a") / ".xpm" / "a1.requeues" / "x").mkdir(parents=True)
    submission = submit(cluster)

    slurm.run(cluster, submission)

    assert (cluster.outcome("a")["cause"], slurm.calls) == ("timeout", [])
