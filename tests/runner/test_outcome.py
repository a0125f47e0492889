"""What an ending means, rule by rule."""

import signal
from pathlib import Path
from typing import Any

import pytest

from xpm.runner import memory, stepd
from xpm.runner.outcome import judge
from xpm.runner.watch import Ending

RETURNED = {"kind": "returned"}
RAISED = {"kind": "raised", "type": "ValueError", "message": "no", "traceback": "", "where": ""}
TERM = int(signal.SIGTERM)


def ending(**more: Any) -> Ending:
    base: dict[str, Any] = {
        "exit_code": 0,
        "signal": None,
        "report": RETURNED,
        "received": [],
        "cancelled": False,
        "out_of_time": False,
        "superseded": False,
        "max_rss_kib": 1,
        "at": 1.0,
    }
    return Ending(**{**base, **more})


def killed(signum: int, **more: Any) -> Ending:
    return ending(exit_code=None, signal=signum, report=None, **more)


@pytest.mark.parametrize(
    ("seen", "kills", "reason", "state", "cause"),
    [
        (ending(), 0, "", "done", None),
        (ending(cancelled=True, received=[TERM]), 0, "", "done", None),
        (ending(), 3, "", "done", None),
        (ending(exit_code=1, report=RAISED), 0, "", "failed", "exit"),
        (ending(exit_code=1, report=RAISED), 1, "", "failed", "oom"),
        (killed(9), 1, "", "failed", "oom"),
        (killed(9), 0, "", "failed", "signal"),
        (killed(15, received=[TERM]), 0, "", "failed", "signal"),
        (killed(15, received=[TERM], cancelled=True), 0, "", "cancelled", "cancelled"),
        (killed(15, received=[TERM], out_of_time=True), 0, "", "failed", "timeout"),
        (killed(15, received=[TERM]), 0, "TIME LIMIT", "failed", "timeout"),
        (killed(15, received=[TERM]), 0, "CANCELLED", "cancelled", "cancelled"),
        (killed(15, received=[TERM]), 0, "SIGNAL TERMINATED", "cancelled", "cancelled"),
        (killed(15, received=[TERM]), 0, "JOB REQUEUE", "", None),
        (killed(15, received=[TERM]), 0, "PREEMPTION", "", None),
        (killed(15, received=[TERM]), 0, "NODE FAILURE", "", None),
        (ending(received=[TERM]), 0, "JOB REQUEUE", "done", None),
        (ending(report={"kind": "exited", "code": 0}), 0, "", "done", None),
        (ending(report={"kind": "exited", "code": 0}, received=[TERM]), 0, "", "failed", "exit"),
        (ending(report=None), 0, "", "failed", "exit"),
        (ending(exit_code=1, report={**RAISED, "kind": "unloaded"}), 0, "", "failed", "launch"),
    ],
)
def test_an_ending_is_judged(
    seen: Ending, kills: int, reason: str, state: str, cause: str | None
) -> None:
    verdict = judge(seen, kills, "python", reason)

    assert (state, cause) == (verdict.state, verdict.cause)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("slurmstepd: error: *** JOB 3 ON c1 CANCELLED AT 2026-11-24T21:42:44 ***", "CANCELLED"),
        ("*** JOB 3 ON c1 CANCELLED AT 2026-11-24T21:43:24 DUE TO TIME LIMIT ***", "TIME LIMIT"),
        ("*** JOB 3 ON c1 CANCELLED AT 2026 DUE TO JOB REQUEUE ***\nmore", "JOB REQUEUE"),
        ("*** JOB 3 ON c1 CANCELLED AT 2026 DUE TO PREEMPTION ***", "PREEMPTION"),
        (
            "*** STEP 3.batch ON c1 CANCELLED AT 2026 DUE to SIGNAL Terminated ***",
            "SIGNAL TERMINATED",
        ),
        ("*** JOB 3 was CANCELLED, said the task ***", ""),
        ("*** JOB 4 ON c1 CANCELLED AT 2026 DUE TO TIME LIMIT ***", ""),
        ("", ""),
    ],
)
def test_slurmstepds_words_are_understood(text: str, expected: str) -> None:
    assert expected == stepd.reason(text, "3")


@pytest.mark.parametrize(
    ("membership", "file", "text", "expected"),
    [
        ("0::/job_1/step\n", "job_1/step/memory.events", "oom 2\noom_kill 1\n", 1),
        ("9:memory:/slurm/1\n", "memory/slurm/1/memory.oom_control", "oom_kill 4\n", 4),
        ("9:cpu,memory:/gone\n", "memory/memory.oom_control", "under_oom 0\noom_kill 0\n", 0),
        ("9:cpu:/x\n", "memory/x/memory.oom_control", "oom_kill 4\n", None),
    ],
)
def test_kills_for_memory_are_counted_where_the_kernel_counts_them(
    tmp_path: Path, membership: str, file: str, text: str, expected: int | None
) -> None:
    (tmp_path / "membership").write_text(membership)
    (tmp_path / "fs" / file).parent.mkdir(parents=True)
    (tmp_path / "fs" / file).write_text(text)

    found = memory.oom_kills(str(tmp_path / "membership"), str(tmp_path / "fs"))

    assert expected == found
