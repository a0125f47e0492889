from pathlib import Path

import pytest

from tests.sync.far_side import REF, FarSide
from xpm.sync import staying
from xpm.sync.fetching import fetch
from xpm.sync.rules import Choice
from xpm.wire import ledger

SIZES = {
    "stdout": 10, "model.bin": 900, "ckpt/1/a.pt": 500, "ckpt/2.pt": 400, "plots/a.png": 20, "metrics.json": 5,
    ".xpm/a1.2": 300,
}  # fmt: skip


@pytest.mark.parametrize(
    ("choice", "staying_here"),
    [
        (Choice(), {}),
        (Choice(skip=("ckpt/",)), {"ckpt/1/a.pt": "skip", "ckpt/2.pt": "skip"}),
        (Choice(skip=("*.pt", "!2.pt")), {"ckpt/1/a.pt": "skip"}),
        (
            Choice(pull=("*.json", "plots/**")),
            {"model.bin": "pull", "ckpt/1/a.pt": "pull", "ckpt/2.pt": "pull"},
        ),
        (Choice(most_each=450), {"model.bin": "max_file", "ckpt/1/a.pt": "max_file"}),
        (Choice(most_all=440), {"model.bin": "max_total", "ckpt/1/a.pt": "max_total"}),
        (Choice(most_all=440, skip=("/ckpt/2.pt",)), {
            "ckpt/2.pt": "skip", "model.bin": "max_total", "ckpt/1/a.pt": "max_total",
        }),
    ],
)  # fmt: skip
def test_what_stays_says_why(choice: Choice, staying_here: dict[str, str]) -> None:
    assert choice.staying(SIZES) == staying_here


def test_after_an_end_that_brings_no_results_only_logs_come() -> None:
    choice = Choice(pull_on=("done",), skip=("ckpt/",))

    assert choice.after("done").staying(SIZES) == choice.staying(SIZES)
    assert choice.after("failed").staying(SIZES) == {
        "model.bin": "pull_on", "ckpt/1/a.pt": "skip", "ckpt/2.pt": "skip", "plots/a.png": "pull_on",
        "metrics.json": "pull_on",
    }  # fmt: skip


def test_while_a_job_runs_its_logs_come_and_what_is_to_be_seen_live() -> None:
    choice = Choice(pull=("model.bin",), live=("*.json", "ckpt/"), skip=("2.pt",), most_each=450)

    stays = choice.meanwhile.staying(SIZES)

    assert stays == {
        "model.bin": "live", "ckpt/1/a.pt": "max_file", "ckpt/2.pt": "skip", "plots/a.png": "live",
    }  # fmt: skip


def test_what_is_wanted_comes_against_every_rule_and_takes_no_room_of_others() -> None:
    choice = Choice(pull=("*.json",), skip=("ckpt/",), most_all=50, pull_on=("done",))

    wanting = choice.after("failed").and_also(["ckpt/", "model.bin"])

    assert wanting.staying(SIZES) == {"plots/a.png": "pull_on", "metrics.json": "pull_on"}
    assert Choice(most_all=50).and_also(["*.bin"]).staying(SIZES) == {
        "ckpt/1/a.pt": "max_total", "ckpt/2.pt": "max_total",
    }  # fmt: skip
    assert choice.and_also(["*"]).staying(SIZES) == {}


def test_rules_that_keep_the_same_say_the_same() -> None:
    choice = Choice(skip=("a",), pull_on=("done", "failed"))

    assert choice.words == Choice(skip=("a",), pull_on=("failed", "done"), live=("b",)).words
    assert choice.words == choice.meanwhile.and_also(["x"]).words
    assert choice.words != Choice(skip=("a", "b"), pull_on=("done", "failed")).words


def test_what_stays_is_noted_until_it_comes(tmp_path: Path) -> None:
    far, main = FarSide(tmp_path / "far"), tmp_path / "main"
    (far.job() / "big").write_bytes(b"z" * 1000)
    (far.job() / "small").write_bytes(b"z")
    far.finish()
    folder = Path(ledger.job_folder(str(main), REF.task, REF.job))

    [less] = fetch(far, [REF], main, lambda count: None, Choice(most_each=10))

    assert [(each.path, each.size, each.why) for each in less.stayed] == [("big", 1000, "max_file")]
    assert staying.noted(folder) == less.stayed
    assert (folder / "small").exists()
    assert not (folder / "big").exists()
    assert (folder / ".xpm" / "a1.2").exists()

    [all_of_it] = fetch(far, [REF], main, lambda count: None)

    assert (all_of_it.stayed, staying.noted(folder)) == ([], [])
    assert (folder / "big").read_bytes() == b"z" * 1000


@pytest.mark.parametrize("name", ["stdout", "runs/events.out.tfevents.17.host", "stderr"])
def test_logs_and_tensorboard_events_grow(name: str) -> None:
    assert Choice().grows(name)


@pytest.mark.parametrize("name", ["runs/stdout", "model.bin", "events.txt"])
def test_other_files_may_change_anywhere(name: str) -> None:
    assert not Choice().grows(name)
