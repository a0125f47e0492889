"""The journal: last known states and what happened, as a fold that can be deleted.

One SQLite database per main folder, below $XDG_STATE_HOME/xpm (local disk, never the main folder, which may be on
NFS). Several processes and threads write it, each through a Journal of its own. Nothing in it is the only copy of
anything: ``rebuilt`` from the main folder's records, and the next exchange with the far side tells the rest.
"""

import contextlib
import fcntl
import hashlib
import json
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from xpm.connectors.jobs import Change, JobRef
from xpm.errors import UsageProblem
from xpm.follow import folding, inheriting
from xpm.follow.main import MainFolder
from xpm.follow.seen import TRIGGERS
from xpm.follow.sqlite_errors import as_os_error
from xpm.sync import staying
from xpm.sync.staying import Left
from xpm.wire import disks, files

if TYPE_CHECKING:
    import sqlite3

VERSION = 4
_SCHEMA = """
CREATE TABLE IF NOT EXISTS jobs (
    task TEXT NOT NULL, job TEXT NOT NULL, connector TEXT NOT NULL, state TEXT NOT NULL, cause TEXT,
    attempt INTEGER NOT NULL, generation INTEGER NOT NULL, batch_id TEXT, reason TEXT NOT NULL,
    message TEXT NOT NULL, at REAL NOT NULL, seen_at REAL NOT NULL, arrived INTEGER NOT NULL,
    PRIMARY KEY (job, task)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS stayed (
    job TEXT NOT NULL, task TEXT NOT NULL, files INTEGER NOT NULL, bytes INTEGER NOT NULL,
    PRIMARY KEY (job, task)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS connectors (
    name TEXT PRIMARY KEY, seen_at REAL, down_since REAL, down_message TEXT) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS events (
    n INTEGER PRIMARY KEY, at REAL NOT NULL, job TEXT, kind TEXT NOT NULL, content TEXT NOT NULL);
CREATE INDEX IF NOT EXISTS events_by_job ON events (job);
"""
_TABLES = ("jobs", "stayed", "connectors", "events", "lines", "records")


@dataclass(frozen=True, slots=True)
class Known:
    """What is known of a job."""

    ref: JobRef
    connector: str
    state: str
    cause: str | None
    attempt: int
    generation: int
    batch_id: str | None
    reason: str
    message: str
    at: float
    seen_at: float
    arrived: bool


@dataclass(frozen=True, slots=True)
class Place:
    """What is known of the way to a connector."""

    name: str
    seen_at: float | None
    down_since: float | None
    down_message: str | None


@dataclass(frozen=True, slots=True)
class Happened:
    """Something that happened, for people."""

    at: float
    job: str | None
    kind: str
    content: Mapping[str, object]


def state_home() -> Path:
    """The folder of all journals."""
    base = os.environ.get("XDG_STATE_HOME") or "~/.local/state"
    return Path(base).expanduser() / "xpm"


def folders() -> Sequence[Path]:
    """The main folders seen here, latest first."""
    try:
        listed = (state_home() / "folders").read_text("utf-8", "surrogateescape").splitlines()
    except FileNotFoundError:
        return []
    return [Path(each) for each in dict.fromkeys(reversed(listed)) if Path(each).is_dir()]


def remember(main: Path) -> None:
    """List a main folder, as the latest."""
    path = state_home() / "folders"
    known = folders()
    if known and known[0] == main:
        return
    files.make_private(str(path.parent))
    with path.open("a", encoding="utf-8", errors="surrogateescape") as file:
        file.write(f"{main}\n")


def journal_folder(main: MainFolder) -> Path:
    """Where the journal of a main folder lies."""
    name = hashlib.sha256(os.fsencode(os.path.realpath(main.path))).hexdigest()[:16]
    return state_home() / name


