"""What is shown below the bars."""

import json
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from xpm.cli.gauges import Gauges
from xpm.cli.live import Tally
from xpm.connectors.base import Stands
from xpm.follow import progress, standing
from xpm.follow.journal import journal_folder
from xpm.follow.main import MainFolder
from xpm.follow.progress import Pace
from xpm.follow.views import JobView
from xpm.wire import jobfile

JOB = JobView(
    id="7f3a0000" + "0" * 56, task="demo.learn", state="running", cause=None, attempt=1,
    generation=1, batch_id="7", launcher="gpu", connector="campus", tags={"lr": 0.1}, path="",
    seen_at=datetime(2026, 1, 1, tzinfo=UTC), reason="", message="", settled=False,
)  # fmt: skip


def says(folder: Path, at: float, fraction: float) -> None:
    (folder / ".xpm").mkdir(parents=True, exist_ok=True)
    content = {"at": at, "fraction": fraction, "description": "epoch 3"}
    (folder / ".xpm" / "progress.json").write_text(json.dumps(content))


def test_a_pace_tells_what_is_left_once_it_is_known() -> None:
    pace = Pace()

    assert pace.left(10, 0) is None
    pace.seen(100, 2)
    assert pace.left(10, 100) is None
    pace.seen(110, 4)
    assert pace.left(10, 110) == 30
    assert pace.left(10, 115) == 25
    assert pace.left(4, 115) is None
    pace.seen(120, 0)  # it began again
    assert pace.left(10, 120) is None


def test_a_job_that_tells_how_far_it_is_has_a_bar_and_its_time(tmp_path: Path) -> None:
    now = [100.0]
    shown = Gauges(str(tmp_path), lambda: now[0])
    shown.put([replace(JOB, path=str(tmp_path / "job"))])
    says(tmp_path / "job", 100, 0.25)
    assert ["  7f3a0000 lr=0.1  ━━━━━╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌  25%  epoch 3"] == shown.lines()

    says(tmp_path / "job", 200, 0.5)
    now[0] = 200.0
    assert ["  7f3a0000 lr=0.1  ━━━━━━━━━━╌╌╌╌╌╌╌╌╌╌  50%  epoch 3  3 min left"] == shown.lines()

    shown.put([replace(JOB, path=str(tmp_path / "job"), state="done")])
    assert [] == shown.lines()


def test_reasons_are_counted_and_the_most_frequent_shown() -> None:
    shown = Gauges("main")
    reasons = ["a"] * 10 + ["b"] * 19_970 + ["c"] * 15 + ["d"] * 5
    shown.put(
        [replace(JOB, path=str(n), state="pending", reason=why) for n, why in enumerate(reasons)]
    )

    assert ["19970 pending: b", "15 pending: c", "10 pending: a"] == shown.lines()


def test_tokens_that_are_held_are_counted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(jobfile, "read", lambda main, task, job: {"tokens": [["cpu", 2, 5]]})
    shown = Gauges(str(tmp_path))
    shown.put(
        [replace(JOB, path="a"), replace(JOB, path="b"), replace(JOB, path="c", state="ready")]
    )

    assert ["tokens: 4 of 5 cpu"] == shown.lines()


def test_half_a_word_is_none(tmp_path: Path) -> None:
    says(tmp_path, 1, 0.5)
    (tmp_path / ".xpm" / "progress.json").write_text('{"at": 1, "frac')

    assert progress.said(str(tmp_path)) is None


def test_of_jobs_that_wait_for_the_same_the_first_expected_start_is_told() -> None:
    now = datetime(2026, 11, 25, 12, 0).astimezone()
    shown = Gauges("main", now.timestamp)
    reasons = [
        f"the others come first; SLURM expects to start it by 2026-11-25 14:10 {now:%z}",
        f"the others come first; SLURM expects to start it by 2026-11-25 14:05 {now:%z}",
        "the others come first",
    ]
    shown.put(
        [
            replace(JOB, path=str(n), state="pending", reason=reason)
            for n, reason in enumerate(reasons)
        ]
    )

    assert shown.lines() == ["3 pending: the others come first; first start about 14:05"]


def test_of_jobs_that_wait_for_the_same_the_best_place_is_told_once_a_second(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    main = MainFolder(tmp_path / "main")
    folder = journal_folder(main)
    folder.mkdir(parents=True)
    now = [datetime(2026, 11, 25, 12, 0).astimezone().timestamp()]
    shown = Gauges(str(main.path), lambda: now[0])
    reasons = [
        "come first; SLURM expects to start it by 2026-11-25 14:05 +0000", "come first", "no room",
    ]  # fmt: skip
    for n, reason in enumerate(reasons):
        shown.put([replace(JOB, path=str(n), state="pending", batch_id=f"4{n}", reason=reason)])
    standing.keep(
        folder, "campus", [Stands("41", "", "gpu", 3, 9), Stands("40", "", "cpu", 22, 340), Stands("42", "", "gpu", 1, 9)]
    )  # fmt: skip

    told = shown.lines()
    assert told[0].startswith("2 pending: come first; the first is about 3rd of 9 waiting in gpu; ")
    assert "first start about" in told[0]
    assert told[1:] == ["1 pending: no room; next in gpu"]

    standing.keep(folder, "campus", [])
    assert told == shown.lines()
    now[0] += 1
    assert shown.lines()[1:] == ["1 pending: no room"]


def test_a_link_that_is_up_is_told_with_its_age_and_one_that_is_waited_for_elsewhere() -> None:
    shown = Gauges("main", lambda: 100.0)
    shown.put([replace(JOB, path="a"), replace(JOB, path="b", connector="local")])
    assert shown.lines() == []

    shown.heard({"campus": 97.0, "local": 99.0, "other": 99.0})
    assert shown.lines() == ["campus: link up, heard 3 s ago"]

    shown.lost({"campus"})
    assert shown.lines() == []


def test_a_tally_forgets_jobs_that_are_not_to_be_shown_any_more() -> None:
    tally = Tally(lambda: 0.0)
    jobs = [replace(JOB, id="a", state="failed"), replace(JOB, id="b", state="running")]
    tally.put(jobs)

    tally.drop(jobs[:1])
    assert {JOB.task: {"running": 1}} == {
        task: dict(+states) for task, states in tally.tasks().items()
    }

    tally.drop(jobs)
    assert {} == tally.tasks()
    tally.put(jobs[:1])
    assert 1 == tally.tasks()[JOB.task]["failed"]
