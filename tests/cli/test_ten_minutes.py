"""The first ten minutes of a person with nothing but the command."""

import re
from pathlib import Path

import pytest

from tests.cli.commands import Ended, python, xpm
from xpm.cli import templates
from xpm.cli.main import main as run
from xpm.launchers import schemas

pytestmark = pytest.mark.host


def told(ended: Ended) -> str:
    assert ended.code == 0, ended
    return ended.out


def written(project: Path) -> dict[Path, int]:
    """When each log of a job was written last."""
    logs = (project / "workdir" / "jobs").rglob("stdout")
    return {each: each.stat().st_mtime_ns for each in logs}


def test_a_new_project_runs_and_tells_what_came_of_it(tmp_path: Path) -> None:
    here = tmp_path / "hello"

    made = told(xpm("init", "hello", home=tmp_path))
    assert "plan.py" in made
    assert made.splitlines()[-3:] == [
        "  cd hello",
        "  xpm run plan.py --dry-run",
        "  xpm run plan.py",
    ]

    dry = told(xpm("run", "plan.py", "--dry-run", home=tmp_path, cwd=here))
    assert dry.startswith("hello · 7 jobs: 6 new, 1 waiting")
    assert "lr=[0.1 0.01 0.001] seed=[0 1]" in dry
    assert not (here / "workdir").exists()

    first = xpm("run", "plan.py", home=tmp_path, cwd=here)
    assert told(first).splitlines()[:3] == [
        "lr     seed  loss",
        "0.1    0     4.15e-20   <- best",
        "0.1    1     1.66e-19",
    ]
    assert "close the laptop" not in first.err  # they run on it

    before = written(here)
    again = xpm("run", "plan.py", home=tmp_path, cwd=here)
    assert told(again) == first.out
    assert again.err.splitlines() == [
        "xpm: hello: all 7 jobs were done before: nothing had to be run",
        "xpm: hello: 7 done",
    ]
    assert len(before) == 7
    assert before == written(here)  # nothing is computed again

    table = told(xpm("results", "--over", "seed", home=tmp_path, cwd=here)).splitlines()
    assert table[0].split() == ["JOBS", "lr", "loss"]
    assert [line.split()[:2] for line in table[1:]] == [["2", "0.1"], ["2", "0.01"], ["2", "0.001"]]
    assert "hello: done · 7 done" in told(xpm("status", home=tmp_path, cwd=here))
    assert told(xpm("launchers", "check", home=tmp_path, cwd=here))


def test_a_run_with_nothing_to_do_loads_little(tmp_path: Path) -> None:
    told(xpm("init", "hello", home=tmp_path))
    here = tmp_path / "hello"
    told(xpm("run", "plan.py", home=tmp_path, cwd=here))
    look = (
        "import sys; from xpm.cli.main import main; code = main(['run', 'plan.py']);"
        " print(code, *sorted({each.partition('.')[0] for each in sys.modules}))"
    )

    code, *modules = told(python(["-c", look], tmp_path, here)).splitlines()[-1].split()

    assert code == "0"
    heavy = {"asyncio", "paramiko", "fabric", "starlette", "uvicorn", "pandas", "rich"}
    assert heavy.isdisjoint(modules)


def test_a_task_that_raises_is_told_with_what_to_do_and_the_next_attempt_mends_it(
    tmp_path: Path,
) -> None:
    told(xpm("init", "hello", home=tmp_path))
    here = tmp_path / "hello"
    plan = here / "plan.py"
    whole = plan.read_text()
    plan.write_text(whole.replace("x = 1.0 + self.seed", "x = 1.0 / (1 - self.seed)"))

    failed = xpm("run", "plan.py", home=tmp_path, cwd=here)
    assert failed.code == 1
    for words in ("ZeroDivisionError", "xpm logs", "xpm why", "hello.train", "seed=1",
                  "3 of 7 tasks failed, 1 was not run (hello)", "plan.py:20: ZeroDivisionError",
                  "submitted in plan.py:"):  # fmt: skip
        assert words in failed.err, failed.err
    assert failed.err.count("Traceback") == 1  # the others failed alike
    assert (
        re.findall(r"failed, like \w{12}: plan.py:20: ZeroDivisionError", failed.err)
        == [f"failed, like {_first_id(failed)}: plan.py:20: ZeroDivisionError"] * 2
    )
    assert "4 done" not in failed.err  # three of the six, and no report

    plan.write_text(whole)
    mended = xpm("run", "plan.py", home=tmp_path, cwd=here)
    assert "0.1    0     4.15e-20   <- best" in told(mended)
    assert "nothing had to be run" not in mended.err


def test_a_slip_in_the_plan_names_its_line_and_the_nearest_word(tmp_path: Path) -> None:
    told(xpm("init", "hello", home=tmp_path))
    plan = tmp_path / "hello" / "plan.py"
    plan.write_text(plan.read_text().replace("Train(lr=", "Train(lrr="))
    line = next(n for n, text in enumerate(plan.read_text().splitlines(), 1) if "lrr" in text)

    ended = xpm("run", "plan.py", home=tmp_path, cwd=tmp_path / "hello")

    assert ended.code == 2
    assert f"plan.py:{line}" in ended.err
    assert "did you mean 'lr'" in ended.err


def test_nothing_is_overwritten(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "README.md").write_text("mine")

    assert run(["init"]) == 2

    assert "found README.md" in capsys.readouterr().err
    assert [each.name for each in tmp_path.iterdir()] == ["README.md"]
    assert run(["init", "README.md"]) == 2


def test_an_editor_finds_the_schema_of_a_new_projects_profile(tmp_path: Path) -> None:
    told(xpm("init", "hello", home=tmp_path))

    first = (tmp_path / "hello" / "xpm-launchers.yaml").read_text().splitlines()[0]

    schema = tmp_path / "hello" / first.removeprefix("# yaml-language-server: $schema=")
    assert schemas.marked() == schema.read_text()
    assert schema.name in (tmp_path / "hello" / ".xpmignore").read_text()


@pytest.mark.parametrize(
    ("name", "word"), [("My Project-2", "my_project_2"), ("2x", "x2x"), ("été", "t"), ("é", "demo")]
)
def test_a_folder_of_any_name_gives_a_fit_one(name: str, word: str) -> None:
    assert templates.fit(name) == word
    assert f'experiment("workdir", "{word}")' in templates.project(name)["plan.py"][0]


def _first_id(ended: Ended) -> str:
    found = re.search(r"^- hello\.train (\w{12}) ", ended.err, re.MULTILINE)
    assert found is not None
    return found[1]
