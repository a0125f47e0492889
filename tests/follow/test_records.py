"""The record of an experiment survives what machines do to files."""

import os
from dataclasses import replace
from pathlib import Path

from xpm.follow.records import ExperimentRecord, Line, is_going


def line(job: str, attempt: int = 1) -> Line:
    return Line(job, "demo.task", attempt, "cluster", "gpu", {"x": 1}, (), "/w", 1.5, "r1")


def test_lines_come_back_as_they_were_written(tmp_path: Path) -> None:
    record = ExperimentRecord(tmp_path / "exp")
    record.start(1.0, "plan.py", [])

    record.append(line("a"))
    record.append(line("b", 2))
    record.close()

    assert [line("a"), line("b", 2)] == list(record.lines())


def test_a_torn_last_line_is_skipped_and_spoils_no_later_one(tmp_path: Path) -> None:
    record = ExperimentRecord(tmp_path / "exp")
    record.start(1.0, "plan.py", [])
    record.append(line("a"))
    record.close()
    with (record.folder / "jobs.jsonl").open("ab") as file:
        file.write(b'{"job": "torn", "ta')
    assert [line("a")] == list(record.lines())

    record.append(line("b"))
    record.close()

    assert [line("a"), line("b")] == list(record.lines())


def test_what_a_killed_run_was_writing_goes_a_day_later(tmp_path: Path) -> None:
    record = ExperimentRecord(tmp_path / "exp")
    record.start(1.0, "plan.py", [])
    left = record.folder / "~laptop.1.1"
    left.touch()
    os.utime(left, (1, 1))

    record.start(2.0, "plan.py", [])

    assert not left.exists()


def test_a_run_is_going_while_its_process_lives_and_has_not_ended_it(tmp_path: Path) -> None:
    record = ExperimentRecord(tmp_path / "exp")
    assert record.latest() is None

    run = record.start(1.0, "plan.py", ["--fast"])
    going = record.latest()
    record.end(run, 2.0, "done")
    ended = record.latest()

    assert going is not None
    assert going.process["pid"] == os.getpid()
    assert is_going(going)
    assert ended is not None
    assert (ended.outcome, ended.ended) == ("done", 2.0)
    assert not is_going(ended)


def test_a_run_whose_process_number_was_given_to_another_is_not_going(tmp_path: Path) -> None:
    record = ExperimentRecord(tmp_path / "exp")
    record.start(1.0, None, [])
    mine = record.latest()
    assert mine is not None

    other = replace(mine, process={**mine.process, "started": 1})

    assert is_going(mine)
    assert not is_going(other)


def test_an_earlier_run_cannot_end_a_later_one(tmp_path: Path) -> None:
    record = ExperimentRecord(tmp_path / "exp")
    first = record.start(1.0, None, [])
    record.start(2.0, None, [])

    record.end(first, 3.0, "failed")

    latest = record.latest()
    assert latest is not None
    assert latest.outcome is None
