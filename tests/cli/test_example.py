"""The example: a real plan on real data, here."""

import csv
import json
import shutil
from pathlib import Path

import pytest

from tests.cli.commands import CHECKOUT, Ended, python, xpm

pytestmark = pytest.mark.host
ACCURATE = 0.9
JOBS = 20


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A person's home with a copy of the example."""
    pytest.importorskip("sklearn", reason="the example's jobs need scikit-learn")
    folder = tmp_path_factory.mktemp("home")
    shutil.copytree(
        CHECKOUT / "examples" / "digits",
        folder / "digits",
        ignore=shutil.ignore_patterns("workdir"),
    )
    return folder


@pytest.fixture(scope="module")
def first(home: Path) -> Ended:
    """The first run."""
    return xpm("run", "digits/plan.py", home=home)


def test_every_task_of_the_example_runs(home: Path, first: Ended) -> None:
    assert first.code == 0, first.err
    told = xpm("status", "--json", "--workdir", str(home / "digits" / "workdir"), home=home)
    content = json.loads(told.out)
    assert content["state"] == "done"
    assert [job["state"] for job in content["jobs"]] == ["done"] * JOBS


def test_its_summary_has_a_line_for_each_model_best_first(home: Path, first: Ended) -> None:
    results = home / "digits" / "workdir" / "xp" / "digits" / "results"

    with (results / "summary.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))

    accuracies = [float(row["accuracy"]) for row in rows]
    assert len(rows) == 9
    assert accuracies == sorted(accuracies, reverse=True)
    assert accuracies[0] > ACCURATE
    assert "summary.csv" in first.out


def test_its_links_by_tags_lead_into_job_folders(home: Path, first: Ended) -> None:
    runs = home / "digits" / "workdir" / "xp" / "digits" / "results" / "runs"

    curve = json.loads((runs / "k=3_model=neighbours" / "curve.json").read_text())

    assert len(list(runs.iterdir())) == 9
    assert curve[-1]["accuracy"] > ACCURATE


def test_run_again_by_plain_python_it_does_nothing_twice(home: Path, first: Ended) -> None:
    jobs = home / "digits" / "workdir" / "jobs"
    before = {path: path.stat().st_mtime_ns for path in jobs.rglob("*") if path.is_file()}

    again = python(["digits/plan.py"], home)

    assert again.code == 0, again.err
    assert before == {path: path.stat().st_mtime_ns for path in jobs.rglob("*") if path.is_file()}


def test_the_option_workdir_beats_the_plans_own_folder(home: Path, first: Ended) -> None:
    told = xpm("run", "digits/plan.py", "--workdir", "elsewhere", home=home)

    assert told.code == 0, told.err
    assert (home / "elsewhere" / "xp" / "digits" / "results" / "summary.csv").exists()
