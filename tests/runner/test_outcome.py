"""What an ending means, rule by rule."""

import signal
from pathlib import Path
from typing import Any

import pytest

from xpm.runner import memory, stepd
from xpm.runner.outcome import Circumstances, judge
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
        "cpu_s": 0.1,
        "at": 1.0,
    }
    return Ending(**{**base, **more})


def around(**more: Any) -> Circumstances:
    request = {"launcher": "cpu", "resources": {"mem_mib": 954, "time_s": 600}}
    return Circumstances(**{"request": request, "started_at": 0.0, **more})


GRACEFUL = {**RAISED, "type": "GracefulTimeout", "message": "saved at 7"}


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
        (ending(report={"kind": "returned", "cancelled": True}), 0, "", "cancelled", "cancelled"),
        (ending(exit_code=1, report=GRACEFUL), 0, "", "failed", "timeout"),
        (ending(exit_code=1, report=GRACEFUL, received=[TERM]), 0, "PREEMPTION", "", None),
        (ending(exit_code=1, report=GRACEFUL, received=[TERM], cancelled=True), 0, "", "cancelled",
         "cancelled"),
        (ending(report={"kind": "exited", "code": 0}), 0, "", "done", None),
        (ending(report={"kind": "exited", "code": 0}, received=[TERM]), 0, "", "failed", "exit"),
        (ending(report=None), 0, "", "failed", "exit"),
        (ending(exit_code=1, report={**RAISED, "kind": "unloaded"}), 0, "", "failed", "launch"),
    ],
)  # fmt: skip
def test_an_ending_is_judged(
    seen: Ending, kills: int, reason: str, state: str, cause: str | None
) -> None:
    verdict = judge(seen, around(oom_kills=kills, slurm_reason=reason))

    assert (state, cause) == (verdict.state, verdict.cause)


def test_what_was_used_says_what_to_ask_for() -> None:
    """The kernel's count, whatever the exit code says."""
    seen = ending(exit_code=0, report=None, max_rss_kib=1)

    verdict = judge(seen, around(oom_kills=1, peak_kib=954 * 1024 - 7))

    assert (verdict.cause, verdict.hint) == (
        "oom",
        "asked for 1 GB, was killed at 1 GB: raise `mem` in the launcher cpu, or make the task need less",
    )


@pytest.mark.parametrize(
    ("request_", "hint"),
    [
        ({"resources": {"time_s": 600}, "launcher": "cpu"},
         "hit its limit of 10 min: raise `time` in the launcher cpu, or make it a ResumableTask"),
        ({}, "hit the limit of its place after 1 h 30 min: raise `time`, or make it a ResumableTask"),
        ({"resources": {"time_s": 90}, "resumable": True},
         "hit its limit of 1 min 30 s: raise `time`, save more often,"
         " or allow more attempts (`retry: timeout:`)"),
    ],
)  # fmt: skip
def test_a_limit_that_was_hit_says_what_to_ask_for(request_: dict[str, Any], hint: str) -> None:
    seen = killed(15, received=[TERM], out_of_time=True, at=5400.0)

    assert hint == judge(seen, around(request=request_)).hint


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


@pytest.mark.parametrize(
    ("membership", "file", "expected"),
    [
        ("0::/job_1/step\n", "job_1/step/memory.peak", 3),
        ("9:memory:/slurm/1\n", "memory/slurm/1/memory.max_usage_in_bytes", 3),
        ("9:cpu:/x\n", "memory/x/memory.peak", None),
    ],
)
def test_the_most_memory_is_what_the_kernel_says(
    tmp_path: Path, membership: str, file: str, expected: int | None
) -> None:
    (tmp_path / "membership").write_text(membership)
    (tmp_path / "fs" / file).parent.mkdir(parents=True)
    (tmp_path / "fs" / file).write_text("3072\n")

    assert expected == memory.peak_kib(str(tmp_path / "membership"), str(tmp_path / "fs"))
