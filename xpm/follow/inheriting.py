"""What the journal of another version knew, taken into a new one, so that a new version knows no less when nobody answers.

Each version has a file of its own in the folder of journals: versions that are used side by side would break, or keep deleting,
each other's. What the other one knew of a job counts as long as the record that it had folded is still there.
"""

import contextlib
import time
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import sqlite3

FORGOTTEN_S = 30 * 86400.0
"""A journal that no version has written for so long is removed."""
_JOBS = "task, job, connector, state, cause, attempt, generation, batch_id, reason, message, at, seen_at, arrived"


def name(version: int) -> str:
    """The file of a version's journal."""
    return f"journal-{version}.sqlite"


def all_in(folder: Path) -> list[Path]:
    """The journals of all versions, the one that was written last first."""
    found = {path: _written(path) for path in folder.glob("journal*.sqlite")}
    return sorted(found, key=lambda path: found[path], reverse=True)


def take(database: "sqlite3.Connection", own: Path) -> None:
    """Take what the journal of another version knows that can be read; within a transaction, with the records folded."""
    import sqlite3

    for path in all_in(own.parent):
        if path == own:
            continue
        database.execute("SAVEPOINT taking")
        try:
            with _opened(path) as other:
                _take(database, other)
            database.execute("RELEASE taking")
            return
        except sqlite3.DatabaseError as error:
            if not database.in_transaction or error.sqlite_errorcode == sqlite3.SQLITE_FULL:
                raise  # it is the disk of the new one
            database.execute("ROLLBACK TO taking")
            database.execute("RELEASE taking")


def tidy(own: Path) -> None:
    """Remove the journals of other versions that nobody has written for long."""
    until = time.time() - FORGOTTEN_S
    for path in all_in(own.parent):
        if path != own and _written(path) < until:
            remove(path)


def remove(path: Path) -> None:
    """Remove a journal, with what SQLite has beside it."""
    for suffix in ("-wal", "-shm", ""):
        path.with_name(path.name + suffix).unlink(missing_ok=True)


def _written(path: Path) -> float:
    last = 0.0
    for each in (path, path.with_name(f"{path.name}-wal")):
        with contextlib.suppress(OSError):
            last = max(last, each.stat().st_mtime)
    return last


@contextlib.contextmanager
def _opened(path: Path) -> "Iterator[sqlite3.Connection]":
    import sqlite3

    with contextlib.closing(
        sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True)
    ) as other:
        other.execute("BEGIN")  # one view of it, whoever writes meanwhile
        yield other


def _take(database: "sqlite3.Connection", other: "sqlite3.Connection") -> None:
    database.execute("CREATE TEMP TABLE taken (job TEXT, task TEXT, PRIMARY KEY (job, task))")
    try:
        for experiment in _same(database, other):
            database.executemany(
                "INSERT OR IGNORE INTO taken VALUES (?, ?)",
                other.execute("SELECT job, task FROM lines WHERE experiment = ?", (experiment,)),
            )
        database.executemany(
            f"INSERT OR REPLACE INTO jobs SELECT {_numbered(13)}"
            " WHERE EXISTS (SELECT 1 FROM taken WHERE job = ?2 AND task = ?1)",
            other.execute(f"SELECT {_JOBS} FROM jobs"),
        )
        database.executemany(
            f"INSERT OR REPLACE INTO stayed SELECT {_numbered(4)}"
            " WHERE EXISTS (SELECT 1 FROM taken WHERE job = ?1 AND task = ?2)",
            other.execute("SELECT job, task, files, bytes FROM stayed"),
        )
        database.executemany(
            "INSERT OR REPLACE INTO connectors (name, seen_at, down_since, down_message) VALUES (?, ?, ?, ?)",
            other.execute("SELECT name, seen_at, down_since, down_message FROM connectors"),
        )
        database.executemany(
            f"INSERT INTO events (at, job, kind, content) SELECT {_numbered(4)}"
            " WHERE ?2 IS NULL OR EXISTS (SELECT 1 FROM taken WHERE job = ?2)",
            other.execute("SELECT at, job, kind, content FROM events ORDER BY n"),
        )
    finally:
        database.execute("DROP TABLE IF EXISTS taken")


def _same(database: "sqlite3.Connection", other: "sqlite3.Connection") -> list[str]:
    """The experiments whose records go on from what the other one has folded."""
    ours = {
        experiment: (head, size)
        for experiment, head, size in database.execute("SELECT experiment, head, size FROM records")
    }
    found: list[str] = []
    for experiment, head, size in other.execute("SELECT experiment, head, size FROM records"):
        now, whole = ours.get(experiment, (b"", -1))
        if size <= whole and now.startswith(head):
            found.append(experiment)
    return found


def _numbered(count: int) -> str:
    return ", ".join(f"?{place}" for place in range(1, count + 1))
