"""A researcher's laptop: an ordinary user in a home of their own, who knows the cluster by ssh only."""

import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.cluster import Done, RunningCluster, run

ROOT = Path(__file__).resolve().parents[2]

PROFILE = """\
version: 1
connectors:
  cluster: {{kind: slurm, ssh: {{host: testcluster}}, workspace: "$HOME/{name}", python: {python}}}
  tower:   {{kind: ssh, ssh: {{host: tower}}, workspace: "~/{name}", capacity: {{jobs: 4}}, python: {python}}}
launchers:
  cpu: {{connector: cluster, partition: cpu, cpus: 1, mem: 300MB, time: 10m, export: {{PYTHONPATH: /opt/site}}}}
  box: {{connector: tower, export: {{PYTHONPATH: /opt/site}}}}
default: cpu
"""


@dataclass(frozen=True, slots=True)
class Laptop:
    """One user's home, and a workspace of the same name on each far side."""

    cluster: RunningCluster
    home: Path
    started: "list[subprocess.Popen[str]]" = field(default_factory=list)

    @property
    def name(self) -> str:
        """The name of this laptop, and of its workspaces."""
        return self.home.name

    @property
    def main(self) -> Path:
        """The main folder."""
        return self.home / "main"

    def write_profile(self, text: str | None = None) -> None:
        """Put a launchers.yaml, the usual one by default."""
        facts = self.cluster.status()["python"]
        python = (
            facts["available"].get(facts["laptop"]) or f"/opt/python/{facts['laptop']}/bin/python3"
        )
        content = (text or PROFILE).format(name=self.name, python=python)
        self.write("config/launchers.yaml", content)

    def write(self, name: str, content: str) -> Path:
        """Put a file into the home."""
        path = self.home / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content)
        self._own()
        return path

    def copy_example(self) -> Path:
        """A copy of examples/digits; its plan."""
        ignored = shutil.ignore_patterns("workdir", "__pycache__")
        shutil.copytree(ROOT / "examples" / "digits", self.home / "digits", ignore=ignored)
        self._own()
        return self.home / "digits" / "plan.py"

    def argv(self, *words: str) -> list[str]:
        """The argument list of an ``xpm`` command typed on the laptop."""
        environ = [
            f"PYTHONPATH={ROOT}",
            f"XPM_CONFIG_DIR={self.home / 'config'}",
            f"XPM_WORKDIR={self.main}",
            f"XDG_STATE_HOME={self.home / 'state'}",
        ]
        command = ["env", *environ, sys.executable, "-m", "xpm", *words]
        return self.cluster.laptop_argv(self.home, *command)

    def xpm(self, *words: str, timeout_s: float = 240) -> Done:
        """Type an ``xpm`` command and wait for it."""
        return run(self.argv(*words), timeout_s)

    def sh(self, script: str) -> Done:
        """Type a shell command on the laptop."""
        return run(self.cluster.laptop_argv(self.home, "sh", "-c", script), 60)

    def start(self, *words: str, log: Path | None = None) -> "subprocess.Popen[str]":
        """Type an ``xpm`` command and leave it running; what it says goes to ``run.log``, or another log."""
        with (log or self.home / "run.log").open("a") as file:
            process = subprocess.Popen(
                self.argv(*words),
                stdin=subprocess.DEVNULL,
                stdout=file,
                stderr=file,
                text=True,
                start_new_session=True,
            )
        self.started.append(process)
        return process

    def status(self) -> dict[str, Any]:
        """What ``xpm status --json`` says of the only experiment."""
        done = self.xpm("status", "--json")
        assert done.returncode == 0, done.stderr
        content: dict[str, Any] = json.loads(done.stdout)
        return content

    def states(self) -> list[str]:
        """The states of all jobs, in the order of submission; none before there is an experiment."""
        if not list(self.main.glob("xp/*/jobs.jsonl")):
            return []
        return [job["state"] for job in self.status()["jobs"]]

    def there(self, script: str, node: str = "login1") -> str:
        """What a shell script says on the far side, as its user."""
        return self.cluster.on(node, "sh", "-c", script)

    def release(self, node: str = "login1") -> None:
        """Let held steps end."""
        self.there(f"touch $HOME/{self.name}.effects.released", node)

    def effects(self, node: str = "login1") -> list[str]:
        """The lines that jobs have appended on the far side, sorted."""
        text = self.there(f"cat $HOME/{self.name}.effects 2>/dev/null || true", node)
        return sorted(text.split())

    def _own(self) -> None:
        user = self.cluster.status()["laptop_user_id"]
        for folder, _, names in os.walk(self.home):
            os.chown(folder, user, user)
            for name in names:
                os.chown(Path(folder) / name, user, user, follow_symlinks=False)


def new_laptop(cluster: RunningCluster) -> Laptop:
    """A fresh home that the laptop's user can reach."""
    home = Path(tempfile.mkdtemp(prefix="xpm-laptop-", dir="/tmp"))
    home.chmod(0o755)
    laptop = Laptop(cluster, home)
    laptop.write_profile()
    return laptop


def kill(process: "subprocess.Popen[str]") -> None:
    """End a command and all below it, at once, as a flat battery does."""
    if process.poll() is None:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait(60)


def wait_for(what: str, condition: Callable[[], object], timeout_s: float = 180) -> None:
    """Look again and again until a condition holds."""
    ends = time.monotonic() + timeout_s
    while not condition():
        assert time.monotonic() < ends, f"{what}: not within {timeout_s:.0f} s"
        time.sleep(0.2)
