"""What a task's end means: its state and cause, judged from what was seen, then published once.

In this order, the first that fits:

1. execute() returned and the process ended with 0: done, whatever else happened meanwhile; but not when TaskCancelled
   had been raised in it: who cleans up has not finished.
2. ended by a request of the user (the cancel marker): cancelled.
3. the task could not be loaded: failed, *launch*.
4. the kernel killed in our control group, or MemoryError: failed, *oom*.
5. Slurm asked for its end, in its words (stepd.py), and may start it again under the same batch job (requeued, preempted,
   its node failed): no outcome from this run; the next generation, or who looks at the queue, will tell.
6. the time was over, or the task said so (GracefulTimeout): failed, *timeout*.
7. Slurm asked for its end for another reason: a time limit is a *timeout*; a cancellation by hand is cancelled.
8. SystemExit with 0: done. Not so after a request to end: a handler that saves and exits has not finished.
9. a signal: failed, *signal*. Anything else: failed, *exit*.
"""

from __future__ import annotations

import time

from xpm.runner import process, resume
from xpm.runner.claim import Claimed
from xpm.runner.order import Order
from xpm.runner.patience import patiently
from xpm.runner.record import Record
from xpm.runner.watch import ENDS, Ending
from xpm.wire import hints, ledger

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Callable, Dict, Mapping, Optional

_MAY_START_AGAIN = ("REQUEUE", "PREEMPT", "NODE FAIL")
_IMPORTS = ("ImportError", "ModuleNotFoundError")


class Verdict(Record):
    """How a task ended."""

    state: str
    """Empty: not over yet."""
    cause: Optional[str]
    message: str = ""
    hint: str = ""


class Circumstances(Record):
    """What is known of a run besides its ending."""

    request: Mapping[str, Any]
    started_at: float
    oom_kills: int = 0
    """How many processes of our control group the kernel killed for memory meanwhile."""
    peak_kib: Optional[int] = None
    """The most memory of our control group; None when nobody counted."""
    python: str = "python"
    """The interpreter, for messages."""
    slurm_reason: str = ""
    """Why Slurm wanted it to end, if it did."""


def judge(ending: Ending, around: Circumstances) -> Verdict:
    """The meaning of an ending."""
    report = ending.report or {}
    kind = report.get("kind")
    asked = any(signum in ending.received for signum in ENDS)
    if kind == "returned" and ending.exit_code == 0 and not report.get("cancelled"):
        return Verdict("done", None)
    was_cut_short = asked or ending.signal or ending.exit_code
    if report.get("cancelled") or (ending.cancelled and was_cut_short):
        return Verdict("cancelled", "cancelled", "cancelled while it ran")
    if kind == "unloaded":
        return _unloaded(report, around.python)
    if around.oom_kills or report.get("type") == "MemoryError":
        used = around.peak_kib or ending.max_rss_kib
        return Verdict("failed", "oom", "out of memory", hints.for_oom(around.request, used))
    if asked and any(word in around.slurm_reason for word in _MAY_START_AGAIN):
        return Verdict("", None, around.slurm_reason.lower())
    if is_graceful(ending):
        return Verdict("failed", "timeout", report["message"], _late(ending, around))
    if ending.out_of_time or (asked and "TIME LIMIT" in around.slurm_reason):
        return Verdict("failed", "timeout", "its time was over", _late(ending, around))
    if asked and around.slurm_reason:
        return Verdict("cancelled", "cancelled", "cancelled in SLURM (scancel)")
    if kind == "exited" and ending.exit_code == 0 and not asked:
        return Verdict("done", None)
    return _by_itself(ending, report, around.python)


def is_graceful(ending: Ending) -> bool:
    """Whether the task has said that it stopped in time, to go on from its checkpoint."""
    return (ending.report or {}).get("type") == "GracefulTimeout"


def _late(ending: Ending, around: Circumstances) -> str:
    return hints.for_timeout(around.request, ending.at - around.started_at)


_CODE = "/.xpm/code/"


def _unloaded(report: Dict[str, Any], python: str) -> Verdict:
    if report["type"] == "PlanProblem":  # says where, under which interpreter and what to do
        return Verdict("failed", "launch", report["message"])
    hint = "the task could not be loaded under %s" % python
    if report["type"] in _IMPORTS:
        hint = "install it for %s, or name another interpreter in the profile (python:)" % python
    return Verdict("failed", "launch", _told(report), hint)


def _told(report: Dict[str, Any]) -> str:
    at = report.get("where")
    return "%s%s: %s" % (at + ": " if at else "", report["type"], report["message"])


def _by_itself(ending: Ending, report: Dict[str, Any], python: str) -> Verdict:
    kind = report.get("kind")
    if ending.signal is not None:
        name = process.signal_name(ending.signal)
        message = "killed by %s" % name
        if kind == "returned":
            message = "execute() returned, then the process died of %s while it ended" % name
        hint = "often the machine is out of memory" if name == "SIGKILL" else ""
        return Verdict("failed", "signal", message, hint)
    if kind == "raised":
        hint = ""
        if report["type"] in _IMPORTS:
            hint = (
                "install it for %s, or let the profile bring it (env:, modules:, python:)" % python
            )
        elif report["type"] == "FileNotFoundError" and _CODE in report["message"]:
            hint = (
                "it did not travel with the code: it is not in the project, or .gitignore or"
                " .xpmignore names it, or it is too big; a file of the far side has an absolute path"
            )
        return Verdict("failed", "exit", _told(report), hint)
    if ending.exit_code == 0:
        message = "the process ended with 0 before execute() returned"
        return Verdict("failed", "exit", message, "does it call os._exit()?")
    return Verdict("failed", "exit", "exit code %s" % ending.exit_code)


def content(
    order: Order, claimed: Claimed, ending: Ending, verdict: Verdict, peak_kib: Optional[int]
) -> ledger.Entry:
    """The ledger entry of an outcome."""
    report = ending.report or {}
    error = None
    if "type" in report:
        error = {key: report[key] for key in ("type", "message", "traceback")}
    message = "\n".join(each for each in (verdict.message, verdict.hint) if each)
    received = [process.signal_name(each) for each in ending.received]
    return {
        "format": ledger.FORMAT,
        "kind": "outcome",
        "task": order.task,
        "job": order.job,
        "attempt": order.attempt,
        "slot": claimed.slot + 1,
        "at": ending.at,
        "state": verdict.state,
        "cause": verdict.cause,
        "exit_code": ending.exit_code,
        "signal": ending.signal,
        "error": error,
        "hint": verdict.hint,
        "message": message,
        "started_at": claimed.at,
        "ended_at": ending.at,
        "generation": claimed.generation,
        "max_rss_kib": ending.max_rss_kib,
        "progress": ledger.progress(order.folder),
        "details": {
            "signals": received,
            "batch_id": order.batch_id,
            "cpu_s": round(ending.cpu_s, 3),
            "peak_kib": peak_kib,
            "requeues": resume.requeues(order) if order.is_resumable else 0,
        },
    }


def publish(order: Order, entry: ledger.Entry, sleep: Callable[[float], None] = time.sleep) -> bool:
    """Make the outcome known; False when the attempt is not ours any more.

    A disk that is full or away for a while must not cost a finished task: it is tried again for some minutes.

    Raises:
        OSError: it stayed so.
    """
    return patiently(
        lambda: ledger.append(order.folder, entry, order.layout.inbox), sleep, whatever=True
    )
