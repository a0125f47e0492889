"""How the journal follows the records of experiments: their lines, folded from where it stopped the last time.

A record only grows (follow/records.py), so its size and first bytes tell what of it is folded already; when the first bytes
differ it is another record of the same name, and all of it is folded anew, with what was known of its jobs forgotten.
"""

import json
from collections.abc import Sequence
from typing import TYPE_CHECKING

from xpm.follow.main import MainFolder
from xpm.follow.records import ExperimentRecord, Line

if TYPE_CHECKING:
    import sqlite3

SCHEMA = """
CREATE TABLE IF NOT EXISTS lines (
    n INTEGER PRIMARY KEY, experiment TEXT NOT NULL, task TEXT NOT NULL, job TEXT NOT NULL, attempt INTEGER NOT NULL,
    connector TEXT NOT NULL, launcher TEXT NOT NULL, tags TEXT NOT NULL, parents TEXT NOT NULL, workspace TEXT NOT NULL,
    at REAL NOT NULL, run TEXT NOT NULL, place INTEGER NOT NULL, is_last INTEGER NOT NULL, settled TEXT);
CREATE INDEX IF NOT EXISTS lines_by_job ON lines (job);
CREATE INDEX IF NOT EXISTS lines_of_runs ON lines (experiment, run);
CREATE INDEX IF NOT EXISTS lines_that_count ON lines (experiment, place) WHERE is_last;
CREATE TABLE IF NOT EXISTS records (
    experiment TEXT PRIMARY KEY, head BLOB NOT NULL, size INTEGER NOT NULL, run TEXT NOT NULL) WITHOUT ROWID;
"""
"""``lines``: every submission; of those of one job in an experiment the last counts, in the place of the first."""

_INSERT = "INSERT INTO lines VALUES (NULL, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, 1, NULL)"


def lags(main: MainFolder, database: "sqlite3.Connection") -> bool:
    """Whether a record says more than is folded, or something else."""
    folded = _folded(database)
    records = main.experiments()
    if folded.keys() - {each.id for each in records}:
        return True
    return any(_lags(each, folded.get(each.id)) for each in records)


def catch_up(main: MainFolder, database: "sqlite3.Connection") -> None:
    """Fold what the records say since the last time. Within a transaction."""
    records = {each.id: each for each in main.experiments()}
    folded = _folded(database)
    for name in folded.keys() - records.keys():
        _forget(database, name)
    for name, record in records.items():
        known = folded.get(name)
        if known is not None and not _continues(record, known):
            _forget(database, name)
            known = None
        lines, size = record.lines_after(known[1] if known else 0)
        _fold(database, name, lines)
        run = lines[-1].run if lines else known[2] if known else ""
        database.execute(
            "INSERT OR REPLACE INTO records VALUES (?, ?, ?, ?)", (name, record.head(), size, run)
        )


def _folded(database: "sqlite3.Connection") -> dict[str, tuple[bytes, int, str]]:
    rows = database.execute("SELECT experiment, head, size, run FROM records")
    return {name: (head, size, run) for name, head, size, run in rows}


def _lags(record: ExperimentRecord, known: tuple[bytes, int, str] | None) -> bool:
    return known is None or record.size() != known[1] or not _continues(record, known)


def _continues(record: ExperimentRecord, known: tuple[bytes, int, str]) -> bool:
    return record.size() >= known[1] and record.head().startswith(known[0])


def _forget(database: "sqlite3.Connection", name: str) -> None:
    mine = "(SELECT job FROM lines WHERE experiment = ?)"
    others = "(SELECT job FROM lines WHERE experiment != ?)"
    database.execute(f"DELETE FROM jobs WHERE job IN {mine} AND job NOT IN {others}", (name, name))
    database.execute("DELETE FROM lines WHERE experiment = ?", (name,))
    database.execute("DELETE FROM records WHERE experiment = ?", (name,))


def _fold(database: "sqlite3.Connection", name: str, lines: Sequence[Line]) -> None:
    (place,) = database.execute("SELECT coalesce(max(n), 0) FROM lines").fetchone()
    known = "WHERE job = ? AND task = ? AND experiment = ? AND is_last"
    for each in lines:
        place += 1
        key = (each.job, each.task, name)
        query = (
            f"SELECT n, place FROM lines INDEXED BY lines_by_job {known}"  # else all of its lines
        )
        before = database.execute(query, key).fetchone()
        if before is not None:
            database.execute("UPDATE lines SET is_last = 0 WHERE n = ?", (before[0],))
        database.execute(
            _INSERT,
            (
                name, each.task, each.job, each.attempt, each.connector, each.launcher,
                json.dumps(dict(each.tags)), json.dumps(each.parents), each.workspace, each.at,
                each.run, before[1] if before else place,
            ),
        )  # fmt: skip
