"""Two versions of xpm with one main folder: each has a journal of its own, a new one begins with what the other knew."""

import os
import shutil
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.follow.fakes import Held, job_id, mirror
from xpm.connectors.base import Change, JobRef
from xpm.follow import inheriting
from xpm.follow.journal import Journal, journal_folder
from xpm.follow.looking import Look
from xpm.follow.main import MainFolder
from xpm.follow.records import Line

RUNS, ENDED, AGAIN = (JobRef("demo.task", job_id(each)) for each in ("runs", "ended", "again"))
_MADE = (
    "CREATE TABLE jobs (task TEXT NOT NULL, job TEXT NOT NULL, connector TEXT NOT NULL, state TEXT NOT NULL, cause TEXT,"
    " attempt INTEGER NOT NULL, generation INTEGER NOT NULL, batch_id TEXT, reason TEXT NOT NULL, message TEXT NOT NULL,"
    " at REAL NOT NULL, seen_at REAL NOT NULL, arrived INTEGER NOT NULL, PRIMARY KEY (job, task)) WITHOUT ROWID",
    "CREATE TABLE stayed (job TEXT NOT NULL, task TEXT NOT NULL, files INTEGER NOT NULL, bytes INTEGER NOT NULL,"
    " PRIMARY KEY (job, task)) WITHOUT ROWID",
    "CREATE TABLE connectors (name TEXT PRIMARY KEY, seen_at REAL, down_since REAL, down_message TEXT) WITHOUT ROWID",
    "CREATE TABLE events (n INTEGER PRIMARY KEY, at REAL NOT NULL, job TEXT, kind TEXT NOT NULL, content TEXT NOT NULL)",
    "CREATE TABLE lines (n INTEGER PRIMARY KEY, experiment TEXT NOT NULL, task TEXT NOT NULL, job TEXT NOT NULL,"
    " attempt INTEGER NOT NULL, connector TEXT NOT NULL, launcher TEXT NOT NULL, tags TEXT NOT NULL, parents TEXT NOT NULL,"
    " workspace TEXT NOT NULL, at REAL NOT NULL, run TEXT NOT NULL, place INTEGER NOT NULL, is_last INTEGER NOT NULL)",
    "CREATE TABLE records (experiment TEXT PRIMARY KEY, head BLOB NOT NULL, size INTEGER NOT NULL, run TEXT NOT NULL)"
    " WITHOUT ROWID",
    "PRAGMA user_version = 3",
)
_LINES = "experiment, task, job, attempt, connector, launcher, tags, parents, workspace, at, run, place, is_last"


@pytest.fixture
def main(main_path: Path) -> MainFolder:
    """A main folder whose jobs were sent to a cluster."""
    main = MainFolder(main_path)
    main.prepare()
    submit(main, [(RUNS, 1), (ENDED, 1), (AGAIN, 1)])
    return main


@pytest.fixture
def before(main: MainFolder) -> Iterator[sqlite3.Connection]:
    """The journal of the version before, which somebody still has open."""
    database = of_the_version_before(main)
    yield database
    database.close()


def test_what_another_version_knew_is_known_though_nobody_answers(
    main: MainFolder, before: sqlite3.Connection
) -> None:
    journal = Journal(main)

    look = Look(main, journal)
    assert {RUNS: "running", ENDED: "done", AGAIN: "failed"} == states(look)
    assert [("done", 1, 1), ("failed", 1, 1), ("running", 0, 1)] == sorted(
        (each.state, each.settled, each.jobs) for each in look.tallies("exp")
    )
    assert ["sent"] == [each.kind for each in journal.story(RUNS.job)]
    assert 40.0 == look.places["cluster"].down_since
    assert 2 == look.left[ENDED].files
    journal.close()


def test_the_version_before_goes_on_with_its_own(
    main: MainFolder, before: sqlite3.Connection
) -> None:
    new = Journal(main)
    new.record("cluster", [change(RUNS, "done")], 90.0)

    before.execute("UPDATE jobs SET state = 'pending' WHERE job = ?", (RUNS.job,))

    again = sqlite3.connect(new.folder / "journal.sqlite")
    state = again.execute("SELECT state FROM jobs WHERE job = ?", (RUNS.job,)).fetchone()
    again.close()
    assert ("pending",) == state
    assert "done" == new.jobs()[RUNS].state
    new.close()
    once_more = Journal(main)
    assert "done" == once_more.jobs()[RUNS].state
    once_more.close()


def test_what_was_known_of_jobs_of_another_record_of_the_same_name_is_not_taken(
    main: MainFolder, before: sqlite3.Connection
) -> None:
    shutil.rmtree(main.experiment("exp").folder)
    submit(main, [(RUNS, 1), (ENDED, 1)], at=70.0)

    journal = Journal(main)

    assert {} == dict(journal.jobs())
    assert {RUNS: "waiting", ENDED: "waiting"} == states(Look(main, journal))
    journal.close()


def test_an_attempt_that_the_version_before_has_not_heard_of_takes_nothing_of_the_one_before_it(
    main: MainFolder, before: sqlite3.Connection
) -> None:
    submit(main, [(AGAIN, 2)], at=80.0)

    journal = Journal(main)

    row = Look(main, journal).job(AGAIN)
    assert row is not None
    assert ("waiting", 2, 0) == (row.state, row.attempt, row.settled)
    journal.close()


