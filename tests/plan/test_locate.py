"""Finding the class of a task again, inside a job."""

import json
import os
import subprocess
import sys
import textwrap
from collections.abc import Mapping
from pathlib import Path

import pytest

from tests.pythons import interpreters
from xpm.plan.locate import script_module_name

LOADER = """
import json, sys
from xpm.errors import XpmError
from xpm.plan import context, locate
reference, project, path, argv = json.loads(sys.argv[1])
context.enter_job(context.JobContext("/ws", project, "t", "j"))
try:
    cls = locate.load(reference, project, path, argv)
except XpmError as error:
    print(type(error).__name__, "|", error.what, "|", error.on, "|", error.cause, "|", error.where)
else:
    again = locate.load(reference, project, path, argv)
    print(cls.__module__, cls.__qualname__, cls is again, sys.modules[cls.__module__].__dict__.get("above"))
"""

PLAN = """
import sys
from pathlib import Path
import helper
from xpm import Config, Task, Param, experiment

above = sys.argv[1:]

class Outer:
    class Learn(Task):
        x: Param[int]
        def execute(self): ...

with experiment(Path("nowhere"), "id") as xp:
    below = True
    raise AssertionError("a job came here")

class Below(Task):
    x: Param[int]
"""


def loaded(
    folder: Path,
    reference: Mapping[str, object],
    path: list[str],
    argv: list[str],
    python: str = "",
) -> str:
    """What a job says that loads a class."""
    order = json.dumps([reference, str(folder), path, argv])
    environ = {**os.environ, "PYTHONPATH": str(Path.cwd())}
    done = subprocess.run(
        [python or sys.executable, "-c", LOADER, order],
        capture_output=True, text=True, env=environ, cwd="/", timeout=60,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


@pytest.fixture
def project(tmp_path: Path) -> Path:
    (tmp_path / "src" / "lab").mkdir(parents=True)
    (tmp_path / "src" / "lab" / "__init__.py").write_text("")
    (tmp_path / "src" / "lab" / "plan.py").write_text(PLAN)
    (tmp_path / "plan.py").write_text(PLAN)
    (tmp_path / "src" / "helper.py").write_text("")
    return tmp_path


@pytest.mark.host
@pytest.mark.parametrize("python", interpreters((3, 9)))
def test_a_class_of_the_script_is_found_and_the_script_stops_at_its_experiment(
    project: Path, python: str
) -> None:
    reference = {"module": "plan", "name": "Outer.Learn", "script": "plan.py"}

    said = loaded(project, reference, [".", "src"], ["--lr", "3"], python)

    assert said == "plan Outer.Learn True ['--lr', '3']"


def test_a_class_of_a_module_that_opens_an_experiment_is_found(project: Path) -> None:
    reference = {"module": "lab.plan", "name": "Outer.Learn", "script": None}

    assert loaded(project, reference, ["src"], []).startswith("lab.plan Outer.Learn True")


def test_a_script_may_be_named_like_a_module_in_use(project: Path) -> None:
    (project / "json.py").write_text(PLAN.replace("import helper", ""))
    reference = {"module": "json", "name": "Outer.Learn", "script": "json.py"}

    said = loaded(project, reference, ["src"], [])

    assert said.startswith("json Outer.Learn True")


def test_a_class_below_the_experiment_is_missed_in_words(project: Path) -> None:
    reference = {"module": "plan", "name": "Below", "script": "plan.py"}

    said = loaded(project, reference, [".", "src"], [])

    assert said.startswith("PlanProblem |")
    assert "plan.py has no class Below" in said


def test_an_import_the_python_lacks_is_named_with_its_line_and_the_python(project: Path) -> None:
    (project / "src" / "helper.py").write_text("import sys\n\nimport no_such_thing.inner\n")
    reference = {"module": "plan", "name": "Outer.Learn", "script": "plan.py"}

    said = loaded(project, reference, [".", "src"], [])

    assert "the plan imports no_such_thing, which the job's Python does not have" in said
    assert os.path.realpath(sys.executable) in said or sys.executable in said
    assert said.endswith("| src/helper.py:3")


def test_a_name_that_a_module_lacks_is_named_with_its_line(project: Path) -> None:
    (project / "plan.py").write_text("from json import no_such_name\n")
    reference = {"module": "plan", "name": "Learn", "script": "plan.py"}

    said = loaded(project, reference, [".", "src"], [])

    assert "cannot import name 'no_such_name'" in said
    assert said.endswith("| plan.py:1")


@pytest.mark.parametrize(
    ("text", "cause", "line"),
    [
        ("x = 1\nraise ValueError('no')\n", "ValueError: no", 2),
        ("import sys\nsys.exit(3)\n", "SystemExit: 3", 2),
        ("def f():\n    1/0\n\nf()\n", "ZeroDivisionError: division by zero", 2),
        ("x = 1\nx = (\n", "SyntaxError", 2),
    ],
)
def test_a_plan_that_cannot_be_loaded_says_why_and_where(
    project: Path, text: str, cause: str, line: int
) -> None:
    (project / "plan.py").write_text(textwrap.dedent(text))
    reference = {"module": "plan", "name": "Learn", "script": "plan.py"}

    said = loaded(project, reference, [".", "src"], [])

    assert cause in said
    assert said.endswith(f"plan.py:{line}")


def test_a_missing_script_and_a_missing_module_are_named(project: Path) -> None:
    script = {"module": "gone", "name": "Learn", "script": "gone.py"}
    module = {"module": "gone.away", "name": "Learn", "script": None}

    assert "gone.py cannot be read" in loaded(project, script, ["."], [])
    assert "the plan imports gone, which the job's Python does not have" in loaded(
        project, module, ["."], []
    )


def test_a_script_is_named_as_it_would_be_imported(project: Path) -> None:
    assert script_module_name(project / "plan.py") == "plan"
    assert script_module_name(project / "src" / "lab" / "plan.py") == "lab.plan"


INTERACTIVE = """
from xpm import Task, Param
from xpm.plan.sealing import seal
class Learn(Task):
    x: Param[int]
try:
    seal(Learn(x=1))
except Exception as error:
    print(type(error).__name__, error.cause, error.hint)
"""


@pytest.mark.parametrize("way", ["command", "stdin"])
def test_a_class_of_an_interactive_session_is_refused(way: str) -> None:
    environ = {**os.environ, "PYTHONPATH": str(Path.cwd())}
    command = [sys.executable, "-c", INTERACTIVE] if way == "command" else [sys.executable, "-"]

    done = subprocess.run(
        command, input=INTERACTIVE, capture_output=True, text=True, env=environ, check=True
    )

    assert "PlanProblem it is defined in an interactive session" in done.stdout
    assert "write it in a file" in done.stdout
