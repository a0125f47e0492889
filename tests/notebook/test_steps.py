"""A script may open its experiment in steps too: run, tried dry, debugged, left alone."""

from pathlib import Path

import pytest

from tests.cli.commands import until, xpm
from xpm.follow.main import local_end

pytestmark = pytest.mark.host

PLAN = """\
from xpm import Param, Task, experiment


class Say(Task):
    __xpmid__ = "steps.say"
    word: Param[str]

    def execute(self):
        print(self.word)


xp = experiment("main", "steps").start()
said = Say(word="hello").submit()
said.on_completed(lambda task: print("heard", task.word))
xp.update()
WAIT
xp.close()
print("closed")
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "pyproject.toml").touch()
    (tmp_path / "plan.py").write_text(PLAN.replace("WAIT", "xp.wait()"))
    return tmp_path


def test_the_class_may_be_in_the_script_and_the_script_ends_by_closing(folder: Path) -> None:
    told = xpm("run", "plan.py", home=folder)

    assert (0, "heard hello\nclosed\n") == (told.code, told.out), told.err


def test_a_script_that_closes_without_waiting_leaves_its_jobs_to_themselves(folder: Path) -> None:
    (folder / "plan.py").write_text(PLAN.replace("WAIT", ""))

    left = xpm("run", "plan.py", home=folder)
    waited = xpm("wait", "steps", "--workdir", "main", home=folder)

    assert (0, 0) == (left.code, waited.code), left.err + waited.err
    assert "closed" in left.out
    assert "steps: done · 1 done" in waited.out


def test_it_may_be_tried_dry(folder: Path) -> None:
    told = xpm("run", "--dry-run", "plan.py", home=folder)

    assert 0 == told.code, told.err
    assert "1 new" in told.out
    assert not (folder / "main").exists()


def test_it_may_be_debugged(folder: Path) -> None:
    told = xpm("run", "--debug", "plan.py", home=folder)

    assert (0, "hello\nheard hello\nclosed\n") == (told.code, told.out), told.err


MEASURING = """\
import json
import time
from pathlib import Path

from xpm import Param, Task, experiment, tag


class Measure(Task):
    __xpmid__ = "steps.measure"
    gate: Param[str]

    def execute(self):
        while not Path(self.gate).exists():
            time.sleep(0.05)
        (self.jobpath / "metrics.json").write_text(json.dumps({"loss": 0.5}))


xp = experiment("main", "steps").start()
measure = Measure(gate=tag(str(Path("gate").absolute()))).submit()
LAST
xp.close()
"""


def test_what_ended_while_nobody_looked_is_among_the_results(folder: Path) -> None:
    (folder / "plan.py").write_text(MEASURING.replace("LAST", ""))
    left = xpm("run", "plan.py", home=folder)
    (job,) = (folder / "main" / "jobs" / "steps.measure").iterdir()
    (folder / "gate").touch()
    until(lambda: local_end(job) is not None)

    (folder / "plan.py").write_text(
        MEASURING.replace("LAST", "xp.wait()\nprint(len(xp.results()), 'measured')")
    )
    again = xpm("run", "plan.py", home=folder)
    told = xpm("results", "steps", "--workdir", "main", "--csv", home=folder)

    assert 0 == left.code, left.err
    assert (0, "1 measured\n") == (again.code, again.out), again.err
    assert "0.5" in told.out
