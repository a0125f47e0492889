"""Metrics that were read before, kept in the state folder: of files that have not changed.

A database beside the journal; it can be deleted. Of each job's folder it has the sizes and times of the files with metrics, and
the times of the folders they may lie in: when these are as they were, so are the metrics. What changed in the last moments
may change again within one tick of the clock, so it is not kept.
"""

import json
import os
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from xpm.metrics import reading
from xpm.metrics.reading import Curves, Found

if TYPE_CHECKING:
    import sqlite3

VERSION = 1
TICK_NS = 2_000_000_000
"""The coarsest clock of a file system."""
_SCHEMA = """
CREATE TABLE IF NOT EXISTS folders (
    path TEXT PRIMARY KEY, found TEXT NOT NULL, last TEXT NOT NULL, curves TEXT NOT NULL) WITHOUT ROWID;
"""
_AT_ONCE = 500
_MANY = 2000
"""From so many on it is quicker to look at all that is known."""


class Remembered:
    """The metrics of jobs' folders, each read once. For one thread.

    Args:
        folder: where the database lies (xpm.follow.journal.journal_folder); made when it is not there.
        clock: the time, in nanoseconds.
    """

    def __init__(self, folder: Path, clock: Callable[[], int] = time.time_ns) -> None:
        self._clock = clock
        self._database = _opened(folder / "metrics.sqlite")

    def scalars(self, folders: Sequence[str]) -> Sequence[Mapping[str, float]]:
        """The last value of each metric, folder by folder."""
        known = self._known(folders, "last")
        stamps = _loaded([stamp for stamp, _ in known.values()])
        fits = [
            folder for folder, stamp in zip(known, stamps, strict=True) if _is_so(folder, stamp)
        ]
        last = dict(zip(fits, _loaded([known[folder][1] for folder in fits]), strict=True))
        fresh: list[tuple[str, Sequence[Found], Curves]] = []
        for folder in folders:
            if folder not in last:
                last[folder] = reading.last_values(self._read(folder, fresh))
        self._keep(fresh)
        return [last[folder] for folder in folders]

    def curves(self, folder: str) -> Curves:
        """Each metric of a job, step by step."""
        stamp, curves = self._known([folder], "curves").get(folder, ("[]", ""))
        if curves and _is_so(folder, json.loads(stamp)):
            found: dict[str, list[list[float]]] = json.loads(curves)
            return {name: [(x, y) for x, y in curve] for name, curve in found.items()}
        fresh: list[tuple[str, Sequence[Found], Curves]] = []
        read = self._read(folder, fresh)
        self._keep(fresh)
        return read

    def close(self) -> None:
        """End the connection."""
        self._database.close()

    def _read(self, folder: str, fresh: list[tuple[str, Sequence[Found], Curves]]) -> Curves:
        """The metrics of a folder; with what was seen before they were read, so that a change meanwhile is noticed."""
        survey = reading.survey(folder)
        curves = reading.read(Path(folder), survey)
        fresh.append((folder, survey, curves))
        return curves

    def _known(self, folders: Sequence[str], column: str) -> Mapping[str, tuple[str, str]]:
        if len(folders) >= _MANY:
            wanted = set(folders)
            rows = self._database.execute(f"SELECT path, found, {column} FROM folders")
            return {path: (stamp, text) for path, stamp, text in rows if path in wanted}
        found: dict[str, tuple[str, str]] = {}
        for start in range(0, len(folders), _AT_ONCE):
            some = folders[start : start + _AT_ONCE]
            marks = ", ".join("?" * len(some))
            query = f"SELECT path, found, {column} FROM folders WHERE path IN ({marks})"
            found.update(
                (path, (stamp, text)) for path, stamp, text in self._database.execute(query, some)
            )
        return found

    def _keep(self, fresh: Iterable[tuple[str, Sequence[Found], Curves]]) -> None:
        import sqlite3

        until = self._clock() - TICK_NS
        rows = [
            (
                folder,
                json.dumps(survey),
                json.dumps(reading.last_values(curves)),
                json.dumps(curves),
            )
            for folder, survey, curves in fresh
            if survey and all(each.changed < until for each in survey)
        ]
        if not rows:
            return
        try:
            with self._database as database:
                database.executemany("INSERT OR REPLACE INTO folders VALUES (?, ?, ?, ?)", rows)
        except sqlite3.OperationalError:
            pass  # the disk is full or the database is busy: they are read again the next time


def _loaded(texts: Sequence[str]) -> list[Any]:
    """What many small documents hold: read as one, which takes a fraction of the time."""
    found: list[Any] = json.loads(f"[{','.join(texts)}]")
    return found


def _is_so(folder: str, stamp: Iterable[tuple[str, int, int]]) -> bool:
    """Whether the files and folders are as they were."""
    stat = os.stat
    try:
        for path, size, changed in stamp:
            status = stat(f"{folder}/{path}" if path else folder)
            if status.st_mtime_ns != changed or (size >= 0 and status.st_size != size):
                return False
    except OSError:
        return False
    return True


def _opened(path: Path) -> "sqlite3.Connection":
    import sqlite3

    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        return _prepared(path)
    except sqlite3.OperationalError:
        return _prepared(Path(":memory:"))  # no room or no permission: nothing is remembered
    except sqlite3.DatabaseError:
        path.unlink(missing_ok=True)  # no database, or of another version
        return _prepared(path)


def _prepared(path: Path) -> "sqlite3.Connection":
    import sqlite3

    database = sqlite3.connect(path, timeout=5)
    try:
        (version,) = database.execute("PRAGMA user_version").fetchone()
        if version not in (0, VERSION):
            raise sqlite3.DatabaseError(f"version {version}")
        if version == 0:
            database.executescript(
                f"BEGIN EXCLUSIVE; {_SCHEMA} PRAGMA user_version = {VERSION}; COMMIT;"
            )
        database.execute("PRAGMA synchronous = OFF")
    except BaseException:
        database.close()
        raise
    return database
