"""What cannot be is refused in one message, at once, and the same command works when it is mended."""

import textwrap
from pathlib import Path

import pytest

from tests.cli.commands import Ended, xpm

HEAD = """\
from xpm import Param, Task, experiment

class Step(Task):
    __xpmid__ = "test.step"
    number: Param[int]
    after: Param[list[Task]] = []

    def execute(self):
        print("step", self.number)

"""
"""Ten lines: what a test adds begins on line 11."""
GOOD = HEAD + 'with experiment("main", "bad"):\n    Step(number=3).submit()\n'


def _run(home: Path, plan: str, *options: str) -> Ended:
    project = home / "project"
    project.mkdir(exist_ok=True)
    (project / "plan.py").write_text(plan)
    return xpm("run", *options, "plan.py", home=home, cwd=project)


def _refused(done: Ended, *words: str) -> None:
    """One error on stderr, that says these words; exit code 2."""
    assert done.code == 2, done.err
    assert done.err.count("error:") == 1
    assert "Traceback" not in done.err
    for each in words:
        assert each in done.err
    assert not done.out


def _works_when_mended(home: Path) -> None:
    done = _run(home, GOOD)

    assert done.code == 0, done.err
    (log,) = home.glob("project/main/jobs/*/*/stdout")
    assert log.read_text() == "step 3\n"


def _inside(body: str) -> str:
    return (
        HEAD
        + 'with experiment("main", "bad") as xp:\n'
        + textwrap.indent(textwrap.dedent(body), "    ")
    )


BAD = {
    "a syntax error": ("import xpm\nx = (\n", ("plan.py:2", "SyntaxError", "was never closed")),
    "a missing module": (
        "import os\nimport nowhere_at_all\n",
        ("plan.py:2", "No module named 'nowhere_at_all'", "->"),
    ),
    "a missing name": (
        "import os\nfrom xpm import Tusk\n",
        ("plan.py:2", "cannot import name 'Tusk'", "->"),
    ),
    "a value of a wrong type": (
        _inside('Step(number="three").submit()'),
        ("plan.py:12", "Step.number expects int, got 'three' (str)"),
    ),
    "a wrong value set later": (
        _inside("step = Step(number=1)\nstep.number = 1.5\nstep.submit()"),
        ("plan.py:13", "Step.number expects int, got 1.5 (float)"),
    ),
    "an unknown argument": (
        _inside("Step(numbr=1).submit()"),
        ("plan.py:12", "no argument 'numbr'", "did you mean 'number'?"),
    ),
    "a missing value": (_inside("Step().submit()"), ("plan.py:12", "Step.number has no value")),
    "an unknown launcher": (
        _inside('Step(number=1).submit(launcher="locl")'),
        ("plan.py:12", "unknown launcher 'locl', did you mean 'local'?"),
    ),
    "a class of a function": (
        _inside(
            """\
            def make():
                class Hidden(Task):
                    def execute(self): ...
                return Hidden
            make()().submit()
            """
        ),
        ("plan.py:13", "make.Hidden", "defined inside a function", "top level"),
    ),
    "a class of a lambda": (
        _inside('(lambda: type("Made", (Task,), {"__module__": "__main__"}))()().submit()'),
        ("plan.py:12", "Made"),
    ),
    "more than a token has": (
        _inside('xp.token("gpu", 2)(3, Step(number=1)).submit()'),
        ("plan.py:12", "3 units of token gpu can never be had: it has 2"),
    ),
    "a task that is not submitted": (
        _inside("Step(number=1, after=[Step(number=2)]).submit()"),
        ("plan.py:12", "Step.after[0]", "not been submitted", "submit() it first"),
    ),
}


@pytest.mark.parametrize("what", list(BAD))
def test_a_plan_that_cannot_be_run_is_refused_with_its_line(tmp_path: Path, what: str) -> None:
    plan, words = BAD[what]

    done = _run(tmp_path, plan)

    _refused(done, *words)
    assert not list(tmp_path.rglob("job.json"))
    _works_when_mended(tmp_path)


def test_an_unknown_launcher_of_the_command_line_is_refused_with_the_nearest(
    tmp_path: Path,
) -> None:
    done = _run(tmp_path, GOOD, "--launcher", "locla")

    _refused(done, "unknown launcher 'locla', did you mean 'local'?")
    assert not (tmp_path / "project" / "main").exists()
    _works_when_mended(tmp_path)


@pytest.mark.parametrize("name", ["id_rsa", ".env", "server.pem"])
def test_a_project_with_a_key_is_refused_until_it_is_ignored(tmp_path: Path, name: str) -> None:
    project = tmp_path / "project"
    project.mkdir()
    (project / name).write_text("-----BEGIN OPENSSH PRIVATE KEY-----\n")
    (project / "pyproject.toml").touch()

    _refused(_run(tmp_path, GOOD, "--launcher", "local"), name, ".xpmignore")

    (project / ".xpmignore").write_text(f"{name}\n")
    _works_when_mended(tmp_path)


def test_a_project_that_is_too_big_is_refused_until_its_data_is_ignored(tmp_path: Path) -> None:
    project = tmp_path / "project"
    project.mkdir()
    with (project / "big.bin").open("wb") as file:
        file.truncate(3 << 30)

    _refused(_run(tmp_path, GOOD), "too large to be code", "big.bin (3.2 GB)", ".xpmignore")

    (project / ".xpmignore").write_text("*.bin\n")
    _works_when_mended(tmp_path)


def test_a_main_folder_that_cannot_be_made_is_refused(tmp_path: Path) -> None:
    done = _run(tmp_path, GOOD, "--workdir", "plan.py/main")

    _refused(done, "the main folder cannot be written", "plan.py/main", "--workdir")


def test_a_plan_that_opens_no_experiment_says_so(tmp_path: Path) -> None:
    done = _run(tmp_path, "x = 1\n")

    assert done.code == 0
    assert "plan.py opened no experiment" in done.err


def test_commands_about_what_is_not_there_are_refused(tmp_path: Path) -> None:
    _refused(xpm("status", home=tmp_path), "no plan has run here", "xpm run PLAN.py")
    _works_when_mended(tmp_path)

    here = tmp_path / "project" / "main"
    for words, told in {
        ("status", "bat"): "did you mean 'bad'?",
        ("wait", "other"): "there is no experiment 'other'",
        ("logs", "zz"): "no job begins with 'zz'",
        ("story", "zz"): "no job begins with 'zz'",
        ("cancel", "zz"): "no job begins with 'zz'",
        ("retry", "zz"): "no job begins with 'zz'",
    }.items():
        _refused(xpm(*words, home=tmp_path, cwd=here), told)


def test_the_beginning_of_several_job_ids_is_refused_with_the_jobs_it_may_mean(
    tmp_path: Path,
) -> None:
    plan = _inside("for n in range(17): Step(number=n).submit()")
    assert _run(tmp_path, plan).code == 0
    ids = [path.name for path in tmp_path.glob("project/main/jobs/*/*")]
    (digit, *_) = [each for each in "0123456789abcdef" if sum(i[0] == each for i in ids) > 1]

    done = xpm("logs", digit, home=tmp_path, cwd=tmp_path / "project" / "main")

    _refused(done, *(each[:8] for each in ids if each[0] == digit))
