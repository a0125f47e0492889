"""When to wait for more jobs before an array is made of those there are: a plan being submitted tells them bit by bit.

The first goes out at once. While more are being asked for, the next submission waits until it is a lot bigger than the last,
until none has come for a moment, or until it has waited long enough. So a thousand jobs take a handful of submissions, however
slowly they come, and nobody waits for more than a few seconds.
"""

QUIET_S = 0.6
"""More may be on their way for so long after the last."""
LONGEST_S = 4.0
"""Nobody waits for longer, and who comes so long after the last submission does not wait at all."""
GROWTH = 4


class Gathering(object):
    """What one process remembers of its last submission."""

    def __init__(self) -> None:
        self._size = 0
        self._went_at = float("-inf")

    def is_open(self, ready: int, asked_at: float, now: float) -> bool:
        """Whether to wait for more.

        Args:
            ready: how many could go.
            asked_at: when somebody last asked for jobs.
            now: the time.
        """
        if now - self._went_at > LONGEST_S:
            self._size = 0
        return 0 < ready < GROWTH * self._size and 0 <= now - asked_at < QUIET_S

    def went(self, count: int, now: float) -> None:
        """So many have just gone."""
        self._size = max(self._size, count)
        self._went_at = now
