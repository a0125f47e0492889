"""How far a job says it is, and how long it will yet take."""

import json
from pathlib import Path
from typing import NamedTuple

from xpm.wire import ledger


class Word(NamedTuple):
    """How far a job says it is."""

    at: float
    fraction: float
    description: str


class Pace:
    """How long something will yet take, from how fast it went since it was first seen."""

    def __init__(self) -> None:
        self._first: tuple[float, float] | None = None
        self._last: tuple[float, float] | None = None

    def seen(self, at: float, done: float) -> None:
        """At this time so much was done."""
        if self._first is None or done < self._first[1]:
            self._first = at, done
        self._last = at, done

    def left(self, total: float, now: float) -> float | None:
        """Seconds until all is done; None as long as that is a guess."""
        if self._first is None or self._last is None:
            return None
        (began, before), (at, done) = self._first, self._last
        if done <= before or at <= began or done >= total:
            return None
        return max(0.0, (total - done) * (at - began) / (done - before) - (now - at))


def said(folder: str) -> Word | None:
    """What a job last said of its progress, as far as that is here."""
    try:
        content = json.loads((Path(folder) / ledger.FOLDER / ledger.PROGRESS).read_bytes())
        fraction = min(1.0, max(0.0, float(content["fraction"])))
        return Word(float(content["at"]), fraction, " ".join(str(content["description"]).split()))
    except (OSError, ValueError, KeyError, TypeError):
        return None
