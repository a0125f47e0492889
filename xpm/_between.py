"""Looks at an experiment between the cells of a notebook, in the kernel's own loop and thread."""

import sys
from collections.abc import Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import asyncio

EVERY_S = 1.0


class Between:
    """Calls a function now and then while the kernel waits for cells; nowhere else.

    The function tells whether to go on. It is called in the thread of the cells, never while one runs that does not
    ``await``.
    """

    def __init__(self, look: Callable[[], bool]) -> None:
        self._look = look
        self._timer: asyncio.TimerHandle | None = None
        if "asyncio" not in sys.modules:  # no loop runs; a script is spared 50 ms of imports
            return
        from asyncio import get_running_loop

        try:
            self._loop = get_running_loop()
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
