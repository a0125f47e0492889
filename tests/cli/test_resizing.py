"""A run on a terminal that a person makes smaller and larger: in a real pseudo-terminal, and in tmux where there is one."""

import fcntl
import functools
import os
import shutil
import struct
import subprocess
import sys
import termios
from collections.abc import Callable, Iterator
from pathlib import Path

import pyte
import pytest

from tests.cli.commands import environment, until
from tests.screen import Clipping, Folding
from tests.terminal import spawn

pytestmark = pytest.mark.host

PLAN = """\
import time
from pathlib import Path

from xpm import Param, Task, experiment, progress, tag


class Work(Task):
    __xpmid__ = "shown.work.of.a.task.with.a.name.that.is.long"
    name: Param[str]

    def execute(self):
        progress(0.25, description="漢字 epoch 3, and much more to say of it than fits")
        while not Path("GO").exists():
            time.sleep(0.05)


with experiment("main", "shown"):
    print("the plan prints this")
    Work(name=tag("one")).submit()
    Work(name=tag("\\x1b[2J\\n\\n漢")).submit()
"""


class Window:
    """A window of a terminal in which a command runs."""

    def __init__(self, folder: Path, argv: list[str], screen: Clipping, **more: str) -> None:
        self.screen = screen
        self._stream = pyte.Stream(screen)
        self._at = 0
        variables = {**environment(folder), **more}
        self.pid, self.person = spawn(argv, cwd=folder, **variables)
        self._tell()

    def until(self, line: str) -> None:
        """Read on until a line of the window holds this."""

        self.settle(lambda lines: any(line in each for each in lines))

    def settle(self, is_so: Callable[[list[str]], bool]) -> None:
        """Read on until the lines of the window are as wanted."""

        def holds(shown: str) -> bool:
            self._stream.feed(shown[self._at :])
            self._at = len(shown)
            return is_so(self.screen.shown)

        self.person.until(holds)
        assert is_so(self.screen.shown), self.screen.shown

    def resize(self, columns: int, rows: int) -> None:
        self.screen.sized(columns, rows)
        self._tell()

    def _tell(self) -> None:
        size = struct.pack("HHHH", self.screen.lines, self.screen.columns, 0, 0)
        fcntl.ioctl(self.person.terminal, termios.TIOCSWINSZ, size)

    def type(self, what: bytes) -> None:
        os.write(self.person.terminal, what)

    def end(self) -> int:
        """Read to the end; the exit code."""
        self.person.until(lambda shown: False)
        self._stream.feed(self.person.shown[self._at :])
        return os.waitstatus_to_exitcode(os.waitpid(self.pid, 0)[1])


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    (tmp_path / "plan.py").write_text(PLAN.replace("GO", str(tmp_path / "go")))
    yield tmp_path
    (tmp_path / "go").touch()


BARS = {40: 0, 60: 10, 100: 30}
"""How long the bar is in windows of these widths."""


def is_whole(lines: list[str], columns: int) -> bool:
    """Whether the lines at the foot are there once, none of them torn, as long as the window wants them."""
    foot = [line for line in lines if line.startswith("shown.work")]
    jobs = [line for line in lines if line.startswith("  ")]
    is_last = lines[-3:] == [*foot, *jobs] and len(jobs) == 2
    return is_last and foot[0].count("╌") == BARS[columns] and all("%" in job for job in jobs)


RUN = [sys.executable, "-m", "xpm", "run", "plan.py"]


@pytest.mark.parametrize("screen", [Clipping, Folding])
def test_no_size_of_the_window_leaves_a_torn_line(folder: Path, screen: type[Clipping]) -> None:
    more = {"XTERM_VERSION": "XTerm(390)"} if screen is Clipping else {}
    window = Window(folder, RUN, screen(100, 24), **more)
    window.until("25%  漢字 epoch 3")

    for columns, rows in [(60, 24), (40, 20), (100, 24)]:
        window.resize(columns, rows)
        window.settle(functools.partial(is_whole, columns=columns))
    window.type(b"\x03")

    assert 130 == window.end()
    shown = window.screen.shown
    assert not window.screen.cursor.hidden
    assert 1 == sum(line.startswith("shown.work") for line in shown)
    assert "interrupted; submitted jobs go on" in "".join(shown)
    assert "^C" not in "".join(shown)


