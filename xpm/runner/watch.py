"""Watching the task's process until it ends: heartbeat, signals, cancellation, time, and who came after us.

The warning before the end is Slurm's (``--signal=B:USR1@lead``), which may come a minute early, or else our own.

One loop, asleep in select until a signal (by the wake-up descriptor), a report of the task or the next look is due.
What it saw is an ``Ending``, which outcome.py judges. The process is observed, its group killed, and only then
reaped: so the group's number cannot have been given to somebody else.
"""

from __future__ import annotations

import os
import select
import signal
import time

from xpm.runner import process
from xpm.runner.child import Child
from xpm.runner.claim import Claimed, is_cancelled, taken_from
from xpm.runner.order import Notice, Order
from xpm.runner.record import Record

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Callable, Dict, List, Optional

HEARTBEAT_S = 30.0
LOOK_S = 5.0
GRACE_S = 20.0
"""From the request to end until the kill: within Slurm's KillWait (30 s), so that there is time to publish."""
WARNINGS = (signal.SIGUSR1, signal.SIGUSR2)
ENDS = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGQUIT)
HANDLED = [int(each) for each in (*WARNINGS, *ENDS, signal.SIGCHLD)]


class Ending(Record):
    """What was seen of a task's end."""

    exit_code: Optional[int]
    """None when a signal killed it."""
    signal: Optional[int]
    report: Optional[Dict[str, Any]]
    received: List[int]
    """Signals the runner got and passed on."""
    cancelled: bool
    out_of_time: bool
    superseded: bool
    max_rss_kib: int
    cpu_s: float
    at: float


class Signals:
    """Turns signals into bytes of a pipe, for select. Made before the fork, by the only thread."""

    def __init__(self) -> None:
        self.pipe, writing = os.pipe()
        os.set_blocking(self.pipe, False)
        os.set_blocking(writing, False)
        for signum in HANDLED:
            signal.signal(signum, _woken)
        signal.set_wakeup_fd(writing, warn_on_full_buffer=False)

    def take(self) -> List[int]:
        """The signals since the last call."""
        return list(_drain(self.pipe))

    @staticmethod
    def restore() -> None:
        """Handle signals as by default again."""
        signal.set_wakeup_fd(-1)
        for signum in HANDLED:
            signal.signal(signum, signal.SIG_DFL)


