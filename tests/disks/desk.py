"""A plan in a process of its own, whose main folder, state folder and far side are disks of a test."""

import re
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from tests.cli.commands import environment
from xpm.connectors.base import JobRef
from xpm.follow.main import MainFolder
from xpm.follow.views import JobView, experiments

PLAN = '''
import os, pathlib, time
from xpm import Meta, Param, Task, experiment


class Step(Task):
    """Leaves a trace outside of its folder each time it takes effect, and a big result inside."""

    __xpmid__ = "disks.step"
    number: Param[int]
    shared: Meta[str]

    def execute(self):
        with open(self.shared + "/ran", "a") as file:
            file.write("%d\\n" % self.number)
        while not os.path.exists(self.shared + "/go%d" % self.number):
            time.sleep(0.02)
        pathlib.Path("result.bin").write_bytes(bytes([self.number]) * SIZE)


if __name__ == "__main__":
    with experiment("main", "exp") as xp:
        for number in NUMBERS:
            Step(number=number, shared="SHARED").submit()
'''
PROFILE = """\
version: 1
connectors:
  far: {{kind: ssh, ssh: {{host: far}}, workspace: "{far}", python: "{python}", capacity: {{jobs: 2}}}}
launchers:
  far: {{connector: far}}
default: far
"""


class Desk:
    """A home with a plan that runs some steps on ``far``."""

    def __init__(self, home: Path, main: Path, far: Path, size: int = 1000) -> None:
        self.home = home
        self.main = main
        self.far = far
        self.shared = home / "shared"
        self.plan = home / "project" / "plan.py"
        self._size = size
        for folder in (self.shared, self.plan.parent, home / "config"):
            folder.mkdir(exist_ok=True)
        profile = PROFILE.format(far=far, python=sys.executable)
        (home / "config" / "launchers.yaml").write_text(profile)

    def go(self, *numbers: int) -> None:
        """Let these steps end."""
        for number in numbers:
            (self.shared / f"go{number}").touch()

    def ran(self) -> Sequence[str]:
        """A line for each time that a step took effect."""
        path = self.shared / "ran"
        return path.read_text().split() if path.exists() else []

    def run(self, numbers: Sequence[int] = (1,)) -> "Running":
        """Run the plan."""
        text = PLAN.replace("SIZE", str(self._size)).replace("NUMBERS", repr(list(numbers)))
        self.plan.write_text(text.replace("SHARED", str(self.shared)))
        return self.command("run", str(self.plan), "--workdir", str(self.main))

    def command(self, *arguments: str) -> "Running":
        """Start ``xpm`` with these arguments."""
        return Running(
            subprocess.Popen(
                [sys.executable, "-m", "tests.disks.drive", *arguments],
                env=environment(self.home),
                cwd=self.home,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
            )
        )

    def jobs(self) -> list[JobView]:
        """The jobs as last known here; opens no connection."""
        return [job for view in experiments(MainFolder(self.main)) for job in view.jobs]

    def result(self, root: Path, number: int) -> Path:
        """The result of a step, below a workspace or below the mirrors."""
        main = MainFolder(self.main)
        for job in self.jobs():
            noted = main.job(JobRef(job.task, job.id)) or {}
            if f"'number': {number}," in repr(noted.get("document")):
                return root / "jobs" / job.task / job.id / "result.bin"
        raise AssertionError(f"no step {number} is known")


class Running:
    """A process, and what it has said so far."""

    def __init__(self, process: "subprocess.Popen[str]") -> None:
        self.process = process
        self.said = ""
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        assert self.process.stdout is not None
        with self.process.stdout as lines:
            for line in lines:
                self.said += line

    def says(self, pattern: str, timeout_s: float = 60.0) -> "re.Match[str]":
        """Wait until it has said something like this."""
        found: list[re.Match[str]] = []

        def has_said() -> bool:
            found.extend(re.finditer(pattern, self.said))
            return bool(found)

        try:
            eventually(has_said, timeout_s)
        except AssertionError:
            raise AssertionError(f"it never said {pattern!r}:\n{self.said}") from None
        return found[0]

    def end(self, timeout_s: float = 60.0) -> int:
        """Its exit code."""
        code = self.process.wait(timeout_s)
        self._reader.join(10)
        return code

    def close(self) -> None:
        """End it, if it has not ended."""
        self.process.kill()
        self.process.wait()
        self._reader.join(10)


def eventually(condition: Callable[[], bool], timeout_s: float = 60.0) -> None:
    """Wait for a condition."""
    ends_at = time.monotonic() + timeout_s
    while not condition():
        assert time.monotonic() < ends_at, "it never came true"
        time.sleep(0.02)
