"""The journal is a fold: several write it, anybody may delete it."""

import json
import shutil
import subprocess
import sys
import threading
from dataclasses import replace
from pathlib import Path

import pytest

from tests.follow.fakes import Held, job_id, mirror
from xpm.agent import reading
from xpm.connectors.base import Change, JobRef
from xpm.decide.facts import Ended
from xpm.follow.journal import Journal, folders, remember
from xpm.follow.looking import Look
from xpm.follow.main import MainFolder
from xpm.follow.records import Line
from xpm.wire.ledger import Slot

REF = JobRef("demo.task", job_id("a"))


def change(state: str, attempt: int = 1, ref: JobRef = REF) -> Change:
    return Change(ref, state, None, attempt, 1, "7_1", "", "", 5.0)


def test_the_last_known_state_stays_with_the_time_it_was_seen(main_path: Path) -> None:
    journal = Journal(MainFolder(main_path))

    journal.record("cluster", [change("pending")], 10.0)
    journal.record("cluster", [change("running")], 20.0)
    journal.record("cluster", [], 30.0)

    known = journal.jobs()[REF]
    assert (
        known.state, known.seen_at, known.batch_id, known.arrived,
    ) == ("running", 20.0, "7_1", False)  # fmt: skip
    assert journal.places()["cluster"].seen_at == 30.0
    states = [each.content["state"] for each in journal.story(REF.job)]
    assert states == ["pending", "running"]
    journal.close()


def test_a_connector_that_is_down_keeps_what_was_known(main_path: Path) -> None:
    journal = Journal(MainFolder(main_path))
    journal.record("cluster", [change("running")], 20.0)

    journal.down("cluster", 25.0, "cut")

    assert journal.jobs()[REF].state == "running"
    place = journal.places()["cluster"]
    assert (place.seen_at, place.down_since, place.down_message) == (20.0, 25.0, "cut")
    journal.record("cluster", [], 30.0)
    assert journal.places()["cluster"].down_since is None
    journal.close()


def test_late_news_of_a_place_that_a_job_has_left_does_not_count(main_path: Path) -> None:
    journal = Journal(MainFolder(main_path))
    left = Change(REF, "cancelled", "cancelled", 1, 0, None, "", "", 1.0)
    journal.record("other", [replace(left, state="done", cause=None, attempt=2)], 2.0)

    journal.record("cluster", [left], 3.0)

    assert ("other", "done", 2) == (
        journal.jobs()[REF].connector, journal.jobs()[REF].state, journal.jobs()[REF].attempt
    )  # fmt: skip
    journal.close()


def test_a_deleted_journal_is_rebuilt_from_the_folders(main_path: Path) -> None:
    main = MainFolder(main_path)
    main.prepare()
    record = main.experiment("exp")
    run = record.start(1.0, None, [])
    record.append(Line(REF.job, REF.task, 1, "cluster", "gpu", {}, (), "/w", 2.0, run))
    record.close()
    entry = {"job": REF.job, "task": REF.task, "attempt": 1, "parents": []}
    mirror(main_path, Held(entry, 1, "done"))
    journal = Journal(main)
    journal.close()
    shutil.rmtree(journal.folder)

    again = Journal(main)

    assert again.jobs()[REF].state == "done"
    assert again.jobs()[REF].arrived
    assert [line.attempt for _, line in Look(main, again).lines(REF)] == [1]
    again.close()


@pytest.mark.parametrize(
    ("ended", "message"),
    [
        ({"state": "cancelled", "message": "cancelled while it ran"}, "cancelled while it ran"),
        ({"message": "out of memory", "hint": "ask for more"}, "out of memory"),
        ({"hint": "install it there"}, "TaskCancelled: it was\ninstall it there"),
        ({"error": None, "exit_code": 7}, "exit code 7"),
    ],
)
def test_a_rebuilt_journal_tells_causes_in_the_same_words_as_news(
    main_path: Path, ended: dict[str, object], message: str
) -> None:
    main = MainFolder(main_path)
    main.prepare()
    (folder := main.job_folder(REF) / ".xpm").mkdir(parents=True)
    error = {"type": "TaskCancelled", "message": "it was", "traceback": ""}
    outcome = {"kind": "outcome", "state": "failed", "at": 5.0, "cause": None, "error": error}
    (folder / "a1.1").write_text(json.dumps({**outcome, **ended}))

    end = main.local_end(REF)

    assert end is not None
    told = reading.ledger_event({**outcome, **ended}, Slot(1, 1))
    assert isinstance(told, Ended)
    assert (end.message, end.message) == (message, told.message)