class Watch:
    """One task's process under observation."""

    def __init__(
        self,
        order: Order,
        claimed: Claimed,
        child: Child,
        signals: Signals,
        ends_at: Optional[float],
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._order = order
        self._claimed = claimed
        self._child = child
        self._signals = signals
        self._ends_at = ends_at
        self._warn_at = _warn_at(order.warning, ends_at, clock())
        self._clock = clock
        self._report = bytearray()
        self._sources = [signals.pipe, child.pipe]
        self._received: List[int] = []
        self._kill_at: Optional[float] = None
        self._beat_at = clock() + HEARTBEAT_S
        self._look_at = clock() + LOOK_S
        self._reaped: Any = None
        self._cancelled = self._out_of_time = self._superseded = False

    def until_the_end(self) -> Ending:
        """Wait for the task's process; what was seen of its end."""
        while not self._has_ended():
            ready, _, _ = select.select(self._sources, [], [], self._pause())
            for signum in self._signals.take():
                self._handle(signum)
            if self._child.pipe in ready:
                self._read_report()
            self._look(self._clock())
        self._received += [each for each in self._signals.take() if each != signal.SIGCHLD]
        process.kill_group(self._child.pid, signal.SIGKILL)
        _, status, usage = self._reaped or os.wait4(self._child.pid, 0)
        self._read_report()
        return self._ending(status, usage)

    def _has_ended(self) -> bool:
        if hasattr(os, "waitid"):
            look = os.WEXITED | os.WNOHANG | os.WNOWAIT
            return os.waitid(os.P_PID, self._child.pid, look) is not None
        reaped = os.wait4(self._child.pid, os.WNOHANG)  # macOS before Python 3.13
        self._reaped = reaped if reaped[0] else None
        return self._reaped is not None

    def _pause(self) -> float:
        moments = [
            self._beat_at, self._look_at, self._warn_at, self._kill_at, self._own_limit()
        ]  # fmt: skip
        return max(0.0, min(each for each in moments if each is not None) - self._clock())

    def _own_limit(self) -> Optional[float]:
        # where there is Slurm, it keeps the time
        return None if self._order.in_slurm or self._out_of_time else self._ends_at

    def _handle(self, signum: int) -> None:
        if signum == signal.SIGCHLD:
            return
        self._received.append(signum)
        if signum in WARNINGS:
            self._warn(signum)
            return
        self._cancelled = self._cancelled or is_cancelled(self._order)
        process.kill_group(self._child.pid, signum)
        if not self._order.in_slurm or self._cancelled or self._is_late():
            self._kill_soon()

    def _warn(self, signum: int) -> None:
        self._warn_at = None  # once is enough, be it Slurm's or our own
        for pid in process.catchers(self._child.pid, signum):
            _send(pid, signum)  # who does not listen to a warning would die of it

    def _is_late(self) -> bool:
        return self._ends_at is not None and self._clock() >= self._ends_at - GRACE_S

    def _kill_soon(self) -> None:
        if self._kill_at is None:
            self._kill_at = self._clock() + GRACE_S

    def _look(self, now: float) -> None:
        if self._warn_at is not None and now >= self._warn_at:
            notice = self._order.warning
            self._warn(notice.signum if notice else int(signal.SIGUSR1))
        limit = self._own_limit()
        if limit is not None and now >= limit:
            self._out_of_time = True
            self._ask_to_end()
        if now >= self._look_at:
            self._look_at = now + LOOK_S
            self._look_at_files()
        if now >= self._beat_at:
            self._beat_at = now + HEARTBEAT_S
            _touch(self._claimed.path)
        if self._superseded or (self._kill_at is not None and now >= self._kill_at):
            self._kill_at = now + 1.0
            process.kill_group(self._child.pid, signal.SIGKILL)

    def _look_at_files(self) -> None:
        self._superseded = self._superseded or taken_from(self._order, self._claimed)
        if not self._cancelled and is_cancelled(self._order):
            self._cancelled = True
            self._ask_to_end()

    def _ask_to_end(self) -> None:
        process.kill_group(self._child.pid, signal.SIGTERM)
        self._kill_soon()

    def _read_report(self) -> None:
        if self._child.pipe in self._sources:
            data = _drain(self._child.pipe)
            self._report += data
            if not data:  # closed: nobody will write there any more
                self._sources.remove(self._child.pipe)

    def _ending(self, status: int, usage: Any) -> Ending:
        killed = os.WIFSIGNALED(status)
        return Ending(
            exit_code=None if killed else os.WEXITSTATUS(status),
            signal=os.WTERMSIG(status) if killed else None,
            report=_parse(bytes(self._report)),
            received=self._received,
            cancelled=self._cancelled or is_cancelled(self._order),
            out_of_time=self._out_of_time or (signal.SIGTERM in self._received and self._is_late()),
            superseded=self._superseded,
            max_rss_kib=usage.ru_maxrss,
            cpu_s=usage.ru_utime + usage.ru_stime,
            at=self._clock(),
        )


def _warn_at(notice: Optional[Notice], ends_at: Optional[float], now: float) -> Optional[float]:
    """When to warn: not before half of the time is over, for who is still loading would not hear it."""
    if notice is None or ends_at is None:
        return None
    return ends_at - min(notice.lead_s, (ends_at - now) / 2)


def _woken(_signum: int, _frame: object) -> None:
    """The byte in the pipe is all we want."""


def _send(pid: int, signum: int) -> None:
    try:
        os.kill(pid, signum)
    except ProcessLookupError:
        pass


def _touch(path: str) -> None:
    try:
        os.utime(path)
    except OSError:
        pass  # the disk is away for a moment: the next beat will do


def _drain(pipe: int) -> bytes:
    found = bytearray()
    while True:
        try:
            data = os.read(pipe, 65536)
        except BlockingIOError:
            return bytes(found)
        if not data:
            return bytes(found)
        found += data


def _parse(raw: bytes) -> Optional[Dict[str, Any]]:
    import json

    try:
        content = json.loads(raw)
    except ValueError:
        return None
    return content if isinstance(content, dict) else None
