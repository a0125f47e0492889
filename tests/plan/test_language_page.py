"""The page that defines the plan language, as scripts that are run, in both styles and mixed."""

import subprocess
from pathlib import Path

import pytest

from tests.cli.commands import CHECKOUT, python
from tests.pythons import interpreters

PAGES = Path(__file__).parent / "pages"
LATER = "from __future__ import annotations\n"
IN_A_JOB = """
import sys
sys.path[:0] = [sys.argv[1]]
from xpm.plan import context, locate
context.enter_job(context.JobContext("/ws", ".", "t", "j"))
model = locate.load({"module": "plan", "name": "Model", "script": "plan.py"}, ".", ["."], [])
from xpm import Config, arguments, identifier
for name, each in sorted(vars(sys.modules["plan"]).items()):
    if isinstance(each, type) and issubclass(each, Config) and each.__module__ == "plan":
        print(name, [(a.name, a.type, a.help) for a in arguments(each)])
print(identifier(model(layers=3)))
"""


def write(folder: Path, page: str, head: str = "") -> Path:
    project = folder / "project"
    project.mkdir()
    text = (PAGES / f"{page}.py").read_text()
    at = text.index('"""\n') + 4  # behind the docstring
    (project / "plan.py").write_text(text[:at] + head + text[at:])
    return project


@pytest.mark.host
@pytest.mark.parametrize(
    ("page", "head"),
    [("classic", ""), ("annotated", ""), ("annotated", LATER), ("mixed", LATER), ("options", "")],
)
def test_every_line_of_the_page_is_true(tmp_path: Path, page: str, head: str) -> None:
    project = write(tmp_path, page, head)

    done = python(["-W", "error", "plan.py"], tmp_path, project)

    assert done.code == 0, done.err
    assert done.out.startswith("page"), done.out


@pytest.mark.host
@pytest.mark.parametrize(
    ("page", "head"), [("classic", ""), ("annotated", ""), ("annotated", LATER), ("mixed", LATER)]
)
def test_every_python_that_runs_jobs_reads_the_classes_alike(
    tmp_path: Path, page: str, head: str
) -> None:
    project = write(tmp_path, page, head)
    told = set()

    for each in interpreters((3, 9)):
        command = [each, "-I", "-S", "-c", IN_A_JOB, str(CHECKOUT)]
        done = subprocess.run(command, cwd=project, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        told.add(done.stdout)

    (only,) = told
    assert "layers" in only
