"""A SLURM site with fake commands, and whoever advances there."""

import json
import os
import shlex
import sys
import time
from pathlib import Path
from typing import Any

from tests.agent_core.yard import Yard, eventually, job_id, word
from xpm.agent import limits, place
from xpm.agent.advance import advance
from xpm.agent.board import Board, View
from xpm.agent.slurm import SlurmPlace
from xpm.wire import files

FAKES = Path(__file__).parent / "fakes" / "slurm.py"
OPTIONS = {
    "squeue_every_s": 60,
    "message_timeout_s": 10,
    "lost_after_s": 120,
    "keeper": {"off": True},
}


class Site:
    """One workspace on one site. Its clock runs ahead of ours by ``ahead`` seconds."""

    def __init__(self, root: Path, **options: Any) -> None:
        self.yard = Yard(root / "ws")
        self.state = root / "slurm"
        (self.state / "jobs").mkdir(parents=True)
        commands = root / "bin"
        commands.mkdir()
        for name in ("sbatch", "squeue", "scancel", "sacct", "scontrol", "sinfo", "sacctmgr"):
            line = shlex.join([sys.executable, "-S", "-E", str(FAKES), name])
            (commands / name).write_text(
                f'#!/bin/sh\nFAKE_SLURM={shlex.quote(str(self.state))} exec {line} "$@"\n'
            )
            (commands / name).chmod(0o755)
        self.environ = {
            "PATH": f"{commands}:{os.environ['PATH']}",
            "HOME": str(root),
            "SLURM_CPU_BIND": "cores",
            "SBATCH_ARRAY_INX": "0-1",
            "SECRET": "s",
        }
        self.content = place.record(
            self.yard.layout, "slurm", "t0", None, "/usr/bin/py thon", self.environ,
            {**OPTIONS, **options},
        )  # fmt: skip
        self.content["environ"]["FAKE_SLURM"] = str(self.state)
        files.write(self.yard.layout.place, files.dump(self.content))
        self.learned(limits.UNKNOWN)
        self.ahead = 0.0
        self.place: SlurmPlace | None = None
        self.come()

    def come(self) -> None:
        """Somebody new advances, who knows nothing but the files."""
        self.rest()
        self.board = Board(self.yard.layout, fresh_s=0.0)
        self.place = SlurmPlace(self.yard.layout, self.content)

    def rest(self) -> None:
        """Wait for the commands under way."""
        if self.place is not None:
            eventually(self.place.is_idle)

    def learned(self, known: limits.SiteLimits, ago_s: float = 0.0) -> None:
        """What was learned of the site, so long ago."""
        limits.write(self.yard.layout, known._replace(at=time.time() - ago_s))

    @property
    def now(self) -> float:
        return time.time() + self.ahead

    def sleep(self, seconds: float) -> None:
        """Let so much of the site's time pass, and a little of ours."""
        self.ahead += seconds
        time.sleep(0.02)

    def advance(self, later_s: float = 0.0) -> View:
        """Advance after so much time has passed; how the only job, or the first asked for, stands."""
        self.ahead += later_s
        advance(self.board, self.place, self.now, 10.0)
        self.rest()
        advance(self.board, self.place, self.now, 10.0)  # what the commands answered
        self.rest()
        return self.board.views(self.now)[min(self.board.jobs.values(), key=lambda k: k.order).job]

    def view(self, name: str) -> View:
        return self.board.views(self.now)[job_id(name)]

    def word(self, name: str) -> str:
        return word(self.board, name)

    def script(self, *lines: str) -> None:
        """How coming calls of commands go wrong: ``<command> <mode>``."""
        (self.state / "script").write_text("\n".join(lines))

    def calls(self, command: str) -> list[dict[str, Any]]:
        """The calls of a command, each with its arguments and environment."""
        try:
            lines = (self.state / "calls").read_text().splitlines()
        except FileNotFoundError:
            return []
        return [each for each in map(json.loads, lines) if each["command"] == command]

    def limit(self, name: str, number: int) -> None:
        """Give the batch system a limit, ``most`` or ``MaxArraySize``."""
        (self.state / name).write_text(str(number))

    @property
    def queue(self) -> list[str]:
        """The batch jobs there have ever been, elements of arrays one by one."""
        found = []
        for path in (self.state / "jobs").iterdir():
            elements = json.loads(path.read_text()).get("elements")
            found += [path.stem] if elements is None else [f"{path.stem}_{k}" for k in elements]
        return sorted(found)

    @property
    def names(self) -> list[str]:
        """The name of each call of sbatch that was accepted."""
        jobs = (self.state / "jobs").iterdir()
        return [json.loads(path.read_text())["name"] for path in jobs]

    def batch(self, number: str, **change: str) -> dict[str, Any]:
        """What the batch system knows of a job, or of an element of an array, after a change."""
        array, _, index = number.partition("_")
        path = self.state / "jobs" / f"{array}.json"
        content: dict[str, Any] = json.loads(path.read_text())
        if index:
            content["elements"][index].update(change)
        else:
            content.update(change)
        files.write(str(path), files.dump(content))
        return {**content, **content["elements"][index]} if index else content

    def forget(self, number: str) -> None:
        """The batch system forgets a job: MinJobAge is over."""
        array, _, index = number.partition("_")
        path = self.state / "jobs" / f"{array}.json"
        if not index:
            path.unlink()
            return
        content = json.loads(path.read_text())
        del content["elements"][index]
        files.write(str(path), files.dump(content))

    def log(self, name: str, text: str, attempt: int = 1) -> None:
        """What the batch script of an attempt printed."""
        folder = Path(self.yard.layout.submission(str(self.view(name).submission)))
        (folder / "log").write_text(text)
