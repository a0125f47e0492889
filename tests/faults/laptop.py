"""A plan in a process of its own, on this machine or on a host in memory: what faults are tried on."""

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.cli.commands import CHECKOUT
from tests.faults.links import leftovers
from xpm.wire import files

HOOK = Path(__file__).parent / "hook"
PLAN = '''
from pathlib import Path
from xpm import Meta, Param, PathGenerator, Task, experiment, field


class Step(Task):
    """Leaves a trace outside of its folder each time it takes effect, and a result inside."""

    __xpmid__ = "faults.step"
    number: Param[int]
    after: Param[list[Task]] = []
    traces: Meta[str]
    result: Meta[Path] = field(default_factory=PathGenerator("result.txt"))

    def execute(self):
        with open(self.traces, "a") as file:
            file.write("%d\\n" % self.number)
        self.result.write_text("x" * 10_000 + str(self.number))
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
    """What goes wrong: in which sort of process, at which operation, how."""

    role: str
    number: int
    what: str

    def __str__(self) -> str:
        return f"{self.role}: {self.what} at operation {self.number}"


class Desk:
    """A home with a plan of two tasks, one after the other.

    Args:
        folder: the home.
        place: ``here`` or ``far``, a host in memory.
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
        return self._python(["-m", "tests.faults.drive", str(self.plan)], fault)

    def status(self) -> list[dict[str, object]]:
        """What ``xpm status --json`` says of the jobs, without when it was seen."""
        done = self._python(["-m", "tests.faults.drive", "status"])
        if done.returncode:
            raise AssertionError(f"xpm status ends with {done.returncode}: {done.stderr}")
        jobs: list[dict[str, object]] = json.loads(done.stdout)["jobs"]
        return [{key: value for key, value in job.items() if key != "seen_at"} for job in jobs]

    def operations(self) -> dict[str, tuple[int, ...]]:
        """How many changes, writes and touches the busiest process of each role makes in an undisturbed run."""
        done = self.run(Fault("", 0, "COUNT"))
        assert done.returncode == 0, done.stderr
        found: dict[str, tuple[int, ...]] = {}
        for each in self.folder.glob("mark.*.*"):
            _, role, _ = each.name.split(".")
            counts = tuple(map(int, each.read_text().split()))
            found[role] = max(found.get(role, counts), counts)
        return found

    def processes(self) -> Sequence[int]:
        """The processes that live on this home."""
        found: list[int] = []
        for each in Path("/proc").iterdir():
            if each.name.isdecimal() and int(each.name) != os.getpid():
                try:
                    words = (each / "cmdline").read_bytes()
                except OSError:  # it has just ended
                    continue
                if os.fsencode(self.folder) + b"/" in words:
                    found.append(int(each.name))
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
        past = time.time() - 2 * 86400
        for each in self.temporaries():
            os.utime(each, (past, past))

    def visit(self) -> None:
        """Let somebody list the folders of the workspaces, two days later."""
        self.age()
        for root in (self.main, self.far):
            for folder in (root / ".xpm").glob("**/"):
                files.listing(str(folder))

    def temporaries(self) -> Sequence[Path]:
        """The files that were to be renamed, but for those in a folder of one job or submission, which go with it."""
        found = leftovers(self.main, self.far)
        return [each for each in found if not {"jobs", "submissions"} & set(each.parts)]

    def _python(
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
        return subprocess.run(
            [sys.executable, *words],
            env=environ,
            cwd=self.plan.parent,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=90,
            check=False,
        )


def eventually(condition: Callable[[], bool], timeout_s: float = 20.0) -> bool:
    """Whether it comes true."""
    ends_at = time.monotonic() + timeout_s
    while not condition():
        if time.monotonic() > ends_at:
            return False
        time.sleep(0.05)
    return True
