"""Code on its way to a place while a plan is followed: told when it takes long, and when it is there."""

import time
from collections.abc import Callable

from xpm.follow import leaving

FIRST_S = 5.0
MOST_S = 60.0
ID_SHOWN = 8


class Sending:
    """Hears of the bytes of one snapshot (xpm/connectors/base.py, ``Connector.stage``).

    Args:
        snapshot: its id.
        tell: says something to people.
        timer: seconds that only grow.
    """

    def __init__(
        self,
        snapshot: str,
        tell: Callable[[str], None],
        timer: Callable[[], float] = time.monotonic,
    ) -> None:
        self._name = snapshot[:ID_SHOWN]
        self._tell = tell
        self._timer = timer
        self._most = 0
        self._pace_s = FIRST_S
        self._tell_at = timer() + FIRST_S

    def __call__(self, sent: int, total: int) -> None:
        """So many bytes of so many are sent."""
        self._most = max(self._most, total)
        if self._timer() >= self._tell_at and sent < total:
            self._tell(f"sending code {self._name}: {leaving.size(sent)} of {leaving.size(total)}")
            self._pace_s = min(MOST_S, self._pace_s * 2)
            self._tell_at = self._timer() + self._pace_s

    def ended(self) -> None:
        """All of it is there; nothing is said of what was there before."""
        if self._most:
            self._tell(f"code {self._name} is there, {leaving.size(self._most)} sent")