def test_a_file_that_is_no_journal_is_replaced(main_path: Path) -> None:
    first = Journal(MainFolder(main_path))
    first.close()
    shutil.rmtree(first.folder)
    first.folder.mkdir()
    first.path.write_bytes(b"not a database" * 100)

    again = Journal(MainFolder(main_path))

    assert dict(again.jobs()) == {}
    again.close()


def test_threads_and_processes_make_and_write_one_journal(main_path: Path) -> None:
    main = MainFolder(main_path)
    code = (
        "import sys; from pathlib import Path; from tests.follow.test_journal import write_many;"
        "write_many(Path(sys.argv[1]), sys.argv[2], 50)"
    )
    processes = [
        subprocess.Popen([sys.executable, "-c", code, str(main_path), name]) for name in ("p", "q")
    ]
    threads = [threading.Thread(target=write_many, args=(main_path, name, 50)) for name in "xy"]
    for each in threads:
        each.start()

    for each in threads:
        each.join()

    assert [each.wait(60) for each in processes] == [0, 0]
    journal = Journal(main)
    assert len(journal.jobs()) == 200
    journal.close()


def write_many(main: Path, name: str, count: int) -> None:
    """Record as one writer among several does."""
    journal = Journal(MainFolder(main))
    for each in range(count):
        ref = JobRef("demo.task", job_id(f"{name}{each}"))
        journal.record(name, [change("running", ref=ref)], 1.0)
    journal.close()


def test_main_folders_are_remembered_latest_first(tmp_path: Path) -> None:
    one, two = tmp_path / "one", tmp_path / "two"
    one.mkdir()
    two.mkdir()

    for each in (one, two, two, one):
        remember(each)

    assert [one, two] == list(folders())


def test_that_an_attempt_is_sent_again_takes_nothing_back(main_path: Path) -> None:
    """A laptop is killed before it forgets what was accepted, and sends it once more."""
    journal = Journal(MainFolder(main_path))
    journal.record("cluster", [change("running")], 10.0)

    journal.sent("cluster", [change("waiting")], 20.0)
    assert journal.jobs()[REF].state == "running"
    journal.sent("cluster", [change("waiting", attempt=2)], 30.0)

    assert (journal.jobs()[REF].state, journal.jobs()[REF].attempt) == ("waiting", 2)
    journal.close()


def test_a_record_is_folded_from_where_it_was_left(main_path: Path) -> None:
    main = MainFolder(main_path)
    main.prepare()
    record = main.experiment("exp")
    run = record.start(1.0, None, [])
    journal = Journal(main)
    look = Look(main, journal)
    other = JobRef(REF.task, job_id("b"))

    for place, ref in enumerate((REF, other, REF)):
        line = Line(ref.job, ref.task, 1, "cluster", "gpu", {"n": 1}, (), "/w", 2.0 + place, run)
        record.append(line)
        look.update()

    assert [REF, other] == [row.ref for row in look.rows("exp")]
    assert [2.0, 4.0] == [line.at for _, line in look.lines(REF)]
    record.close()
    with (record.folder / "jobs.jsonl").open("a") as file:
        file.write('{"job": "torn')
    look.update()
    assert 2 == len(list(look.rows("exp")))
    journal.close()


def test_another_record_of_the_same_name_is_folded_anew(main_path: Path) -> None:
    main = MainFolder(main_path)
    journal = Journal(main)
    for turn in (1, 2):
        main.prepare()
        record = main.experiment("exp")
        run = record.start(1.0, None, [])
        record.append(Line(REF.job, REF.task, 1, "cluster", "gpu", {}, (), "/w", turn, run))
        record.close()
        look = Look(main, journal)
        assert ["waiting"] == [row.state for row in look.rows("exp")]
        journal.record("cluster", [change("done")], 10.0)
        shutil.rmtree(main_path)

    look.update()
    assert [] == list(look.rows("exp"))
    journal.close()


def test_each_line_of_a_long_record_costs_the_same(main_path: Path) -> None:
    """Steps of SQLite's machine, not time: a scan per line would make ten times as many lines cost a hundred times."""

    def steps(name: str, count: int) -> int:
        record = main.experiment(name)
        run = record.start(1.0, None, [])
        for number in range(count):
            job = job_id(f"{name}{number}")
            record.append(Line(job, REF.task, 1, "cluster", "gpu", {}, (), "/w", 2.0, run))
        record.close()
        counted = [0]

        def count_one() -> int:
            counted[0] += 1
            return 0

        journal._database.set_progress_handler(count_one, 100)
        journal.catch_up()
        journal._database.set_progress_handler(None, 0)
        return counted[0]

    main = MainFolder(main_path)
    main.prepare()
    journal = Journal(main)

    few, many = steps("few", 100), steps("many", 1000)

    journal.close()
    assert many < 20 * few
