"""What jobs have cost is told beside what they may cost at most."""

from pathlib import Path

import pytest

from tests.cli.folders import Past, main_folder
from xpm.connectors.base import JobRef
from xpm.follow import spent
from xpm.follow.main import MainFolder
from xpm.follow.spent import Bill

GPU = {"resources": {"gpus": 2, "cpus": 8, "time_s": 3600}}
CORES = {"resources": {"cpus": 4, "time_s": None}}


def test_used_and_asked_are_counted_by_unit() -> None:
    bill = Bill()
    bill.add(GPU, 1800.0)
    bill.add(GPU, 900.0)
    bill.add(CORES, 3600.0)
    bill.add({"resources": {}}, 3600.0)

    assert "1.5 of at most 4 GPU-hours and 4 core-hours used" == bill.words()


@pytest.mark.parametrize(
    ("ran_s", "words"),
    [(0.0, "0 of at most 2 GPU-hours"), (3.0, "under 0.1 of at most 2 GPU-hours")],
)
def test_next_to_nothing_is_told_as_that(ran_s: float, words: str) -> None:
    bill = Bill()
    bill.add(GPU, ran_s)

    assert words == bill.words()


def test_where_nothing_is_counted_nothing_is_told() -> None:
    assert "" == Bill().words()


@pytest.mark.host
def test_the_bill_is_read_from_the_records_of_jobs(tmp_path: Path) -> None:
    good, bad = Past("aa" * 32), Past("bb" * 32, state="failed", cause="exit")
    main = main_folder(tmp_path / "main", "demo", [good, bad, Past("cc" * 32)])
    for past in (good, bad):
        _note(main, JobRef(past.task, past.job), {"resources": {"gpus": 720, "time_s": 3600}})

    bill = spent.bill(main, [JobRef(each.task, each.job) for each in (good, bad, Past("cc" * 32))])

    assert (
        "1 of at most 1,440 GPU-hours" == bill.words()
    )  # 2.5 s each; nothing is known of the third


def _note(main: MainFolder, ref: JobRef, request: dict[str, object]) -> None:
    entry = {"task": ref.task, "job": ref.job, "request": {"launcher": "gpu", **request}}
    main.note_job("cluster", "plan.py:1", 0.0, entry)
