"""What a soak calls a broken promise: each is noticed."""

from pathlib import Path
from typing import Any

import pytest

from tests.soak.checks import Trace, differences, too_many_units, wrong_with
from tests.soak.far import Job, read_job
from tests.soak.toll import Toll
from xpm.wire import files, ledger

NAME = "ab" * 32
WHOLE = "r1 0 line\nr1 1 line\nr1 2 end\n"


def written(folder: Path, *attempts: list[dict[str, Any]], result: str = WHOLE) -> Job:
    """A job with these entries of its attempts, and this result."""
    job = folder / NAME
    for number, entries in enumerate(attempts, 1):
        for slot, content in enumerate(entries, 1):
            head = {"attempt": number, "slot": slot, "job": NAME, "message": "", "cause": None}
            assert ledger.append(str(job), {**head, **content}, None)
    (job / "result.txt").write_text(result)
    return read_job(job)


def traces(*words: str) -> list[Trace]:
    """``r1 begin``, ``r1 end``, ..."""
    split = [each.split() for each in words]
    return [Trace(NAME, run, word, float(at), "c1") for at, (run, word) in enumerate(split)]


CLAIM = {"kind": "claim"}
DONE = {"kind": "outcome", "state": "done"}
LOST = {"kind": "revoked", "state": "lost", "cause": "lost"}
ONCE = ("r1 begin", "r1 end")


def test_a_job_that_is_done_once_is_right(tmp_path: Path) -> None:
    assert [] == list(wrong_with(written(tmp_path, [CLAIM, DONE]), traces(*ONCE), Toll()))


@pytest.mark.parametrize(
    ("attempts", "left", "result", "words"),
    [
        ([[CLAIM, DONE], [CLAIM, DONE]], ONCE, WHOLE, "2 outcomes say done"),
        ([[CLAIM]], ONCE, WHOLE, "0 outcomes say done"),
        ([[CLAIM, DONE]], ("r0 begin", *ONCE), WHOLE, "2 runs began, 1 had a claim"),
        ([[CLAIM, DONE]], ("r1 begin",), WHOLE, "no run came to its end"),
        ([[CLAIM, DONE]], ONCE, "r1 0 line\nr0 1 line\nr1 2 end\n", "mixed"),
        ([[CLAIM, DONE]], ONCE, "r1 0 line\nr1 2 end\n", "not whole"),
        ([[CLAIM, DONE]], ONCE, "r0 0 end\n", "of a run that did not come to its end"),
        ([[CLAIM, LOST], [CLAIM, DONE]], ONCE, WHOLE, "1 runs too many and 1 bad ends"),
        ([[LOST], [CLAIM, DONE]], ONCE, WHOLE, "0 runs too many and 1 bad ends"),
    ],
)
def test_a_job_that_is_not_done_once_is_noticed(
    tmp_path: Path, attempts: list[Any], left: tuple[str, ...], result: str, words: str
) -> None:
    job = written(tmp_path, *attempts, result=result)

    found = list(wrong_with(job, traces(*left), Toll()))

    assert any(words in each for each in found), found


def test_a_run_that_a_fault_has_ended_may_be_followed_by_one_more(tmp_path: Path) -> None:
    job, toll = written(tmp_path, [CLAIM, LOST], [CLAIM, DONE]), Toll()
    toll.cost([NAME])

    assert [] == list(wrong_with(job, traces("r0 begin", *ONCE), toll))


def test_files_that_differ_or_are_missing_are_noticed(tmp_path: Path) -> None:
    for side in ("here", "there"):
        (tmp_path / side).mkdir()
        files.write(str(tmp_path / side / "same"), b"1")
        files.write(str(tmp_path / side / "other"), side.encode())
        files.write(str(tmp_path / side / side), b"1")

    found = list(differences(tmp_path / "there", tmp_path / "here"))

    assert ["here is here only", "other differs", "there is there only"] == found


def test_more_units_in_use_than_there_are_is_noticed() -> None:
    left = {
        str(job): [Trace(str(job), "r", "begin", 0.0, "c1"), Trace(str(job), "r", "end", 1.0, "c1")]
        for job in range(4)
    }

    assert [] == list(too_many_units({"0", "1", "2"}, left))
    assert 1 == len(list(too_many_units({"0", "1", "2", "3"}, left)))
