"""Where jobs stand in the queues of their sites, as it was told last: a file for each connector, beside the journal.

A cache that is written whole and read when it has changed. It is no state of a job: neither the journal nor a story tells of it,
since the place of a thousand jobs changes whenever somebody else's job starts.
"""

import hashlib
import os
from collections.abc import Mapping, Sequence
from dataclasses import astuple, dataclass
from pathlib import Path
from typing import Protocol

from xpm.connectors.jobs import Stands
from xpm.wire import files, indices

FORMAT = 1
CANCELLED = "being cancelled"
"""How the agent says it (xpm/agent/viewing.py)."""
MOST = 5000
_PREFIX = "standing."


@dataclass(frozen=True, slots=True)
class Standing:
    """About where a job stands, by priority among what waits in its partition."""

    place: int
    """1: nobody is ahead."""
    of: int
    partition: str


class Pending(Protocol):
    """What is asked of a job."""

    @property
    def connector(self) -> str: ...  # noqa: D102
    @property
    def state(self) -> str: ...  # noqa: D102
    @property
    def reason(self) -> str: ...  # noqa: D102
    @property
    def batch_id(self) -> str | None: ...  # noqa: D102


def keep(folder: Path, connector: str, found: Sequence[Stands]) -> None:
    """Note what a connector told; what cannot be written now is told again by what follows."""
    path = folder / f"{_PREFIX}{hashlib.sha256(connector.encode()).hexdigest()[:16]}.json"
    rows = [list(astuple(each)) for each in found[:MOST]]
    content = {"format": FORMAT, "connector": connector, "rows": rows}
    try:
        if found or path.exists():
            files.write(str(path), files.dump(content))
    except OSError:  # a disk that is full: a place is not worth a word
        return


def standings(main: str) -> "Standings":
    """What is known beside the journal of a main folder."""
    from xpm.follow.journal import journal_folder
    from xpm.follow.main import MainFolder

    return Standings(journal_folder(MainFolder(Path(main))))


class Standings:
    """What is known of all connectors; ``refresh`` makes it later. For one thread."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._stamps: Mapping[str, tuple[int, int]] = {}
        self._rows: Mapping[tuple[str, str], Sequence[Stands]] = {}

    def __bool__(self) -> bool:
        """Whether anything is known."""
        return bool(self._rows)

    def refresh(self) -> bool:
        """Look whether there is something newer; whether there was."""
        stamps = self.marks()
        if stamps == self._stamps:
            return False
        self._stamps = stamps
        rows: dict[tuple[str, str], list[Stands]] = {}
        for path in stamps:
            for connector, each in _read(path):
                rows.setdefault((connector, each.batch_id), []).append(each)
        self._rows = rows
        return True

    def of(self, job: Pending) -> Standing | None:
        """Where a job stands, an element of an array (``A_k``) behind those before it; None when nobody knows."""
        if not self._rows or job.state != "pending" or job.reason == CANCELLED or not job.batch_id:
            return None
        array, _, index = job.batch_id.partition("_")
        for each in self._rows.get((job.connector, job.batch_id), ()):
            return Standing(each.place, each.of, each.partition)
        for each in self._rows.get((job.connector, array), ()) if index.isdigit() else ():
            ahead = indices.before(each.indices, int(index))
            if ahead is not None:
                return Standing(min(each.place + ahead, each.of), each.of, each.partition)
        return None

    def marks(self) -> Mapping[str, tuple[int, int]]:
        """What is the same as long as nobody has told anything."""
        found: dict[str, tuple[int, int]] = {}
        try:
            entries = [each for each in os.scandir(self._folder) if each.name.startswith(_PREFIX)]
            for each in entries:
                stat = each.stat()
                found[each.path] = stat.st_mtime_ns, stat.st_ino
        except OSError:  # nothing was ever told, or it has just been replaced
            return found
        return found


def _read(path: str) -> Sequence[tuple[str, Stands]]:
    try:
        content = files.load(path) or {}
        if content.get("format") != FORMAT:
            return ()
        return [(str(content["connector"]), Stands(*row)) for row in content["rows"]]
    except (OSError, ValueError, TypeError, KeyError):  # a cache: what cannot be read is not known
        return ()
