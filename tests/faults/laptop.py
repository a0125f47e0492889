"""A plan in a process of its own, on this machine or behind an agent at a pipe: what faults are tried on."""

import json
import os
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.cli.commands import CHECKOUT
from tests.faults.drive import drive
from tests.faults.links import age, leftovers

HOOK = Path(__file__).parent / "hook"
PLAN = '''
import os
import time
from pathlib import Path
from xpm import Meta, Param, PathGenerator, Task, experiment, field


class Step(Task):
    """Leaves a trace outside of its folder each time it takes effect, and a result inside."""

    __xpmid__ = "faults.step"
    number: Param[int]
    after: Param[list[Task]] = []
    traces: Meta[str]
    result: Meta[Path] = field(default_factory=PathGenerator("result.txt"))
    twin: Meta[Path] = field(default_factory=PathGenerator("twin.txt"))

    def execute(self):
        with open(self.traces, "a") as file:
            file.write("%d\\n" % self.number)
        run = "%d-%f" % (os.getpid(), time.time())
        for path in (self.result, self.twin):
            path.write_text("x" * 10_000 + "%d %s" % (self.number, run))
        print("step", self.number)


with experiment("main", "faults") as xp:
    first = Step(number=1, traces=r"{traces}").submit()
    second = Step(number=2, after=[first], traces=r"{traces}").submit()
    second.on_completed(lambda task: print("called back", task.number, flush=True))
'''
PROFILE = """\
version: 1
connectors:
  far: {{kind: ssh, ssh: {{host: far}}, workspace: "{far}", python: "{python}", capacity: {{jobs: 2}}}}
launchers:
  far: {{connector: far}}
default: far
"""


@dataclass(frozen=True, slots=True)
class Fault:
    """What goes wrong: in which sort of process, at which operation, how (points.py, stale.py)."""

    role: str
    number: int
    what: str

    def __str__(self) -> str:
        return f"{self.role} {self.what} {self.number}"


class Desk:
    """A home with a plan of two tasks, one after the other.

    Args:
        folder: the home.
        place: ``here`` or ``far``, behind an agent at a pipe.
    """

    def __init__(self, folder: Path, place: str) -> None:
        self.folder = folder
        self.main = folder / "main"
        self.far = folder / "far"
        self.traces = folder / "traces"
        self.mark = folder / "mark"
        self.place = place
        (folder / "config").mkdir(parents=True)
        self.plan = folder / "project" / "plan.py"
        self.plan.parent.mkdir()
        self.plan.write_text(PLAN.replace("{traces}", str(self.traces)))
        if place == "far":
            profile = PROFILE.format(far=self.far, python=sys.executable)
            (folder / "config" / "launchers.yaml").write_text(profile)

    def run(self, fault: Fault | None = None) -> "subprocess.CompletedProcess[str]":
        """Run the plan once, as a person would."""
        return self._drive([str(self.plan)], fault)

    def status(self) -> list[dict[str, object]]:
        """What ``xpm status --json`` says of the jobs, without when it was seen."""
        done = self._drive(["status"])
        if done.returncode:
            raise AssertionError(f"xpm status ends with {done.returncode}: {done.stderr}")
        jobs: list[dict[str, object]] = json.loads(done.stdout)["jobs"]
        return [{key: value for key, value in job.items() if key != "seen_at"} for job in jobs]

    def operations(self) -> dict[str, tuple[int, ...]]:
        """How many operations of each kind the busiest process of each role comes to in an undisturbed run."""
        done = self.run(Fault("", 0, "COUNT"))
        assert done.returncode == 0, done.stderr
        found: dict[str, tuple[int, ...]] = {}
        for each in self.folder.glob("mark.*.*"):
            _, role, _ = each.name.split(".")
            counts = tuple(map(int, each.read_text().split()))
            found[role] = max(found.get(role, counts), counts)
        return found

    def jobs(self, root: Path) -> dict[str, Path]:
        """The folder of each step below a workspace, or below the mirrors here."""
        found: dict[str, Path] = {}
        for note in (self.main / "jobs" / "faults.step").glob("*/.xpm/job.json"):
            job = note.parent.parent.name
            number = json.loads(note.read_text())["document"]["nodes"][-1]["values"]["number"]
            found[str(number)] = root / "jobs" / "faults.step" / job
        return found

    def age(self) -> None:
        """Let two days pass for every temporary file."""
        age(leftovers(self.main, self.far))

    def _drive(
        self, words: Sequence[str], fault: Fault | None = None
    ) -> "subprocess.CompletedProcess[str]":
        environ = {
            "PATH": os.environ["PATH"],
            "HOME": str(self.folder),
            "XDG_STATE_HOME": str(self.folder / "state"),
            "XPM_CONFIG_DIR": str(self.folder / "config"),
            "XPM_WORKDIR": str(self.main),
            "XPM_FAULTS_FAR": str(self.far),
            "PYTHONPATH": f"{HOOK}:{CHECKOUT}",
            "PYTHONDONTWRITEBYTECODE": "1",
            "LANG": "C.UTF-8",
        }
        if fault is not None:
            wish = (fault.role, str(fault.number), fault.what, str(self.mark), str(self.folder))
            environ["XPM_FAULT"] = ":".join(wish)
        return drive(words, self.plan.parent, environ, timeout_s=120)
