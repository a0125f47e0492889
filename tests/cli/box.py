"""A person's laptop whose only machine elsewhere is a box behind a real sshd of the test."""

import os
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from tests.cli.commands import Ended, environment, until, xpm
from tests.connectors.sshd import Sshd
from xpm.follow.main import MainFolder
from xpm.follow.views import JobView, experiments

PLAN = """\
import time
from pathlib import Path

from xpm import Param, Task, experiment, tag


class Gated(Task):
    __xpmid__ = "gated"
    name: Param[str]

    def execute(self):
        gates, at = Path("GATES"), 0
        with (gates / f"{self.name}.ran").open("a") as ran:
            ran.write("x")
        while True:
            lines = (gates / self.name).read_text().splitlines() if (gates / self.name).exists() else []
            for line in lines[at:]:
                at += 1
                if line == "fail":
                    if (gates / f"{self.name}.ran").read_text() == "x":
                        raise SystemExit(7)
                elif line == "end":
                    return
                else:
                    print(line, flush=True)
            time.sleep(0.02)


with experiment("main", "gated"):
    for name in NAMES:
        Gated(name=tag(name)).submit().on_completed(lambda task: print("done:", task.name, flush=True))
"""


@dataclass
class Box:
    """The laptop, and the box it knows as ``cluster``. A gate is a file whose lines a job obeys."""

    home: Path
    sshd: Sshd
    gates: Path
    started: "list[subprocess.Popen[bytes]]" = field(default_factory=list)
    names: set[str] = field(default_factory=set)

    @property
    def environment(self) -> dict[str, str]:
        return {**environment(self.home), "XDG_RUNTIME_DIR": str(self.home / "none")}

    @property
    def far(self) -> Path:
        """The workspace there."""
        return self.home.parent / "far"

    def write(self, *names: str, ssh: str = "", connector: str = "") -> None:
        """A plan with jobs of these names, and a profile with these further options."""
        plan = PLAN.replace("GATES", str(self.gates)).replace("NAMES", repr(list(names)))
        (self.home / "plan.py").write_text(plan)
        self.names.update(names)
        options = f"host: box, config: {self.sshd.folder / 'config'}, timeout: 5s, keepalive: 1s"
        (self.home / "config").mkdir(exist_ok=True)
        (self.home / "config" / "launchers.yaml").write_text(
            "version: 1\nconnectors:\n"
            f"  cluster: {{kind: ssh, ssh: {{{options}{ssh}}}, workspace: {self.far}, python: {sys.executable}{connector}}}\n"
            "launchers:\n  box: {connector: cluster, retry: {exit: {max: 1, backoff: 0s}}}\ndefault: box\n"
        )

    def gate(self, name: str, *lines: str) -> None:
        """Let a job print these lines; ``fail`` ends its first run, ``end`` the job."""
        with (self.gates / name).open("a") as gate:
            gate.write("".join(f"{line}\n" for line in lines))

    def xpm(self, *arguments: str) -> Ended:
        return xpm(*arguments, home=self.home, more=self.environment)

    def start(self, *arguments: str, is_one: bool = False) -> "Running":
        """Start a command beside us; ``is_one``: both of its streams are ``out``."""
        said = [self.home.parent / f"said{len(self.started)}.{each}" for each in ("out", "err")]
        with said[0].open("ab") as out, said[0 if is_one else 1].open("ab") as err:
            argv: Sequence[str] = [sys.executable, "-m", "xpm", *arguments]
            process = subprocess.Popen(
                argv, cwd=self.home, env=self.environment, stdin=subprocess.DEVNULL, stdout=out, stderr=err
            )  # fmt: skip
        self.started.append(process)
        return Running(process, said[0], said[0 if is_one else 1])

    def jobs(self) -> list[JobView]:
        """The jobs as last known here."""
        return [job for view in experiments(MainFolder(self.home / "main")) for job in view.jobs]

    def ran(self, name: str) -> int:
        """How often a job has begun there."""
        path = self.gates / f"{name}.ran"
        return len(path.read_text()) if path.exists() else 0

    def detached(self, name: str) -> None:
        """Run the plan, leave it, and wait until this job runs."""
        left = self.xpm("run", "plan.py", "--detach")
        assert left.code == 0, left.err
        until(lambda: self.ran(name) == 1)

    def close(self) -> None:
        """End what was started, and every job."""
        for name in self.names:
            self.gate(name, "end", "end")
        for process in self.started:
            process.kill()
            process.wait(60)


@dataclass
class Running:
    """A command beside us, and what it has said so far."""

    process: "subprocess.Popen[bytes]"
    _out: Path
    _err: Path

    @property
    def out(self) -> str:
        return self._out.read_text()

    @property
    def err(self) -> str:
        return self._err.read_text()

    def says(self, text: str) -> None:
        """Wait until it has said this."""
        until(lambda: text in self.out + self.err or self.process.poll() is not None)
        assert text in self.out + self.err, (self.out, self.err)

    def end(self, timeout_s: float = 60.0) -> int:
        return self.process.wait(timeout_s)

    def interrupt(self) -> None:
        os.kill(self.process.pid, 2)
