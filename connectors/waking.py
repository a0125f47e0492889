"""Noticing that this machine has slept: its clocks disagree on how much time has passed.

While a machine sleeps, the monotonic clock stands still (on Linux and macOS) and the wall clock goes on, as does
Linux's clock since boot. Whoever has a connection then looks whether it still lives instead of waiting for time-outs.
A wall clock that is set looks the same; a needless look costs one message.
"""

import contextlib
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass

SLEPT_S = 5.0
LOOK_S = 2.0


@dataclass(frozen=True, slots=True)
class Clocks:
    """What the clocks show at one moment; None: this system has no such clock."""

    wall: float
    monotonic: float
    since_boot: float | None = None


def read() -> Clocks:
    """The clocks of this machine."""
    since_boot = None
    if hasattr(time, "CLOCK_BOOTTIME"):
        since_boot = time.clock_gettime(time.CLOCK_BOOTTIME)
    return Clocks(time.time(), time.monotonic(), since_boot)


def slept_s(before: Clocks, after: Clocks) -> float:
    """Seconds this machine was asleep between two readings; about 0 when it was awake."""
    passed = [after.wall - before.wall]
    if before.since_boot is not None and after.since_boot is not None:
        passed.append(after.since_boot - before.since_boot)
    return max(0.0, max(passed) - (after.monotonic - before.monotonic))


class Watch:
    """Calls whoever wants to know when the machine has slept. Its thread lives while somebody does."""

    def __init__(self, clocks: Callable[[], Clocks] = read, every_s: float = LOOK_S) -> None:
        self._clocks = clocks
        self._every_s = every_s
        self._changed = threading.Condition()  # guards the next two
        self._callbacks: list[Callable[[], object]] = []
        self._thread: threading.Thread | None = None

    def tell(self, callback: Callable[[], object]) -> Callable[[], None]:
        """Call this, quick as it must be, after each sleep; the answer ends that."""
        with self._changed:
            self._callbacks.append(callback)
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, daemon=True, name="xpm-waking")
                self._thread.start()

        def forget() -> None:
            with self._changed, contextlib.suppress(ValueError):
                self._callbacks.remove(callback)
                self._changed.notify_all()

        return forget

    def _run(self) -> None:
        before = self._clocks()
        while True:
            with self._changed:
                self._changed.wait_for(lambda: not self._callbacks, self._every_s)
                if not self._callbacks:
                    self._thread = None
                    return
                callbacks = list(self._callbacks)
            after = self._clocks()
            if slept_s(before, after) > SLEPT_S:
                for callback in callbacks:
                    callback()
            before = after


shared = Watch()
"""The watch of this process."""
