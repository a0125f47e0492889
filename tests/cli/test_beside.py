"""A library beside the project: its code travels as it is now, and jobs use that."""

from pathlib import Path

import pytest

from tests.cli.commands import xpm

pytestmark = pytest.mark.host

PLAN = """
import lib.words

from xpm import Param, Task, experiment


class Say(Task):
    __xpmid__ = "beside.say"
    name: Param[str]

    def execute(self):
        import lib.late
        print(lib.words.WORD, lib.late.WORD, lib.words.__file__)


with experiment("main", "beside") as xp:
    task = Say(name="a").submit()
print(task.stdout().read_text())
"""


def test_a_library_named_by_a_path_travels_with_the_plan(tmp_path: Path) -> None:
    source = tmp_path / "lib" / "src" / "lib"
    source.mkdir(parents=True)
    for name, word in (("__init__", ""), ("words", "here"), ("late", "too")):
        (source / f"{name}.py").write_text(f"WORD = {word!r}\n")
    project = tmp_path / "project"
    project.mkdir()
    (project / "requirements.txt").write_text("-e ../lib\n")
    (project / "plan.py").write_text(
        f"import sys\nsys.path.append({str(source.parent)!r})  # as an installed one is\n{PLAN}"
    )

    done = xpm("run", "plan.py", home=tmp_path, cwd=project)

    assert 0 == done.code, done.err
    first, second, file = done.out.split()
    assert ("here", "too") == (first, second)
    assert "/.xpm/code/" in file
    assert file.endswith("/.beside/lib/src/lib/words.py")
