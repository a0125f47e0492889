"""Looks at an experiment between the cells of a notebook, in the kernel's own loop and thread."""

import asyncio
from collections.abc import Callable

EVERY_S = 1.0


class Between:
    """Calls a function now and then while the kernel waits for cells; nowhere else.

    The function tells whether to go on. It is called in the thread of the cells, never while one runs that does not
    ``await``.
    """

    def __init__(self, look: Callable[[], bool]) -> None:
        self._look = look
        self._timer: asyncio.TimerHandle | None = None
        try:
            self._loop = asyncio.get_running_loop()
        except RuntimeError:  # a script, or IPython in a terminal
            return
        self._again()

    def stop(self) -> None:
        """Look no more."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _again(self) -> None:
        self._timer = self._loop.call_later(EVERY_S, self._tick)

    def _tick(self) -> None:
        self._timer = None
        if self._look():
            self._again()
