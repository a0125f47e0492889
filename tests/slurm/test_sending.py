"""Every state of a submission's folder, and what may be done next: no sbatch without reason."""

import json
import os
import shlex
import subprocess
from pathlib import Path

import pytest

from xpm.agent import errands, processes, sending
from xpm.agent.sending import InQueue, LookUp, Never, Take, Wait

NOW = 1_800_000_000.0
TIMEOUT = "sbatch: error: Batch job submission failed: Socket timed out on send/recv operation"
AWAY = (
    "sbatch: error: Batch job submission failed: Unable to contact slurm controller"
    " (connect failure)"
)
REFUSED = "sbatch: error: Batch job submission failed: Invalid qos specification"


class Folder:
    """One submission's."""

    def __init__(self, path: Path) -> None:
        self.path = str(path)

    def next(self, now: float = NOW) -> sending.Next:
        return sending.find_next(self.path, now)

    def put(self, name: str, content: object) -> None:
        text = content if isinstance(content, str) else json.dumps(content)
        Path(self.path, name).write_text(text)

    def tries(self, number: int, at: float = NOW, **owner: object) -> None:
        self.put(f"try.{number}", {**processes.identity(), "at": at, **owner})

    def says(self, number: int, status: int, out: str = "", err: str = "", at: float = NOW) -> None:
        for suffix, text in (("out", out), ("err", err), ("rc", f"{status}\n")):
            self.put(f"sbatch.{number}.{suffix}", text)
        os.utime(Path(self.path, f"sbatch.{number}.rc"), (at, at))

    def has(self, name: str) -> bool:
        return Path(self.path, name).exists()


@pytest.fixture
def folder(tmp_path: Path) -> Folder:
    return Folder(tmp_path)


def test_nobody_has_tried(folder: Folder) -> None:
    assert Take(1) == folder.next()


def test_it_is_in_the_queue_whatever_else_is_there(folder: Folder) -> None:
    folder.tries(1)
    folder.says(1, 1, err=REFUSED)
    folder.put("batch.json", {"batch_id": "7"})

    assert InQueue("7") == folder.next()


def test_an_accepted_try_is_recorded_by_whoever_reads_it(folder: Folder) -> None:
    folder.tries(1)
    folder.says(1, 0, "7\n")

    assert InQueue("7") == folder.next()
    assert folder.has("batch.json")


def test_a_try_that_was_given_up_and_accepted_after_all_counts(folder: Folder) -> None:
    folder.tries(1)
    folder.tries(2)
    folder.says(1, 0, "7\n")

    assert InQueue("7") == folder.next()


def test_a_refused_try_is_for_ever(folder: Folder) -> None:
    folder.tries(1)
    folder.says(1, 1, err=REFUSED)

    assert (
        Never("Batch job submission failed: Invalid qos specification", "refused") == folder.next()
    )
    Path(folder.path, "sbatch.1.rc").unlink()
    assert isinstance(folder.next(NOW + 1e6), Never)


def test_a_try_under_way_is_waited_for(folder: Folder) -> None:
    folder.tries(1)
    folder.put("sbatch.1.pid", "7")

    assert isinstance(folder.next(NOW + 1), Wait)
    assert isinstance(folder.next(NOW + errands.LIMIT_S), Wait)


@pytest.mark.parametrize("host", [processes.HOST, "elsewhere"])
def test_a_try_without_an_answer_is_looked_up_once_no_answer_can_come(
    folder: Folder, host: str
) -> None:
    folder.tries(1, host=host, pid=2**22 + 1)
    folder.put("sbatch.1.pid", "7")

    found = folder.next(NOW + errands.LIMIT_S + 31)

    assert LookUp(1, NOW + errands.LIMIT_S + 30) == found


def test_a_try_whose_owner_died_before_its_shell_started_is_looked_up_soon(folder: Folder) -> None:
    folder.tries(1, pid=2**22 + 1)

    assert isinstance(folder.next(NOW + 5), Wait)
    assert LookUp(1, NOW + sending.STARTED_S) == folder.next(NOW + 11)


def test_a_try_of_somebody_elsewhere_is_not_thought_dead(folder: Folder) -> None:
    folder.tries(1, host="elsewhere")

    assert isinstance(folder.next(NOW + 100), Wait)


def test_an_unclear_answer_is_looked_up_in_a_queue_asked_for_after_it(folder: Folder) -> None:
    folder.tries(1)
    folder.says(1, 1, err=TIMEOUT, at=NOW + 10)

    assert LookUp(1, NOW + 10) == folder.next(NOW + 11)


