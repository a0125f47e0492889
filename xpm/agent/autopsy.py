"""Why a batch job ended without a record of ours: judged from what SLURM and its daemon's log say. No I/O.

slurmstepd writes into the batch script's own output why it ends a job: that is the best witness, since squeue and sacct
call a job killed for its memory FAILED, CANCELLED or OUT_OF_MEMORY, depending on how the site watches it.
"""

import re
import signal
from typing import Any, Dict, NamedTuple, Optional

from xpm.agent import submit
from xpm.agent.slurm_accounts import Account
from xpm.agent.slurm_states import OVER, STATES, Meaning
from xpm.wire import hints

Death = NamedTuple("Death", [("state", str), ("cause", str), ("message", str)])
"""How an attempt ended; the message tells the hint, too."""

Body = NamedTuple(
    "Body",
    [
        ("state", str),  # squeue's word; "" when it left the queue without one
        ("reason", str),
        ("started", bool),  # a run has claimed the attempt
        ("log", str),  # the end of what the batch script and slurmstepd printed
        ("account", Optional[Account]),
        ("request", Dict[str, Any]),
        ("user", str),  # the name of whoever cancelled it; "" when nobody knows
    ],
)
"""All there is to see."""

_OOM = re.compile(
    r"oom[-_]kill|exceeded (?:job |step )?memory limit|Out Of Memory|StepId=\S+ exceeded memory",
    re.I,
)
_BYTES = re.compile(r"exceeded memory limit \((\d+) > \d+\)")
_ENDED = re.compile(
    r"\*\*\* (?:JOB|STEP) \S+ ON \S+ CANCELLED AT \S+ DUE TO ([A-Z ]+?) \*\*\*", re.I
)
_CANCELLED_BY = re.compile(r"^CANCELLED by (\d+)")
_BY_LOG = (("TIME LIMIT", "TIMEOUT"), ("PREEMPT", "PREEMPTED"), ("NODE FAIL", "NODE_FAIL"))
_PREEMPTED = Meaning(OVER, "failed", "preempted")
LOG_NOT_OPENED = 53
"""SLURM's exit code for a job whose output cannot be opened: nothing of it ran, and there is no log."""
LINES = 10


def explain(body: Body) -> Optional[Death]:
    """How it ended; None when nobody says more than that it is gone."""
    meaning = _meaning(body)
    if meaning is None:
        return None
    said = "SLURM says %s" % (_word(body) or "nothing")
    if body.reason not in ("", "None"):
        said += " (%s)" % body.reason
    told = _TELLERS.get(meaning.cause, _plain)(body, said)
    cause = meaning.cause
    if (
        cause == "exit"
    ):  # the task's own exit codes have records: this one is the runner's, or the batch script's
        cause = "signal" if body.started else "launch"
    if cause == "launch" and submit.was_kept_from_reading(body.log):
        cause = "node_fail"
    return Death(meaning.state, cause, _with_log(told, body))


def is_worth_a_question(body: Body) -> bool:
    """Whether accounting may know better than the queue and the log why it ended."""
    return body.state in ("FAILED", "CANCELLED", "COMPLETED") and not _OOM.search(body.log)


def who_cancelled(account: Optional[Account]) -> Optional[int]:
    """The user who cancelled it, where accounting says so."""
    found = _CANCELLED_BY.match(account.state) if account else None
    return int(found.group(1)) if found else None


def _meaning(body: Body) -> Optional[Meaning]:
    if _OOM.search(body.log):
        return STATES["OUT_OF_MEMORY"]
    word = _word(body)
    found = STATES.get(word)
    if found is None or found.phase != OVER or found.cause == "lost":
        word = _by_log(body.log) or word
        found = STATES.get(word)
    if word == "PREEMPTED":  # gone for good: it would have been requeued
        return _PREEMPTED
    return found if found is not None and found.phase == OVER and found.cause != "lost" else None


def _word(body: Body) -> str:
    """The state; accounting's where that tells more."""
    told = (body.account.state if body.account else "").split(" ")[0].rstrip("+")
    if body.state in ("", "FAILED", "COMPLETED") and told:
        return told
    return body.state


def _by_log(log: str) -> str:
    ends = _ENDED.findall(log)
    for part, word in _BY_LOG:
        if ends and part in ends[-1].upper():
            return word
    return ""


def _plain(body: Body, said: str) -> str:
    return said


def _of_memory(body: Body, said: str) -> str:
    seen = _BYTES.findall(body.log)
    used = max(map(int, seen)) // 1024 if seen else None
    if used is None and body.account:
        used = body.account.max_rss_kib
    return "out of memory: SLURM killed it\n%s" % hints.for_oom(body.request, used)


def _of_time(body: Body, said: str) -> str:
    elapsed = body.account.elapsed_s if body.account else None
    return "its time was over\n%s" % hints.for_timeout(body.request, elapsed)


def _of_preemption(body: Body, said: str) -> str:
    hint = "it is tried again by itself; a partition without preemption avoids it"
    return "it was preempted, and not requeued\n%s" % hint


def _of_node(body: Body, said: str) -> str:
    where = body.account.nodes if body.account else ""
    return "its node%s failed: %s\nit is tried again by itself" % (where and " " + where, said)


def _of_cancellation(body: Body, said: str) -> str:
    if body.user:
        return "cancelled in SLURM by %s (scancel)" % body.user
    return "cancelled in SLURM (scancel), by whom is not known"


def _of_exit(body: Body, said: str) -> str:
    account = body.account
    if body.started:
        how = " by %s" % _signal_name(account.signal) if account and account.signal else ""
        return "the runner was killed%s: %s" % (how, said)
    if account and account.signal == LOG_NOT_OPENED:
        hint = "is the workspace a folder that the compute nodes see and can write to?"
        return "the job could not be started: its log could not be opened (exit code 0:53)\n" + hint
    log = "\n".join(body.log.strip().splitlines()[-LINES:])
    if submit.was_kept_from_reading(log):
        where = body.account.nodes if body.account else ""
        return "its node%s did not let it read the workspace\n%s\nit is tried again by itself" % (
            where and " " + where,
            log,
        )
    return submit.not_started(said, log)


_TELLERS = {
    "oom": _of_memory,
    "timeout": _of_time,
    "preempted": _of_preemption,
    "node_fail": _of_node,
    "cancelled": _of_cancellation,
    "exit": _of_exit,
    "launch": _of_exit,
}


def _with_log(told: str, body: Body) -> str:
    if body.started or body.log.strip() in told:
        return told
    return "\n".join([told, *body.log.strip().splitlines()[-LINES:]])


def _signal_name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return "signal %d" % number
