"""Files of finished jobs on their way here while a plan is followed: told now and then, and put off for what is urgent."""

from collections.abc import Callable

from xpm.follow import leaving

FIRST_S = 5.0
MOST_S = 60.0


class Bringing:
    """Hears of bytes (xpm/connectors/base.py, ``Progress``).

    Args:
        tell: says something to people.
        timer: seconds that only grow.
        pauses: whether something more urgent has come; what has arrived by then stays.
    """

    def __init__(
        self,
        tell: Callable[[str], None],
        timer: Callable[[], float],
        pauses: Callable[[], bool] = lambda: False,
    ) -> None:
        self.pauses = pauses
        self._tell = tell
        self._timer = timer
        self._arrived = self._expected = 0
        self._pace_s = FIRST_S
        self._tell_at = timer() + FIRST_S

    def __call__(self, count: int) -> None:
        """So many bytes have arrived."""
        self._arrived += count
        if self._timer() >= self._tell_at:
            of = leaving.size(max(self._expected, self._arrived))
            self._tell(f"bringing results: {leaving.size(self._arrived)} of {of}")
            self._pace_s = min(MOST_S, self._pace_s * 2)
            self._tell_at = self._timer() + self._pace_s

    def expect(self, count: int) -> None:
        """So many more are to come."""
        self._expected = self._arrived + count
