"""How far jobs that run are, by the words they write into their folders."""

import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from xpm.follow.main import MainFolder
from xpm.wire import ledger

if TYPE_CHECKING:
    from xpm.monitor.board import Entry, Key

MOST = 2000
"""Of more jobs that run nobody looks at all."""


@dataclass(frozen=True, slots=True)
class Progress:
    """What a task reported last."""

    fraction: float
    description: str
    at: float


class Watched:
    """The reports of jobs that run, each read again when it has changed."""

    def __init__(self) -> None:
        self.known: dict[Key, Progress] = {}
        self._stamps: dict[Key, int] = {}

    def look(self, main: MainFolder, running: "Sequence[Entry]") -> "Mapping[Key, Progress]":
        """What is news; of jobs that do not run any more nothing is kept."""
        news: dict[Key, Progress] = {}
        alive = {each.key for each in running}
        for key in [key for key in self._stamps if key not in alive]:
            del self._stamps[key]
            self.known.pop(key, None)
        for each in running[:MOST]:
            folder = f"{main.path}/jobs/{each.row.task}/{each.row.id}/{ledger.FOLDER}"
            found = self._read(each.key, f"{folder}/{ledger.PROGRESS}")
            if found is not None:
                news[each.key] = self.known[each.key] = found
        return news

    def _read(self, key: "Key", path: str) -> Progress | None:
        try:
            stamp = os.stat(path).st_mtime_ns  # noqa: PTH116 (thousands of them)
            if self._stamps.get(key) == stamp:
                return None
            with open(path, "rb") as file:  # noqa: PTH123
                content = json.load(file)
            self._stamps[key] = stamp
            return Progress(
                min(1.0, max(0.0, float(content["fraction"]))),
                str(content.get("description") or ""),
                float(content["at"]),
            )
        except (OSError, ValueError, KeyError, TypeError):
            return None  # none yet, or not whole