def test_what_a_folder_tells_goes_before_what_the_version_before_knew(
    main: MainFolder, before: sqlite3.Connection
) -> None:
    entry = {"job": RUNS.job, "task": RUNS.task, "attempt": 1, "parents": []}
    mirror(main.path, Held(entry, 1, "failed"))

    journal = Journal(main)

    assert ("failed", True) == (journal.jobs()[RUNS].state, journal.jobs()[RUNS].arrived)
    journal.close()


@pytest.mark.parametrize(
    "content", [b"", b"not a database" * 100, b"SQLite format 3\0" + b"x" * 500]
)
def test_one_that_cannot_be_read_is_let_be(main: MainFolder, content: bytes) -> None:
    path = folder_of(main) / "journal.sqlite"
    path.write_bytes(content)

    journal = Journal(main)

    assert {RUNS, ENDED, AGAIN} == states(Look(main, journal)).keys()
    assert content == path.read_bytes()
    journal.close()


def test_one_that_lacks_a_table_gives_nothing_rather_than_a_part(
    main: MainFolder, before: sqlite3.Connection
) -> None:
    before.execute("DROP TABLE events")

    journal = Journal(main)

    assert ({}, {}) == (dict(journal.jobs()), dict(journal.places()))
    journal.close()


def test_a_journal_that_was_killed_while_it_was_made_is_made_anew(
    main: MainFolder, before: sqlite3.Connection
) -> None:
    entry = {"job": ENDED.job, "task": ENDED.task, "attempt": 1, "parents": []}
    mirror(main.path, Held(entry, 1, "done"))
    code = (
        "import os, signal, sys; from pathlib import Path\n"
        "from xpm.follow import journal; from xpm.follow.main import MainFolder\n"
        "journal.Journal._take_ends = lambda *_: os.kill(os.getpid(), signal.SIGKILL)\n"
        "journal.Journal(MainFolder(Path(sys.argv[1])))"
    )
    ended = subprocess.run([sys.executable, "-c", code, str(main.path)], check=False)
    assert -signal.SIGKILL == ended.returncode

    journal = Journal(main)

    assert {RUNS: "running", ENDED: "done", AGAIN: "failed"} == states(Look(main, journal))
    journal.close()


def test_those_that_nobody_has_written_for_long_are_removed(
    main: MainFolder, before: sqlite3.Connection
) -> None:
    old, new = folder_of(main) / "journal.sqlite", folder_of(main) / "journal-3.sqlite"
    before.close()
    shutil.copy(old, new)
    long_ago = time.time() - 2 * inheriting.FORGOTTEN_S
    os.utime(old, (long_ago, long_ago))

    journal = Journal(main)

    assert {journal.path, new} == set(inheriting.all_in(journal.folder))
    journal.close()


def test_what_lies_beside_a_damaged_journal_stays(main: MainFolder) -> None:
    beside = folder_of(main) / "metrics.sqlite"
    beside.write_text("of the monitor")
    Journal(main).close()
    damaged = folder_of(main) / inheriting.name(4)
    damaged.write_bytes(b"not a database" * 100)

    journal = Journal(main)

    assert "of the monitor" == beside.read_text()
    assert 3 == len(states(Look(main, journal)))
    journal.close()


def submit(main: MainFolder, jobs: list[tuple[JobRef, int]], at: float = 2.0) -> None:
    record = main.experiment("exp")
    latest = record.latest()
    run = record.start(at, None, []) if latest is None else latest.run
    for ref, attempt in jobs:
        record.append(Line(ref.job, ref.task, attempt, "cluster", "gpu", {}, (), "/w", at, run))
    record.close()


def folder_of(main: MainFolder) -> Path:
    folder = journal_folder(main)
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def of_the_version_before(main: MainFolder) -> sqlite3.Connection:
    """What version 3 would have made of this main folder, and heard since."""
    database = sqlite3.connect(folder_of(main) / "journal.sqlite", isolation_level=None)
    database.execute("PRAGMA journal_mode = WAL")
    for each in _MADE:
        database.execute(each)
    record = main.experiment("exp")
    lines, size = record.lines_after(0)
    for place, line in enumerate(lines):
        database.execute(
            f"INSERT INTO lines ({_LINES}) VALUES ('exp', ?, ?, ?, 'cluster', 'gpu', '{{}}', '[]', '/w', ?, ?, ?, 1)",
            (line.task, line.job, line.attempt, line.at, line.run, place),
        )
    database.execute("INSERT INTO records VALUES ('exp', ?, ?, '')", (record.head(), size))
    database.execute("INSERT INTO connectors VALUES ('cluster', 30.0, 40.0, 'cut')")
    database.execute("INSERT INTO stayed VALUES (?, ?, 2, 300)", (ENDED.job, ENDED.task))
    database.execute(
        "INSERT INTO events (at, job, kind, content) VALUES (3.0, ?, 'sent', '{}')", (RUNS.job,)
    )
    for ref, state, arrived in ((RUNS, "running", 0), (ENDED, "done", 1), (AGAIN, "failed", 1)):
        database.execute(
            "INSERT INTO jobs VALUES (?, ?, 'cluster', ?, NULL, 1, 1, '7', '', '', 20.0, 30.0, ?)",
            (ref.task, ref.job, state, arrived),
        )
    return database


def change(ref: JobRef, state: str) -> Change:
    return Change(ref, state, None, 1, 1, "7", "", "", 50.0)


def states(look: Look) -> dict[JobRef, str]:
    return {row.ref: row.state for row in look.rows("exp")}
