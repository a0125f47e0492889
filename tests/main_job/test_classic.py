"""A plan in the classic style that uses all of it: here, and on the cluster."""

import shutil
from pathlib import Path

import pytest

from tests.cli.commands import python, xpm
from tests.main_job.laptop import ROOT, Laptop

EXAMPLE = ROOT / "examples" / "classic" / "plan.py"
OPTIONS = ("--noise", "0.2", "--first-epochs", "20")


def rows(table: str) -> dict[str, float]:
    return {name: float(error) for name, error in (line.split("\t") for line in table.splitlines())}


def check(table: str, main: Path) -> None:
    """All fits are in the table, best first, the bad ones again with more epochs, and linked by their tags."""
    found = rows(table)
    assert list(found.values()) == sorted(found.values())
    assert {f"degree={n}_epochs=20_set=unseen" for n in (1, 3, 5)} < set(found)
    assert "degree=1_epochs=200_set=unseen" in found
    runs = main / "xp" / "curves" / "results" / "runs"
    assert {each.name for each in runs.iterdir()} == set(found)
    assert all((each / "score.json").is_file() for each in runs.iterdir())
    assert len(list((main / "jobs" / "curves.fit").iterdir())) == len(found)


@pytest.mark.host
def test_it_runs_here_again_and_in_a_debugger(tmp_path: Path) -> None:
    shutil.copy(EXAMPLE, tmp_path)

    done = python(["plan.py", *OPTIONS], tmp_path)
    again = python(["plan.py", *OPTIONS], tmp_path)
    debugged = xpm("run", "--debug", "plan.py", "--", *OPTIONS, "--main", "other", home=tmp_path)

    assert done.code == 0, done.err
    check(done.out, tmp_path / "workdir")
    assert (again.code, again.out) == (0, done.out)
    assert debugged.code == 0, debugged.err
    check(
        "\n".join(each for each in debugged.out.splitlines() if "\t" in each),
        tmp_path / "other" / "debug",
    )


@pytest.mark.cluster
def test_it_runs_on_the_cluster(laptop: Laptop) -> None:
    plan = laptop.write("classic/plan.py", EXAMPLE.read_text())

    done = laptop.xpm("run", str(plan), "--launcher", "cpu", "--", *OPTIONS)

    assert done.returncode == 0, done.stderr
    check(done.stdout, laptop.main)
    assert {"done"} == set(laptop.states())
    assert all(job["batch_id"] for job in laptop.status()["jobs"])