class Journal:
    """A connection to the journal of one main folder, for one thread; ``folder``: to a copy of it."""

    def __init__(self, main: MainFolder, folder: Path | None = None) -> None:
        self._main = main
        self.folder = folder or journal_folder(main)
        self.path = self.folder / inheriting.name(VERSION)
        self._database = self._open()

    def record(self, connector: str, changes: Sequence[Change], now: float) -> None:
        """Note an answer of a connector: it is seen now, and these states are news."""
        with self._writing() as database:
            database.execute(
                "INSERT INTO connectors (name, seen_at) VALUES (?, ?) ON CONFLICT (name) DO UPDATE"
                " SET seen_at = excluded.seen_at, down_since = NULL, down_message = NULL",
                (connector, now),
            )
            self._put(database, connector, changes, now, arrived=False)
            self._note(database, connector, changes)

    def sent(self, connector: str, changes: Sequence[Change], now: float) -> None:
        """Note that attempts are accepted; of one that more is known of already, nothing."""
        with self._writing() as database:
            fresh = [each for each in changes if not self._knows(database, each)]
            self._put(database, connector, fresh, now, arrived=False)
            self._note(database, connector, fresh)

    def arrived(
        self,
        connector: str,
        changes: Sequence[Change],
        now: float,
        left: Mapping[JobRef, Left] | None = None,
    ) -> None:
        """Note that the files of these attempts are here, but for what a rule keeps on the far side."""
        with self._writing() as database:
            self._put(database, connector, changes, now, arrived=True)
            self._leave(
                database, {each.ref: (left or {}).get(each.ref, Left()) for each in changes}
            )

    def left(self, found: Mapping[JobRef, Left]) -> None:
        """Note how much of these jobs stays on the far side."""
        with self._writing() as database:
            self._leave(database, found)

    def down(self, connector: str, since: float, message: str) -> None:
        """Note that a connector does not answer."""
        with self._writing() as database:
            database.execute(
                "INSERT INTO connectors (name, down_since, down_message) VALUES (?, ?, ?)"
                " ON CONFLICT (name) DO UPDATE SET down_since = excluded.down_since,"
                " down_message = excluded.down_message",
                (connector, since, message),
            )

    def happened(self, found: Iterable[Happened]) -> None:
        """Note events."""
        rows = [(each.at, each.job, each.kind, json.dumps(dict(each.content))) for each in found]
        with self._writing() as database:
            database.executemany(
                "INSERT INTO events (at, job, kind, content) VALUES (?, ?, ?, ?)", rows
            )

    def jobs(self) -> Mapping[JobRef, Known]:
        """The last known state of every job."""
        rows = self._database.execute(
            "SELECT task, job, connector, state, cause, attempt, generation, batch_id, reason,"
            " message, at, seen_at, arrived FROM jobs"
        )
        known = (
            Known(
                JobRef(row[0], row[1]), row[2], row[3], row[4], row[5], row[6], row[7], row[8],
                row[9], row[10], row[11], bool(row[12]),
            )
            for row in rows
        )  # fmt: skip
        return {each.ref: each for each in known}

    def places(self) -> Mapping[str, Place]:
        """What is known of the ways to the connectors."""
        rows = self._database.execute(
            "SELECT name, seen_at, down_since, down_message FROM connectors"
        )
        return {row[0]: Place(*row) for row in rows}

    def story(self, job: str) -> Sequence[Happened]:
        """What happened to a job, oldest first."""
        rows = self._database.execute(
            "SELECT at, job, kind, content FROM events WHERE job = ? ORDER BY at, n", (job,)
        )
        return [Happened(at, job, kind, json.loads(content)) for at, job, kind, content in rows]

    def rebuild(self, is_new: bool = False) -> None:
        """Fold the main folder's records again; into a new one, what another version knew besides."""
        with self._writing() as database:
            for table in _TABLES:
                database.execute(f"DELETE FROM {table}")
            folding.catch_up(self._main, database)
            if is_new:
                inheriting.take(database, self.path)
            self._take_ends(database.execute("SELECT task, job, attempt, connector FROM lines"))
            database.execute(f"PRAGMA user_version = {VERSION}")  # it is whole, or begun anew

    def catch_up(self) -> None:
        """Fold what the main folder's records say since the last time."""
        if folding.lags(self._main, self._database):
            with self._writing() as database:
                folding.catch_up(self._main, database)

    def reconcile(self, attempts: "Iterable[tuple[str, str, int, str]]") -> None:
        """Note the ends that the folders of these jobs (task, job, attempt, connector) tell."""
        with self._writing():
            self._take_ends(attempts)

    def read(self, query: str, values: Sequence[object] = ()) -> "sqlite3.Cursor":
        """What the tables say; xpm/follow/looking.py asks."""
        return self._database.execute(query, values)

    def write_aside(self, query: str, rows: "Iterable[Sequence[object]]") -> None:
        """Fill a temporary table of this connection."""
        self._database.executemany(query, rows)

    def close(self) -> None:
        """End the connection."""
        self._database.close()

    def _knows(self, database: "sqlite3.Connection", change: Change) -> bool:
        query = "SELECT 1 FROM jobs WHERE job = ? AND task = ? AND attempt >= ?"
        key = (change.ref.job, change.ref.task, change.attempt)
        return database.execute(query, key).fetchone() is not None

    def _note(
        self, database: "sqlite3.Connection", connector: str, changes: Sequence[Change]
    ) -> None:
        told = [(each, _told(each, connector)) for each in changes]
        database.executemany(  # unless it is what was said last
            "INSERT INTO events (at, job, kind, content) SELECT ?1, ?2, 'state', ?3 WHERE NOT"
            " EXISTS (SELECT 1 FROM events WHERE n ="
            " (SELECT max(n) FROM events WHERE job = ?2) AND kind = 'state' AND content = ?3)",
            [(each.at, each.ref.job, content) for each, content in told],
        )

    def _leave(self, database: "sqlite3.Connection", found: Mapping[JobRef, Left]) -> None:
        keys = [(ref.job, ref.task) for ref in found]
        database.executemany("DELETE FROM stayed WHERE job = ? AND task = ?", keys)
        rows = [(ref.job, ref.task, *each) for ref, each in found.items() if each.files]
        database.executemany("INSERT INTO stayed VALUES (?, ?, ?, ?)", rows)

    def _take_ends(self, attempts: "Iterable[tuple[str, str, int, str]]") -> None:
        for task, job, attempt, connector in list(attempts):
            ref = JobRef(task, job)
            end = self._main.local_end(ref)
            if end is not None and end.attempt >= attempt:
                change = Change(
                    ref, end.state, end.cause, end.attempt, end.generation, end.batch_id, "",
                    end.message, end.at,
                )  # fmt: skip
                self._put(self._database, connector, [change], end.at, arrived=True)
                kept = staying.left(staying.noted(self._main.job_folder(ref)))
                self._leave(self._database, {ref: kept})

    def _put(
        self,
        database: "sqlite3.Connection",
        connector: str,
        changes: Sequence[Change],
        now: float,
        arrived: bool,
    ) -> None:
        database.executemany(  # late news of the place that a job has left since does not count
            "INSERT OR REPLACE INTO jobs SELECT ?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13"
            " WHERE NOT EXISTS (SELECT 1 FROM jobs"
            " WHERE task = ?1 AND job = ?2 AND attempt > ?6 AND connector <> ?3)",
            [
                (
                    each.ref.task, each.ref.job, connector, each.state, each.cause, each.attempt,
                    each.generation, each.batch_id, each.reason, each.message, each.at, now,
                    arrived,
                )
                for each in changes
            ],
        )  # fmt: skip

    @contextlib.contextmanager
    def _writing(self) -> "Iterator[sqlite3.Connection]":
        import sqlite3

        try:
            with self._database as database:  # commits, or rolls back
                database.execute("BEGIN IMMEDIATE")
                yield database
        except sqlite3.OperationalError as error:  # the disk is full, away or read-only
            raise as_os_error(error, self.path) from error

    def _open(self) -> "sqlite3.Connection":
        import sqlite3

        try:
            files.make_private(str(state_home()))
            self.folder.mkdir(exist_ok=True)
            with _alone(self.folder.with_suffix(".lock")):
                return self._connect()
        except (OSError, sqlite3.Error) as error:
            trouble = as_os_error(error, self.path)
            if disks.heals(trouble):
                raise trouble from error
            raise UsageProblem(
                "the journal cannot be opened",
                on=str(self.path),
                cause=str(error),
                hint="set XDG_STATE_HOME to a folder of a local disk that you can write",
            ) from error

    def _connect(self) -> "sqlite3.Connection":
        import sqlite3

        try:
            self._database, is_new = _connect(self.path)
        except sqlite3.OperationalError:
            raise  # no room, no permission: nothing is wrong with the file
        except sqlite3.DatabaseError:
            inheriting.remove(self.path)  # not a database: a fold again
            self._database, is_new = _connect(self.path)
        if is_new:
            self.rebuild(is_new)
            inheriting.tidy(self.path)
        return self._database


@contextlib.contextmanager
def _alone(path: Path) -> Iterator[None]:
    """Let one process or thread at a time open a journal, so that it is made once."""
    with path.open("ab") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _connect(path: Path) -> "tuple[sqlite3.Connection, bool]":
    import sqlite3

    database = sqlite3.connect(path, timeout=30, isolation_level=None)
    try:
        return database, _is_made_new(database)
    except BaseException:
        database.close()
        raise


def _is_made_new(database: "sqlite3.Connection") -> bool:
    import sqlite3

    (version,) = database.execute("PRAGMA user_version").fetchone()
    database.execute("PRAGMA synchronous = NORMAL")
    if version == VERSION:
        return False
    if version:
        raise sqlite3.DatabaseError(f"version {version}")
    database.execute("PRAGMA journal_mode = WAL")
    database.executescript(f"BEGIN; {_SCHEMA} {folding.SCHEMA} {TRIGGERS} COMMIT;")
    return True


def _told(change: Change, connector: str) -> str:
    return json.dumps(
        {
            "state": change.state, "cause": change.cause, "attempt": change.attempt,
            "generation": change.generation, "batch_id": change.batch_id, "reason": change.reason,
            "message": change.message, "connector": connector,
        }
    )  # fmt: skip
