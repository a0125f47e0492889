"""How far a task says it is: ``.xpm/progress.json``, rewritten at most once a second."""

from __future__ import annotations

import os
import time

from xpm.wire import files, ledger

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Callable

PERIOD_S = 1.0


class Progress:
    """Writes what the task reports; the last word of a task (1.0) is always written."""

    def __init__(self, folder: str, clock: Callable[[], float] = time.time) -> None:
        self._path = os.path.join(folder, ledger.FOLDER, ledger.PROGRESS)
        self._clock = clock
        self._written_at = 0.0

    def report(self, fraction: float, description: str = "") -> None:
        """Note how much is done, between 0 and 1."""
        now = self._clock()
        fraction = min(1.0, max(0.0, float(fraction)))
        if fraction < 1.0 and 0.0 <= now - self._written_at < PERIOD_S:
            return
        self._written_at = now
        content = {"at": now, "fraction": fraction, "description": str(description)}
        try:
            files.write(self._path, files.dump(content))
        except OSError:
            pass  # a full disk must not fail the task for the sake of its progress bar