def test_twenty_columns_and_five_lines_are_enough_to_see_how_it_stands(folder: Path) -> None:
    window = Window(folder, RUN, Folding(20, 5))
    window.until("0/2  2 r")

    assert all(len(line) <= 20 for line in window.screen.display)
    (folder / "go").touch()
    assert 0 == window.end()
    assert any("2/2" in line for line in window.screen.shown)


def test_what_a_tag_holds_is_shown_and_not_obeyed(folder: Path) -> None:
    window = Window(folder, RUN, Folding(120, 24))
    window.until("\\x1b[2J 漢")

    assert any("the plan prints this" in line for line in window.screen.shown)
    (folder / "go").touch()
    assert 0 == window.end()


def test_ctrl_z_gives_the_terminal_to_the_shell_and_takes_it_again(folder: Path) -> None:
    shell = ["sh", "-m", "-c", f"{' '.join(RUN)}; echo it is stopped; read answer; fg"]
    window = Window(folder, shell, Folding(100, 24))
    window.until("25%")

    window.type(b"\x1a")
    window.until("it is stopped")
    assert not window.screen.cursor.hidden
    window.type(b"\n")
    window.until("shown.work.of.a.t")
    (folder / "go").touch()

    assert 0 == window.end()
    assert not window.screen.cursor.hidden
    assert any("2/2" in line for line in window.screen.shown)


def test_a_pipe_gets_what_the_plan_prints_while_bars_are_drawn(folder: Path) -> None:
    (folder / "go").touch()
    command = f"exec {sys.executable} -m xpm run plan.py > printed"
    window = Window(folder, ["sh", "-c", command], Folding(100, 24))

    assert 0 == window.end()
    assert "the plan prints this" in (folder / "printed").read_text()
    assert not any("the plan prints this" in line for line in window.screen.shown)


@pytest.mark.parametrize("wish", [{"TERM": "dumb"}, {"TERM": ""}], ids=str)
def test_a_terminal_that_cannot_move_its_cursor_gets_plain_lines(
    folder: Path, wish: dict[str, str]
) -> None:
    (folder / "go").touch()
    window = Window(folder, RUN, Folding(100, 24), **wish)

    assert 0 == window.end()
    assert "\x1b" not in window.person.shown.replace("\\x1b", "")


@pytest.mark.skipif(shutil.which("tmux") is None, reason="there is no tmux")
def test_tmux_shows_whole_lines_after_any_change(folder: Path) -> None:
    def tmux(*arguments: str) -> str:
        done = subprocess.run(
            ["tmux", "-S", str(folder / "tmux"), "-f", "/dev/null", *arguments],
            env={**environment(folder), "LC_ALL": "C.UTF-8"},
            capture_output=True, text=True, check=False,
        )  # fmt: skip
        return done.stdout

    def shown() -> list[str]:
        return [line.rstrip() for line in tmux("capture-pane", "-p").splitlines() if line.strip()]

    def is_drawn(columns: int) -> bool:
        return is_whole(shown(), columns)

    command = f"seq 30; {' '.join(RUN)}; sleep 60"
    tmux("new-session", "-d", "-x", "100", "-y", "24", "-c", str(folder), command)
    try:
        until(lambda: any("25%  漢字 epoch 3" in line for line in shown()))
        for columns in (60, 40, 100):
            tmux("resize-window", "-x", str(columns), "-y", "24")
            until(functools.partial(is_drawn, columns))
        tmux("send-keys", "C-c")
        until(lambda: any("interrupted" in line for line in shown()))
        assert 1 == sum(line.startswith("shown.work") for line in shown()), shown()
    finally:
        tmux("kill-server")
