"""What a person at a terminal sees."""

import os
import pty
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest

from tests.cli.commands import environment, xpm
from tests.cli.folders import T0, Past, main_folder
from tests.terminal import spawn
from xpm.follow.records import Line

pytestmark = pytest.mark.host


def on_a_terminal(home: Path, more: Mapping[str, str], *arguments: str, typed: str = "") -> str:
    """What ``xpm`` shows when it has a terminal, where somebody has typed something."""
    ours, theirs = pty.openpty()
    with os.fdopen(ours, "r+b", buffering=0) as screen:
        process = subprocess.Popen(
            [sys.executable, "-m", "xpm", *arguments],
            env=environment(home, {"TERM": "xterm", "COLUMNS": "150", **more}),
            stdin=theirs,
            stdout=theirs,
            stderr=theirs,
        )
        os.close(theirs)
        os.write(screen.fileno(), typed.encode())
        shown = b""
        while piece := _read(screen.fileno()):
            shown += piece
        process.wait()
    return shown.decode()


def _read(fd: int) -> bytes:
    try:
        return os.read(fd, 4096)
    except OSError:  # EIO: the other side of a terminal is closed
        return b""


@pytest.fixture
def main(tmp_path: Path) -> str:
    jobs = [Past("aa" * 32), Past("bb" * 32, state="failed", cause="oom")]
    return str(main_folder(tmp_path / "main", "demo", jobs).path)


def test_states_are_coloured(tmp_path: Path, main: str) -> None:
    shown = on_a_terminal(tmp_path, {}, "status", "--workdir", main)

    assert "\x1b[32mdone" in shown
    assert "\x1b[31mfailed" in shown


@pytest.mark.parametrize("wish", [{"NO_COLOR": "1"}, {"TERM": "dumb"}], ids=str)
def test_no_colour_means_none(wish: Mapping[str, str], tmp_path: Path, main: str) -> None:
    shown = on_a_terminal(tmp_path, wish, "status", "--workdir", main)

    assert "done" in shown
    assert "\x1b" not in shown


def test_a_problem_is_red(tmp_path: Path) -> None:
    shown = on_a_terminal(tmp_path, {}, "status", "--workdir", str(tmp_path))

    assert "\x1b[31merror:" in shown


def test_a_run_fills_a_bar_for_each_kind_of_task(tmp_path: Path) -> None:
    (tmp_path / "plan.py").write_text(
        "from xpm import Param, Task, experiment\n"
        "class Work(Task):\n"
        "    __xpmid__ = 'shown.work'\n"
        "    n: Param[int]\n"
        "    def execute(self): pass\n"
        f"with experiment({str(tmp_path / 'main')!r}, 'shown') as xp:\n"
        "    for n in range(3): Work(n=n).submit()\n"
    )

    shown = on_a_terminal(tmp_path, {}, "run", str(tmp_path / "plan.py"))

    assert f"shown · {tmp_path}/main" in shown
    assert "shown.work" in shown
    assert "✓ 3" in shown


def test_what_was_known_is_shown_before_a_host_is_asked(tmp_path: Path) -> None:
    path = tmp_path / "main"
    main = main_folder(path, "demo", [Past("aa" * 32)])
    record = main.experiment("demo")
    run = record.lines()[0].run
    line = Line("bb" * 32, "demo.learn", 1, "campus", "gpu", {}, (), "/far", T0, run)
    record.append(line)
    record.close()

    shown = on_a_terminal(tmp_path, {}, "status", "--workdir", str(path))
    piped = xpm("status", "--workdir", str(path), home=tmp_path)

    first, *_ = shown.splitlines()
    assert first.startswith("demo: running · 1 waiting, 1 done · as of "), shown
    assert first.endswith(" ago; asking campus ...")
    assert "asking" not in piped.err


def test_that_this_machine_is_asked_goes_without_saying(tmp_path: Path) -> None:
    path = tmp_path / "main"
    main = main_folder(path, "demo", [Past("aa" * 32)])
    record = main.experiment("demo")
    run = record.lines()[0].run
    record.append(Line("bb" * 32, "demo.learn", 1, "local", "here", {}, (), "/near", T0, run))
    record.close()

    shown = on_a_terminal(tmp_path, {}, "status", "--workdir", str(path))

    assert "1 unknown, 1 done" in shown
    assert "asking" not in shown


def test_many_jobs_are_cancelled_only_after_a_question(tmp_path: Path) -> None:
    jobs = [Past(f"{n:02x}" * 32) for n in range(11)]
    main = main_folder(tmp_path / "main", "demo", jobs).path
    for entry in main.glob("jobs/*/*/.xpm/a1.*"):
        entry.unlink()  # so nobody knows that they are over

    shown = on_a_terminal(tmp_path, {}, "cancel", "demo", "--workdir", str(main), typed="n\n")

    assert "cancel 11 jobs (11 waiting)? [y/N]" in shown
    assert "nothing is cancelled" in shown
    assert not list(main.glob(".xpm/owed/*/*"))


def test_many_jobs_are_tried_again_only_after_a_question(tmp_path: Path) -> None:
    jobs = [Past(f"{n:02x}" * 32, state="failed", cause="exit") for n in range(11)]
    main = main_folder(tmp_path / "main", "demo", jobs).path

    shown = on_a_terminal(
        tmp_path, {}, "retry", "state=failed", "--workdir", str(main), typed="n\n"
    )

    assert "try again 11 jobs (11 failed)? [y/N]" in shown
    assert "nothing is tried again" in shown


def slow_plan(tmp_path: Path) -> list[str]:
    """A plan whose task says how far it is, and ends when it may."""
    (tmp_path / "plan.py").write_text(
        "import time\n"
        "from pathlib import Path\n"
        "from xpm import Param, Task, experiment, progress\n"
        "class Work(Task):\n"
        "    __xpmid__ = 'shown.work'\n"
        "    n: Param[int]\n"
        "    def execute(self):\n"
        "        progress(0.25, description='epoch 3')\n"
        f"        while not Path({str(tmp_path / 'go')!r}).exists(): time.sleep(0.05)\n"
        f"with experiment({str(tmp_path / 'main')!r}, 'shown') as xp:\n"
        "    Work(n=1).submit()\n"
    )
    return [sys.executable, "-m", "xpm", "run", str(tmp_path / "plan.py")]


def test_ctrl_c_leaves_a_clean_screen_and_the_jobs_alone(tmp_path: Path) -> None:
    pid, person = spawn(slow_plan(tmp_path), cwd=tmp_path, **environment(tmp_path))
    person.until(lambda shown: "epoch 3" in shown)
    assert "25%" in person.shown

    os.write(person.terminal, b"\x03")
    person.until(lambda shown: False)
    code = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])

    assert 130 == code
    assert "interrupted; submitted jobs go on" in person.shown
    assert person.shown.rindex("\x1b[?25h") > person.shown.rindex("\x1b[?25l")  # the cursor is back
    watching, person = spawn(
        [sys.executable, "-m", "xpm", "status", "--watch"],
        cwd=tmp_path, **environment(tmp_path), XPM_WORKDIR=str(tmp_path / "main"),
    )  # fmt: skip
    person.until(lambda shown: "epoch 3" in shown)
    (tmp_path / "go").touch()
    person.until(lambda shown: False)
    assert 0 == os.waitstatus_to_exitcode(os.waitpid(watching, 0)[1])
    assert "shown: done · 1 done" in person.shown
