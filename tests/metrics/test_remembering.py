"""Metrics are read once, and again when their files change."""

import json
import os
import sqlite3
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from xpm.metrics import reading
from xpm.metrics.remembering import TICK_NS, Remembered

LONG_AGO = time.time_ns() - 10 * TICK_NS


@pytest.fixture
def job(tmp_path: Path) -> Path:
    folder = tmp_path / "job"
    folder.mkdir()
    write(folder, {"a": 1})
    return folder


@pytest.fixture
def known(tmp_path: Path) -> Iterator[Remembered]:
    found = Remembered(tmp_path / "state")
    yield found
    found.close()


def write(folder: Path, content: object, at: int = LONG_AGO) -> None:
    (folder / "metrics.json").write_text(json.dumps(content))
    os.utime(folder / "metrics.json", ns=(at, at))
    os.utime(folder, ns=(at, at))


def no_read(*_: object) -> object:
    raise AssertionError("it is read again")


def test_what_has_not_changed_is_not_read_again(
    job: Path, known: Remembered, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = known.scalars([str(job)]), known.curves(str(job))
    monkeypatch.setattr(reading, "read", no_read)

    assert ([{"a": 1.0}], {"a": [(0.0, 1.0)]}) == first
    assert first == (known.scalars([str(job)]), known.curves(str(job)))


def test_a_changed_file_is_read_again(job: Path, known: Remembered) -> None:
    known.scalars([str(job)])

    write(job, {"a": 2}, LONG_AGO + 1)

    assert [{"a": 2.0}] == known.scalars([str(job)])
    assert {"a": [(0.0, 2.0)]} == known.curves(str(job))


def test_a_new_file_is_noticed(job: Path, known: Remembered) -> None:
    known.scalars([str(job)])

    (job / "metrics.csv").write_text("b\n3\n")

    assert [{"a": 1.0, "b": 3.0}] == known.scalars([str(job)])


def test_what_has_just_changed_may_change_within_the_same_tick(
    job: Path, known: Remembered
) -> None:
    now = time.time_ns()
    write(job, {"a": 1}, now)
    known.scalars([str(job)])

    write(job, {"a": 5}, now)

    assert [{"a": 5.0}] == known.scalars([str(job)])


def test_many_folders_and_some_that_are_gone(tmp_path: Path, known: Remembered) -> None:
    folders = [tmp_path / str(n) for n in range(1200)]
    for n, folder in enumerate(folders):
        folder.mkdir()
        write(folder, {"n": n})
    names = [str(each) for each in (*folders, tmp_path / "gone")]

    for _ in range(2):
        assert [*({"n": float(n)} for n in range(1200)), {}] == known.scalars(names)


@pytest.mark.parametrize("trouble", ["no database", "another version"])
def test_what_is_remembered_can_be_lost(trouble: str, job: Path, tmp_path: Path) -> None:
    path = tmp_path / "state" / "metrics.sqlite"
    path.parent.mkdir()
    if trouble == "no database":
        path.write_text("x" * 5000)
    else:
        with sqlite3.connect(path) as database:
            database.execute("PRAGMA user_version = 99")
        database.close()

    known = Remembered(path.parent)

    assert [{"a": 1.0}] == known.scalars([str(job)])
    known.close()
