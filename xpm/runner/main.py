"""One run of one job: claim it, run it in a process of its own, watch it, publish how it ended.

Exit codes, for whoever started us (the ledger is the truth):

======  ============================================================================
0       the task is done, or there was nothing to do (duplicate, revoked, not released)
1-255   the task failed: its exit code, or 128 + the signal that killed it
70      the submission cannot be read
73      the job's folder cannot be made or written: nothing ran, nothing could be recorded there
74      the task ran, but its outcome could not be written
======  ============================================================================

One line per event goes to ``.xpm/submissions/<id>/log``.
"""

from __future__ import annotations

import os
import sys
import time

from xpm.runner import child, fence, memory, outcome, process, resume
from xpm.runner.claim import Claimed, Leave, claim
from xpm.runner.environment import task_environment
from xpm.runner.order import Order, OrderProblem, read_order
from xpm.runner.stepd import Stepd
from xpm.runner.watch import HANDLED, Ending, Signals, Watch

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Callable, Optional

EX_SOFTWARE = 70
EX_CANTCREAT = 73
EX_IOERR = 74


def run(
    workspace: str,
    submission: str,
    index: Optional[int] = None,
    after: Callable[[Order], None] = lambda order: None,
) -> int:
    """Run one element of a submission; the exit code.

    Args:
        workspace: its folder.
        submission: the submission's id.
        index: the element; None: Slurm's array index, or 0.
        after: called with what was run when something may have become ready.
    """
    try:
        order = read_order(workspace, submission, index, os.environ)
    except OrderProblem as problem:
        print("xpm: nothing can be run: %s" % problem, file=sys.stderr)  # noqa: T201
        return EX_SOFTWARE
    try:
        claimed = claim(order, time.time())
    except OSError as error:
        note(order, "cannot use the job's folder %s: %s" % (order.folder, error))
        return EX_CANTCREAT
    if isinstance(claimed, Leave):
        note(order, "left: " + claimed.reason)
        after(order)
        return 0
    code = _run_claimed(order, claimed)
    if code is None:  # Slurm is about to end us and start us again: nobody was released
        return 0
    after(order)
    return code


def _run_claimed(order: Order, claimed: Claimed) -> Optional[int]:
    """Run the task; the exit code, None when the run is requeued from its checkpoint."""
    fence.wait_for_predecessor(order, claimed)
    kills = memory.oom_kills()
    stepd = Stepd(os.environ.get("SLURM_JOB_ID", ""))
    ends_at = _ends_at(order, claimed)
    signals = Signals()
    environ = task_environment(os.environ, order.in_slurm, order.batch_id)
    process_of_task = child.start(order, child.Setting(environ, ends_at, HANDLED))
    ending = Watch(order, claimed, process_of_task, signals, ends_at).until_the_end()
    around = _circumstances(order, claimed, ending, kills, stepd)
    verdict = outcome.judge(ending, around)
    stopped_in_time = verdict.cause == "timeout" and outcome.is_graceful(ending)
    if stopped_in_time and _is_requeued(order, claimed, ending, ends_at):
        return None
    code = _publish(order, claimed, ending, verdict, around.peak_kib)
    signals.restore()
    return code


def _circumstances(
    order: Order, claimed: Claimed, ending: Ending, kills: Optional[int], stepd: Stepd
) -> outcome.Circumstances:
    return outcome.Circumstances(
        request=order.request,
        started_at=claimed.at,
        oom_kills=(memory.oom_kills() or 0) - (kills or 0),
        # on a plain host, the control group is that of whoever started us
        peak_kib=memory.peak_kib() if order.in_slurm else None,
        python="%s (%d.%d.%d)" % (sys.executable, *sys.version_info[:3]),
        slurm_reason=stepd.reason() if order.in_slurm and ending.received else "",
    )


def _is_requeued(order: Order, claimed: Claimed, ending: Ending, ends_at: Optional[float]) -> bool:
    if not order.is_resumable or ending.superseded:
        return False
    refusal = resume.why_not(order, ending, ends_at)
    if refusal:
        note(order, "not requeued: %s" % refusal)
        return False
    note(order, "generation %d stopped in time: requeued" % claimed.generation)
    return True


def _publish(
    order: Order,
    claimed: Claimed,
    ending: Ending,
    verdict: outcome.Verdict,
    peak_kib: Optional[int],
) -> int:
    if ending.superseded:
        note(order, "superseded: killed the task of generation %d" % claimed.generation)
        return 0
    if not verdict.state:
        note(order, "generation %d ended: %s" % (claimed.generation, verdict.message))
        return 0
    try:
        ours = outcome.publish(order, outcome.content(order, claimed, ending, verdict, peak_kib))
    except OSError as error:
        note(order, "cannot write the outcome (%s): %s" % (verdict.state, error))
        return EX_IOERR
    if not ours:
        note(order, "superseded: the outcome (%s) is not published" % verdict.state)
        return 0
    if verdict.state == "done":
        return 0
    return 128 + ending.signal if ending.signal else ending.exit_code or 1


def _ends_at(order: Order, claimed: Claimed) -> Optional[float]:
    """When the time of this run is over: what Slurm says, else from when the batch script (or we) started."""
    said = os.environ.get("SLURM_JOB_END_TIME", "") if order.in_slurm else ""
    if said.isdigit():
        return float(said)
    if order.time_s is None:
        return None
    # the batch script has become us by exec, so our start is its start
    begun = process.started_at(os.getpid(), claimed.at) if order.in_slurm else None
    return (begun or claimed.at) + order.time_s


def note(order: Order, text: str) -> None:
    """Add a line to the submission's log; to stderr where that cannot be written."""
    now = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
    who = "%s[%d]%s" % (
        os.uname().nodename,
        os.getpid(),
        " " + order.batch_id if order.batch_id else "",
    )
    line = "%s %s %s.a%d: %s\n" % (now, who, order.job, order.attempt, text)
    try:
        with open(order.log, "a", encoding="utf-8") as log:
            log.write(line)
    except OSError:
        print("xpm: " + line, end="", file=sys.stderr)  # noqa: T201
