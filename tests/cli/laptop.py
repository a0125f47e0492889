"""A person's laptop beside the test cluster: an unprivileged user who knows the cluster by ssh only."""

import json
import subprocess
import sys
import uuid
from pathlib import Path
from typing import Any

from tests.cli.commands import CHECKOUT, Ended
from tests.cluster import RunningCluster

PROFILE = """\
version: 1
connectors:
  cluster: {{kind: slurm, ssh: {{host: testcluster}}, workspace: "{workspace}", python: {python}}}
  tower:   {{kind: ssh, ssh: {{host: tower}}, workspace: "{workspace}", python: {python}}}
launchers:
  cpu: {{connector: cluster, partition: cpu, mem: 500MB, time: 10m, export: {{PYTHONPATH: /opt/site}}}}
  box: {{connector: tower, export: {{PYTHONPATH: /opt/site}}}}
"""

PLAN = """\
import os
import time
from pathlib import Path

from xpm import Param, Task, experiment, tag

THERE = Path(os.path.expanduser("~")) / "gates-{token}"


class Work(Task):
    __xpmid__ = "gated.work"
    name: Param[str]

    def execute(self):
        with (THERE / "effects").open("a") as file:
            file.write(self.name + "\\n")
        print("working on", self.name, flush=True)
        while not (THERE / self.name).exists():
            time.sleep(0.05)
        if (THERE / self.name).read_text().strip():
            raise ValueError("no luck with " + self.name)


class After(Task):
    __xpmid__ = "gated.after"
    work: Param[Work]

    def execute(self):
        with (THERE / "effects").open("a") as file:
            file.write("after " + self.work.name + "\\n")


with experiment("main", "gated") as xp:
    for name in {names!r}:
        work = Work(name=tag(name)).submit()
        After(work=work).submit().on_completed(lambda task: print("done:", task.work.name))
"""


class Laptop:
    """A home with a profile; commands run in it as its user."""

    def __init__(self, cluster: RunningCluster, home: Path) -> None:
        self.cluster = cluster
        self.home = home
        self.token = uuid.uuid4().hex[:8]
        self.project = home / "project"
        self.project.mkdir(parents=True)
        python = cluster.status()["python"]
        self.python = python["available"][python["laptop"]]
        self.profile = home / "config" / "launchers.yaml"
        self.profile.parent.mkdir()
        self.profile.write_text(
            PROFILE.format(workspace=f"$HOME/xpm-{self.token}", python=self.python)
        )

    def argv(self, *arguments: str) -> list[str]:
        """The argument list of ``xpm`` in the project's folder."""
        variables = [
            f"PYTHONPATH={CHECKOUT}",
            f"XPM_CONFIG_DIR={self.home}/config",
            f"XDG_STATE_HOME={self.home}/state",
            "PYTHONDONTWRITEBYTECODE=1",
        ]
        words = ["env", "-C", str(self.project), *variables, sys.executable, "-m", "xpm"]
        return self.cluster.laptop_argv(self.home, *words, *arguments)

    def xpm(self, *arguments: str, timeout_s: float = 240) -> Ended:
        """Run a command to its end."""
        done = subprocess.run(
            self.argv(*arguments),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=timeout_s,
            check=False,
        )
        return Ended(done.returncode, done.stdout, done.stderr)

    def start(self, *arguments: str) -> "subprocess.Popen[str]":
        """Start a command beside us."""
        return subprocess.Popen(
            self.argv(*arguments),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def status(self, workdir: str = "main") -> list[dict[str, Any]]:
        """The jobs of the experiment that ran last."""
        told = self.xpm("status", "--json", "--workdir", workdir)
        assert told.code == 0, told.err
        jobs: list[dict[str, Any]] = json.loads(told.out)["jobs"]
        return jobs

    def states(self, workdir: str = "main") -> dict[str, str]:
        """The state of each job, by kind and name."""
        return {
            f"{job['task'][6:]} {job['tags']['name']}": job["state"] for job in self.status(workdir)
        }


class Gates:
    """A plan whose tasks wait at gates that the test opens on the far side, and count their effects there."""

    def __init__(self, laptop: Laptop, node: str, names: list[str]) -> None:
        self.laptop = laptop
        self.node = node
        self.folder = f"gates-{laptop.token}"
        (laptop.project / "plan.py").write_text(PLAN.format(token=laptop.token, names=names))
        self._there(f"mkdir -p {self.folder}; : > {self.folder}/effects")

    def open(self, *names: str, fails: bool = False) -> None:
        """Let tasks go on, to their end or to their failure."""
        word = "fail" if fails else ""
        for name in names:
            self._there(f"cd {self.folder}; echo {word} > .{name}; mv .{name} {name}")

    def effects(self) -> list[str]:
        """What the jobs did, sorted."""
        return sorted(self._there(f"cat {self.folder}/effects").splitlines())

    def _there(self, script: str) -> str:
        return self.laptop.cluster.on(self.node, "sh", "-c", f"cd; {script}")
