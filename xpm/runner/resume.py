"""Going on from a checkpoint under the same batch job: a task that stopped in time is requeued where it is.

That keeps its place in the site's books, and needs no sbatch. Only while the allocation lasts and Slurm agrees: else
the run publishes a timeout, and the retry policy gives the job a new attempt in the same folder. Whatever is in doubt is
published: should Slurm requeue the batch job all the same, its next run finds the attempt over and leaves.
"""

from __future__ import annotations

import os

from xpm.runner.order import Order
from xpm.runner.watch import Ending
from xpm.wire import files, ledger

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Dict, Optional

ASK_S = 30.0


def why_not(order: Order, ending: Ending, ends_at: Optional[float]) -> str:
    """Have a run that stopped in time requeued; empty when Slurm will start it again, else why it will not."""
    from xpm.decide import retry  # only who stops in time pays for it

    if not order.in_slurm or not order.batch_id:
        return "there is no Slurm here"
    if ends_at is not None and ending.at >= ends_at:
        return "its time is over"
    if "--no-requeue" in (order.request.get("options") or ()):
        return "the profile forbids Slurm to requeue (slurm: {requeue: false})"
    rule = (order.request.get("retry") or {}).get("timeout") or {}
    count = _count(order, bool(rule.get("renews")))
    reason = retry.why_not_in_place(rule, count, order.restart)
    if reason:
        return reason
    try:
        return _requeue(order, count, ASK_S if ends_at is None else ends_at - ending.at)
    except OSError as error:  # a full disk: the outcome waits until it can be written
        return "it cannot be noted: %s" % error


def _requeue(order: Order, count: int, within_s: float) -> str:
    _note(order, count + 1)  # before Slurm ends us
    refusal = _ask(str(order.batch_id), within_s)
    if refusal and count:
        _note(order, count)
    elif refusal:
        os.unlink(_path(order))
    return refusal


def requeues(order: Order) -> int:
    """How often this attempt has been requeued so far, as its last requeue noted."""
    return int(_noted(order).get("count") or 0)


def _count(order: Order, renews: bool) -> int:
    noted = _noted(order)
    got_further = (ledger.progress(order.folder) or 0.0) > float(noted.get("progress") or 0.0)
    return 0 if renews and got_further else int(noted.get("count") or 0)


def _noted(order: Order) -> Dict[str, Any]:
    try:
        return files.load(_path(order)) or {}
    except (OSError, ValueError):  # damaged by a power cut: the count starts again
        return {}


def _note(order: Order, count: int) -> None:
    content = {"count": count, "progress": ledger.progress(order.folder)}
    files.write(_path(order), files.dump(content))


def _path(order: Order) -> str:
    return os.path.join(order.folder, ledger.FOLDER, "a%d.requeues" % order.attempt)


def _ask(batch_id: str, within_s: float) -> str:
    """Ask Slurm to requeue; why it does not, empty when it does."""
    import subprocess

    argv = ["scontrol", "requeue", batch_id]
    try:
        done = subprocess.run(
            argv, stdin=subprocess.DEVNULL, capture_output=True, timeout=min(ASK_S, within_s)
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        return "%s: %s" % (" ".join(argv), error)
    if done.returncode:
        return done.stderr.decode("utf-8", "replace").strip() or "exit code %d" % done.returncode
    return ""
