"""Waiting until the run before ours has noticed that it is superseded, so that never two tasks write into one folder.

A run may follow one that still lives: SLURM starts a job again elsewhere when its node is cut off, and an attempt may be given
up whose run goes on. That run looks for a successor every few seconds (watch.py) and then kills its task. So ours begins
after that time, counted from the entry that it will find; at once if it is known to be dead, by its process on
this host or by its heartbeat. A host that is frozen for longer than that is not waited for (docs/guarantees.md).
"""

from __future__ import annotations

import os
import time

from xpm.runner import process
from xpm.runner.claim import Claimed
from xpm.runner.order import Order
from xpm.runner.watch import HEARTBEAT_S, LOOK_S
from xpm.wire import ledger

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Callable, Optional, Tuple

NOTICE_S = 2 * LOOK_S
SILENT_S = 3 * HEARTBEAT_S
AGAIN_S = 0.1


def wait_for_predecessor(
    order: Order,
    claimed: Claimed,
    clock: Callable[[], float] = time.time,
    sleep: Callable[[float], None] = time.sleep,
) -> None:
    """Return when the task of the run before this one has ended, as far as can be known."""
    found = _predecessor(order, claimed)
    if found is None:
        return
    before, told_at = found
    while 0 <= clock() - told_at < NOTICE_S and not _is_dead(order, before, clock()):
        sleep(AGAIN_S)


def _predecessor(order: Order, claimed: Claimed) -> Optional[Tuple[ledger.Entry, float]]:
    """The claim of a run that may still live, and when it was told to end."""
    if claimed.generation > 1:
        entries = ledger.attempt_entries(order.folder, order.attempt)
        return entries[claimed.slot - 2], claimed.at
    if order.attempt == 1:
        return None
    earlier = [each for each in ledger.slots(order.folder) if each.attempt < order.attempt]
    entries = ledger.attempt_entries(order.folder, earlier[-1].attempt) if earlier else []
    if len(entries) < 2 or entries[-1]["kind"] != "revoked":
        return None  # it never ran, or has said itself that it ended
    return entries[-2], float(entries[-1]["at"])


def _is_dead(order: Order, before: ledger.Entry, now: float) -> bool:
    if before.get("host") == os.uname().nodename and before.get("boot") == process.boot():
        return process.started(int(before["pid"])) != before.get("started")
    name = ledger.name(before["attempt"], before["slot"])
    try:
        beat = os.stat(os.path.join(order.folder, ledger.FOLDER, name)).st_mtime
    except FileNotFoundError:
        return True
    return now - beat > SILENT_S
