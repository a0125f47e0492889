"""``xpm run --debug``: tasks in this process, in order, as real as in a job and recorded nowhere."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.cli.commands import Ended, environment, xpm

pytestmark = pytest.mark.host

PLAN = """\
import os, sys
from pathlib import Path
from xpm import Config, LightweightTask, Meta, Param, PathGenerator, Task, experiment, field, progress

class Made(Config):
    path: Param[Path]

class Say(LightweightTask):
    def execute(self):
        print("first")

class Make(Task):
    __xpmid__ = "debug.make"
    n: Param[int]
    out: Meta[Path] = field(default_factory=PathGenerator("out.txt"))

    def __post_init__(self):
        self.doubled = 2 * self.n

    def task_outputs(self, dep):
        return dep(Made(path=self.out))

    def execute(self):
        {body}
        for _ in progress(range(2)): pass
        assert Path.cwd() == self.jobpath, os.getcwd()
        assert self.remaining_time() is None
        self.out.write_text(str(self.doubled))
        Path("here").touch()
        print("made", self.n)

class Use(Task):
    __xpmid__ = "debug.use"
    made: Param[Made]

    def execute(self):
        print("used", self.made.path.read_text(), os.getpid())

with experiment("main", "exp") as xp:
    token = xp.connector.createtoken("cpu", 1)
    makes = [Make(n=n).tag("n", n) for n in (1, 2)]
    for make in makes:
        token(1, make)
        made = make.submit(init_tasks=[Say()])
        made.on_failed(lambda made: print("sorry", made.state))
        use = Use(made=made).submit()
        use.on_completed(lambda use: print("called", use.stdout().read_text().strip()))
        use.on_completed(lambda use: Make(n=3).submit())
    Make(n=1).submit(init_tasks=[Say()])
    print(os.getpid(), makes[0].jobpath.is_dir(), xp.resultspath.is_dir())
assert (makes[0].jobpath / "here").exists()
"""


def debug(home: Path, body: str = "pass", *options: str, typed: str = "") -> Ended:
    project = home / "project"
    project.mkdir(exist_ok=True)
    (project / "plan.py").write_text(PLAN.replace("{body}", body))
    command = [sys.executable, "-m", "xpm", "run", *options, "plan.py"]
    done = subprocess.run(
        command, env=environment(home), cwd=project, input=typed, capture_output=True, text=True,
        timeout=60, check=False,
    )  # fmt: skip
    return Ended(done.returncode, done.stdout, done.stderr)


def test_tasks_run_in_order_in_this_process_with_folders_outputs_and_callbacks(
    tmp_path: Path,
) -> None:
    done = debug(tmp_path, "pass", "--debug")

    assert done.code == 0, done.err
    pid = done.out.split()[0]
    assert done.out.splitlines() == [
        f"{pid} True True",
        "first", "made 1", f"used 2 {pid}", f"called used 2 {pid}",
        "first", "made 2", f"used 4 {pid}", f"called used 4 {pid}",
        "made 3",
    ]  # fmt: skip
    assert "debug.make" in done.err
    assert "(n=1) runs, submitted in plan.py:" in done.err
    main = tmp_path / "project" / "main"
    assert sorted(each.name for each in main.iterdir()) == ["debug"]
    assert not list(main.rglob(".xpm"))
    logs = [each.read_text() for each in main.glob("debug/jobs/debug.make/*/stdout")]
    assert sorted(logs) == ["first\nmade 1\n", "first\nmade 2\n", "made 3\n"]


def test_the_first_task_that_raises_ends_the_plan_with_its_traceback(tmp_path: Path) -> None:
    done = debug(tmp_path, "raise KeyError('no such thing')", "--debug")

    assert done.code == 1
    assert "sorry failed" in done.out
    assert "raise KeyError('no such thing')" in done.err
    assert "KeyError: 'no such thing'" in done.err
    assert "(n=1), submitted in plan.py:" in done.err
    assert "/xpm/_debug.py" not in done.err
    assert "used" not in done.out


def test_a_breakpoint_stops_in_the_task(tmp_path: Path) -> None:
    done = debug(tmp_path, "breakpoint()", "--debug", typed="p 'n is', self.n\nc\n" * 3)

    assert done.code == 0, done.err
    assert "('n is', 1)" in done.out
    assert "('n is', 3)" in done.out
    assert "-> for _ in progress(range(2)): pass" in done.out


def test_what_is_done_for_real_is_used_and_not_touched(tmp_path: Path) -> None:
    assert debug(tmp_path).code == 0

    done = debug(tmp_path, "raise ValueError", "--debug")

    assert done.code == 0, done.err
    assert "is done already" in done.err
    assert [line for line in done.out.splitlines() if line.startswith("called used")]
    assert "made" not in done.out


def test_a_debug_run_leaves_a_real_run_all_to_do(tmp_path: Path) -> None:
    assert debug(tmp_path, "pass", "--debug").code == 0
    assert debug(tmp_path, "pass", "--debug").code == 0

    done = debug(tmp_path)

    assert done.code == 0, done.err
    assert "6 done" in done.err or "5 done" in done.err


def test_debugging_and_detaching_exclude_each_other(tmp_path: Path) -> None:
    done = debug(tmp_path, "pass", "--debug", "--detach")

    assert done.code == 2
    assert "nothing to detach" in done.err
    assert not xpm("status", home=tmp_path, cwd=tmp_path).out
