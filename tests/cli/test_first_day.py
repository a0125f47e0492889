"""What people do wrong on their first day is told in words that help."""

from pathlib import Path

import pytest

from tests.cli.commands import xpm
from tests.cli.test_bad_plans import HEAD, _inside, _run

pytestmark = pytest.mark.host


def told(home: Path, plan: str) -> str:
    done = _run(home, plan)
    assert "defect" not in done.err
    return done.err


def test_a_plan_that_submits_nothing_says_so(tmp_path: Path) -> None:
    assert "nothing was submitted" in told(tmp_path, _inside("Step(number=3)"))


def test_a_task_made_a_dataclass_is_refused(tmp_path: Path) -> None:
    plan = _inside("Step(number=3).submit()").replace(
        "class Step", "import dataclasses\n@dataclasses.dataclass\nclass Step"
    )
    plan = plan.replace("    after: Param[list[Task]] = []\n", "")

    assert "take @dataclass away" in told(tmp_path, plan)


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ("Step(number=3).run()", "task.submit()"),
        ("Step(number=3).submit().result()", "its results are files in its folder"),
        ("xp.submit(Step(number=3))", "task.submit()"),
    ],
)
def test_a_word_of_another_tool_leads_to_ours(tmp_path: Path, body: str, words: str) -> None:
    assert words in told(tmp_path, _inside(body))


def test_a_file_of_a_task_that_is_read_too_early_says_to_wait(tmp_path: Path) -> None:
    body = "(Step(number=3).submit().jobpath / 'model.pt').read_text()"

    assert "has not ended: wait for it first" in told(tmp_path, _inside(body))


def test_a_package_that_a_job_misses_is_told_with_what_to_do(tmp_path: Path) -> None:
    plan = _inside("Step(number=3).submit()").replace("print(", "import nosuchpackage\n        (")

    assert "or let the profile bring it (env:, modules:, python:)" in told(tmp_path, plan)


def test_a_file_that_did_not_travel_is_told_with_where_to_look(tmp_path: Path) -> None:
    (tmp_path / "project").mkdir()
    (tmp_path / "project" / ".gitignore").write_text("*.csv\n")
    (tmp_path / "project" / "data.csv").write_text("1")
    (tmp_path / "project" / "pyproject.toml").touch()
    plan = (
        _inside("Step(number=Path('data.csv')).submit()")
        .replace("Param[int]", "Param[Path]")
        .replace("print(", "print(self.number.read_text(), ")
    )

    assert "did not travel with the code" in told(tmp_path, "from pathlib import Path\n" + plan)


def test_a_plan_that_is_not_there_leads_to_the_nearest(tmp_path: Path) -> None:
    (tmp_path / "plan.py").write_text(HEAD)

    done = xpm("run", "plam.py", home=tmp_path)

    assert (2, True) == (done.code, "did you mean 'plan.py'?" in done.err), done.err


def test_an_experiment_taken_for_a_job_is_told(tmp_path: Path) -> None:
    _run(tmp_path, _inside("Step(number=3).submit()"))

    done = xpm("why", "bad", "--workdir", "main", home=tmp_path, cwd=tmp_path / "project")

    assert "bad is an experiment: `xpm status bad` lists its jobs" in done.err
