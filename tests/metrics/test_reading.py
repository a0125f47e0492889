"""What is read of a job's folder, whatever its task wrote."""

import json
import shutil
from collections.abc import Mapping
from pathlib import Path

import pytest

from xpm.metrics import curves, scalars

EVENTS = Path(__file__).parents[1] / "golden" / "events"


def write(folder: Path, name: str, content: object) -> None:
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(content if isinstance(content, str) else json.dumps(content))


@pytest.mark.parametrize(
    ("name", "content", "expected"),
    [
        ("metrics.json", {"acc": 0.9, "loss": {"test": 1, "train": {"mean": 2}}, "name": "x", "ok": True, "no": None},
         {"acc": 0.9, "loss.test": 1.0, "loss.train.mean": 2.0, "ok": 1.0}),
        ("metrics.json", {"loss": [3, 2, 1.5], "words": ["a"], "empty": []}, {"loss": 1.5}),
        ("metrics.json", [{"step": 1, "loss": 3}, {"step": 2, "loss": 2}], {"loss": 2.0}),
        ("metrics.json", {"test": [{"epoch": 1, "f1": 0.3}, {"epoch": 2, "f1": 0.4}]}, {"test.f1": 0.4}),
        ("metrics.json", "{half", {}),
        ("metrics.json", '"text"', {}),
        ("metrics.json", {"huge": 10**400, "small": 1}, {"small": 1.0}),
        ("metrics.jsonl", '{"a": 1, "b": {"c": 2}}\n{"a": 3}\n{"a', {"a": 3.0, "b.c": 2.0}),
        ("metrics.csv", "step,loss,acc,note\n1,3.0,,x\n2,2.0,,y\n2,,0.5,\n", {"loss": 2.0, "acc": 0.5}),
        ("metrics.csv", "\ufeffloss\n1e-3\n", {"loss": 0.001}),
        ("metrics.csv", "", {}),
        ("predictions.csv", "a\n1\n", {}),
        (".xpm/metrics.json", {"a": 1}, {}),
        ("lightning_logs/version_0/metrics.csv", "epoch,step,loss\n0,10,1\n1,20,0.5\n", {"epoch": 1.0, "loss": 0.5}),
        ("a/b/c/d/metrics.json", {"a": 1}, {}),
    ],
)  # fmt: skip
def test_the_last_values(
    name: str, content: object, expected: Mapping[str, float], tmp_path: Path
) -> None:
    write(tmp_path, name, content)

    assert expected == scalars(tmp_path)


def test_curves_have_their_steps(tmp_path: Path) -> None:
    write(tmp_path, "metrics.csv", "epoch,loss\n10,3\n20,2\n")
    write(tmp_path, "metrics.json", {"final": 7, "curve": [5, 6]})

    assert {
        "final": [(0.0, 7.0)],
        "curve": [(0.0, 5.0), (1.0, 6.0)],
        "loss": [(10.0, 3.0), (20.0, 2.0)],
    } == curves(tmp_path)


def test_what_began_again_has_each_step_once(tmp_path: Path) -> None:
    write(
        tmp_path,
        "metrics.jsonl",
        "".join(f'{{"step": {n}, "a": {v}}}\n' for n, v in ((1, 1), (2, 2), (1, 9))),
    )

    assert {"a": [(1.0, 9.0), (2.0, 2.0)]} == curves(tmp_path)


def test_of_several_folders_the_names_are_told_apart(tmp_path: Path) -> None:
    for name in ("train", "test"):
        write(tmp_path, f"runs/{name}/metrics.json", {"loss": len(name)})

    assert {"train/loss": 5.0, "test/loss": 4.0} == scalars(tmp_path)


def test_a_metric_of_several_kinds_of_files_is_the_first_kinds(tmp_path: Path) -> None:
    write(tmp_path, "metrics.json", {"loss": 1})
    write(tmp_path, "metrics.csv", "loss,acc\n2,3\n")

    assert {"loss": 1.0, "acc": 3.0} == scalars(tmp_path)


def test_event_files_as_writers_of_other_projects_write_them(tmp_path: Path) -> None:
    for name, folder in (("tensorboardX", "old"), ("tensorboard", "new")):
        (tmp_path / folder).mkdir()
        shutil.copy(EVENTS / f"{name}.tfevents.1", tmp_path / folder / "events.out.tfevents.1.host")

    found = curves(tmp_path)

    assert {"old/loss/train", "old/accuracy", "new/loss"} == set(found)
    assert [(10.0 * n, n / 4) for n in range(5)] == found["old/accuracy"]
    assert [-1.0, 0.0, 1.0, 2.0, 3.0, 4.0] == [step for step, _ in found["new/loss"]]
    assert pytest.approx([1, 1 / 2, 1 / 3, 1 / 4, 1 / 5]) == [
        value for _, value in found["new/loss"][1:]
    ]


def test_a_folder_that_is_not_there_measured_nothing(tmp_path: Path) -> None:
    assert {} == scalars(tmp_path / "none")