def test_a_no_for_now_is_tried_again_after_longer_and_longer_pauses(folder: Folder) -> None:
    for number, pause in enumerate((15, 30, 60, 120, 240, 300, 300), 1):
        folder.tries(number)
        folder.says(number, 1, err=AWAY)

        assert isinstance(folder.next(NOW + pause - 1), Wait)
        assert Take(number + 1) == folder.next(NOW + pause)


@pytest.mark.parametrize("damaged", ["try.1", "batch.json", "refused.json", "doubt.1"])
def test_a_file_that_a_power_cut_has_emptied_is_no_news(folder: Folder, damaged: str) -> None:
    folder.tries(1)
    folder.says(1, 1, err=TIMEOUT, at=NOW + 10)
    folder.put(damaged, "")

    assert LookUp(1, NOW + 10) == folder.next(NOW + 11)
    assert not sending.is_absent(folder.path, 1, NOW + 60, NOW + 60, 20)
    assert sending.is_absent(folder.path, 1, NOW + 90, NOW + 90, 20)
    sending.record(folder.path, "7", "lookup", NOW)
    assert InQueue("7") == folder.next(NOW + 11)


def test_a_try_emptied_by_a_power_cut_is_as_old_as_its_file(folder: Folder) -> None:
    folder.put("try.1", "")
    os.utime(Path(folder.path, "try.1"), (NOW, NOW))

    assert isinstance(folder.next(NOW + 10), Wait)
    assert isinstance(folder.next(NOW + 1000), LookUp)


def test_two_answers_without_it_must_be_far_enough_apart(folder: Folder) -> None:
    assert not sending.is_absent(folder.path, 1, NOW, NOW, 20)
    assert not sending.is_absent(folder.path, 1, NOW, NOW + 100, 20)
    assert not sending.is_absent(folder.path, 1, NOW + 19, NOW + 19, 20)
    assert sending.is_absent(folder.path, 1, NOW + 20, NOW + 20, 20)
    assert not sending.is_absent(folder.path, 2, NOW + 40, NOW + 40, 20)


def test_of_all_who_want_to_send_it_one_may(folder: Folder) -> None:
    assert [True, False, False] == [sending.take(folder.path, 1, NOW) for _ in range(3)]


def test_who_learns_of_two_ids_keeps_the_first(folder: Folder) -> None:
    sending.record(folder.path, "7", "sbatch", NOW)
    sending.record(folder.path, "8", "lookup", NOW)

    assert InQueue("7") == folder.next()


class Sbatch:
    """An executable that notes that it was called."""

    def __init__(self, folder: Path, *lines: str) -> None:
        self.calls = folder / "calls"
        self.path = folder / "sbatch"
        note = f"echo x >>{shlex.quote(str(self.calls))}"
        self.path.write_text("\n".join(["#!/bin/sh", note, *lines, ""]))
        self.path.chmod(0o755)

    @property
    def count(self) -> int:
        return len(self.calls.read_text().splitlines()) if self.calls.exists() else 0


def _send(folder: Folder, sbatch: Sbatch, number: int = 1) -> None:
    shell: subprocess.Popen[bytes] = sending.send(
        folder.path, number, [str(sbatch.path)], "the script", dict(os.environ)
    )
    shell.wait(30)


@pytest.mark.host
def test_the_script_goes_in_and_the_answer_stays(folder: Folder, tmp_path: Path) -> None:
    sbatch = Sbatch(tmp_path, "cat >seen; echo 77")
    folder.tries(1)

    _send(folder, sbatch)

    assert "the script" == Path(folder.path, "seen").read_text()
    assert InQueue("77") == folder.next()
    assert [] == list(Path(folder.path).glob("~*"))


@pytest.mark.host
def test_who_slept_until_another_try_was_made_sends_nothing(folder: Folder, tmp_path: Path) -> None:
    sbatch = Sbatch(tmp_path, "echo 77")
    folder.tries(1)
    folder.tries(2)

    _send(folder, sbatch, 1)

    assert 0 == sbatch.count


@pytest.mark.host
def test_an_sbatch_that_nobody_would_know_of_is_not_started(folder: Folder, tmp_path: Path) -> None:
    sbatch = Sbatch(tmp_path, "echo 77")
    folder.tries(1)
    Path(folder.path, "sbatch.1.pid").mkdir()  # as on a full disk, the shell cannot write there

    _send(folder, sbatch)

    assert 0 == sbatch.count


@pytest.mark.host
def test_leftovers_of_killed_processes_go_after_a_day(tmp_path: Path) -> None:
    for name in ("~old", "~new", "kept"):
        (tmp_path / name).touch()
    for name in ("~old", "kept"):
        os.utime(tmp_path / name, (NOW - 90000, NOW - 90000))
    os.utime(tmp_path / "~new", (NOW, NOW))

    errands.tidy(str(tmp_path), NOW)

    assert {"~new", "kept"} == {path.name for path in tmp_path.iterdir()}
