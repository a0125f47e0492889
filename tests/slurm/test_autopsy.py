"""Why a batch job without a record ended: real words of SLURM and its daemons, and what is made of them."""

from typing import Any

import pytest

from tests.slurm.test_answers import captured
from xpm.agent import autopsy, slurm_accounts
from xpm.agent.autopsy import Body, Death
from xpm.agent.slurm_accounts import Account

OOM = """\
slurmstepd-c1: error: StepId=6.batch exceeded memory limit (270016512 > 104857600), being killed
slurmstepd-c1: error: Exceeded job memory limit
slurmstepd-c1: error: *** JOB 6 ON c1 CANCELLED AT 2026-11-25T01:29:02 ***
"""
CGROUP = "slurmstepd: error: Detected 1 oom_kill event in StepId=7.batch. Some of the step tasks have been OOM Killed."
PREEMPTED = (
    "slurmstepd: error: *** JOB 3 ON c1 CANCELLED AT 2026-11-25T01:29:02 DUE TO PREEMPTION ***"
)
LATE = "slurmstepd: error: *** JOB 3 ON c1 CANCELLED AT 2026-11-25T01:29:02 DUE TO TIME LIMIT ***"
STALE = "OSError: [Errno 116] Stale file handle: '/home/alice/xpm/.xpm/travel/12ab/__main__.py'"
REQUEST: dict[str, Any] = {"launcher": "cpu", "resources": {"mem_mib": 100, "time_s": 600}}


def account(state: str, code: int = 0, signum: int = 0, rss: int | None = None) -> Account:
    return Account("x", state, code, signum, rss, "c1", 90)


def explain(state: str, reason: str = "None", **more: Any) -> Death | None:
    base: dict[str, Any] = {
        "started": True, "log": "", "account": None, "request": REQUEST, "user": "",
    }  # fmt: skip
    return autopsy.explain(Body(state, reason, **{**base, **more}))


@pytest.mark.parametrize(
    ("state", "more", "expected"),
    [
        ("OUT_OF_MEMORY", {}, ("failed", "oom")),
        ("FAILED", {"log": OOM}, ("failed", "oom")),
        ("CANCELLED", {"log": CGROUP}, ("failed", "oom")),
        ("COMPLETED", {"log": CGROUP}, ("failed", "oom")),
        ("FAILED", {"account": account("OUT_OF_MEMORY", 0, 125)}, ("failed", "oom")),
        ("TIMEOUT", {}, ("failed", "timeout")),
        ("DEADLINE", {}, ("failed", "timeout")),
        ("", {"log": LATE}, ("failed", "timeout")),
        ("PREEMPTED", {}, ("failed", "preempted")),
        ("", {"log": PREEMPTED}, ("failed", "preempted")),
        ("", {"account": account("PREEMPTED")}, ("failed", "preempted")),
        ("NODE_FAIL", {}, ("failed", "node_fail")),
        ("BOOT_FAIL", {}, ("failed", "node_fail")),
        ("CANCELLED", {}, ("cancelled", "cancelled")),
        ("", {"account": account("CANCELLED by 1000")}, ("cancelled", "cancelled")),
        ("FAILED", {}, ("failed", "signal")),
        ("FAILED", {"started": False}, ("failed", "launch")),
        ("LAUNCH_FAILED", {"started": False}, ("failed", "launch")),
        ("FAILED", {"started": False, "log": STALE}, ("failed", "node_fail")),
    ],
)
def test_a_batch_job_without_a_record_has_a_cause(
    state: str, more: dict[str, Any], expected: tuple[str, str]
) -> None:
    """SLURM's state is read, and its daemon's words, not only exit codes."""
    found = explain(state, **more)

    assert found is not None
    assert expected == (found.state, found.cause)


@pytest.mark.parametrize("state", ["", "COMPLETED", "A_NEW_WORD"])
@pytest.mark.parametrize(
    "told", [None, account("COMPLETED"), account("RUNNING"), account("A_NEW_WORD")]
)
def test_nothing_is_concluded_from_silence_or_success(state: str, told: Account | None) -> None:
    """A job that is gone without a word is lost, and that is for the decider to say."""
    assert explain(state, account=told) is None


@pytest.mark.parametrize(
    ("state", "more", "words"),
    [
        ("FAILED", {"log": OOM},
         "asked for 104.9 MB, was killed at 270 MB: raise `mem` in the launcher cpu"),
        ("OUT_OF_MEMORY", {"account": account("OUT_OF_MEMORY", rss=97656)}, "was killed at 100 MB"),
        ("TIMEOUT", {}, "hit its limit of 10 min: raise `time` in the launcher cpu, or make it a Resum"),
        ("TIMEOUT", {"request": {}, "account": account("TIMEOUT")}, "its place after 1 min 30 s"),
        ("NODE_FAIL", {"account": account("NODE_FAIL")}, "its node c1 failed"),
        ("CANCELLED", {"user": "bob"}, "cancelled in SLURM by bob (scancel)"),
        ("FAILED", {"account": account("FAILED", 0, 9)}, "the runner was killed by SIGKILL"),
        ("FAILED", {"started": False, "log": STALE, "account": account("FAILED", 1)},
         "its node c1 did not let it read the workspace"),
        ("FAILED", {"started": False, "account": account("FAILED", 0, 53)}, "its log could not be opened"),
        ("FAILED", {"started": False, "log": "slurmstepd: error: execve(): /opt/py: No such file"},
         "/opt/py: No such file\ncheck `pre:`, `modules:` and `python:`"),
    ],
)  # fmt: skip
def test_the_message_says_what_happened_and_what_to_do(
    state: str, more: dict[str, Any], words: str
) -> None:
    found = explain(state, **more)

    assert found is not None
    assert words in found.message


def test_what_sacct_says_is_understood() -> None:
    found = slurm_accounts.parse(*captured("sacct_ends")[:2])

    assert found is not None
    assert {"1", "2", "4", "6", "7", "8", "9_0", "9_1"} == set(found)
    assert ("FAILED", 9, 263688) == (found["6"].state, found["6"].signal, found["6"].max_rss_kib)
    assert (53, None) == (found["8"].signal, found["8"].max_rss_kib)
    assert autopsy.who_cancelled(found["9_1"]) == 2001
    assert autopsy.who_cancelled(found["6"]) is None
    assert found["9_1"].nodes == "c2"


@pytest.mark.parametrize("name", ["sacct_disabled", "sacct_away"])
def test_a_sacct_that_does_not_answer_is_no_news(name: str) -> None:
    """Accounting is optional, and its troubles are nobody's."""
    assert slurm_accounts.parse(*captured(name)[:2]) is None


def test_a_query_names_its_jobs_and_is_bounded_in_time() -> None:
    """Without a bound, sacct tells of a job of years ago that had the same id."""
    argv = slurm_accounts.sacct(["7", "8_1"], 100.0)

    assert ["-S", "now-3700seconds", "-j", "7,8_1"] == argv[-4:]
