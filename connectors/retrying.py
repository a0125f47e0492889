"""Patience: trying again, ever more slowly and never in step with others, what may heal by itself.

Only transient host problems (the network) are tried again. A login or host key that was refused is not: some sites ban
whoever repeats it.
"""

import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

import tenacity

from xpm.errors import HostProblem

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Patience:
    """How long to try: ``attempts`` in all (None: for ever), waiting ``first_s``, then twice that, ... ``most_s``.

    With a limit, no attempt begins later than ``within_s`` after the first: what takes so long to fail is told first.
    """

    attempts: int | None = 3
    within_s: float = 10.0
    first_s: float = 0.5
    most_s: float = 60.0


class Retrying:
    """Runs something until it works, somebody asks to close, or patience ends.

    Args:
        patience: how long to try.
        closing: set by whoever wants it to stop; ends a wait at once.
        sleep: what waits between two attempts; by default it waits for ``closing``.
    """

    def __init__(
        self,
        patience: Patience,
        closing: threading.Event,
        sleep: Callable[[float], object] | None = None,
    ) -> None:
        self._patience = patience
        self._closing = closing
        self._sleep = sleep or closing.wait

    def run(self, attempt: Callable[[], T]) -> T:
        """The result of the first attempt that works; else the last one's error."""
        patience = self._patience
        stop = tenacity.stop_when_event_set(self._closing)
        if patience.attempts is not None:
            stop = stop | tenacity.stop_after_attempt(patience.attempts)  # type: ignore[assignment]
            stop = stop | tenacity.stop_after_delay(patience.within_s)  # type: ignore[assignment]
        retrying = tenacity.Retrying(
            retry=tenacity.retry_if_exception(is_transient),
            wait=tenacity.wait_exponential(multiplier=patience.first_s, max=patience.most_s)
            + tenacity.wait_random(0, patience.first_s),
            stop=stop,
            sleep=self._wait,
            reraise=True,
        )
        return retrying(attempt)

    def _wait(self, seconds: float) -> None:
        self._sleep(seconds)


def is_transient(error: BaseException) -> bool:
    """Whether waiting may help."""
    return isinstance(error, HostProblem) and error.transient
