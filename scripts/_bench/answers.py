"""How soon the command answers with many jobs in the journal: processor time of whole processes, beside few jobs."""

import os
import resource
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

from figures import Figure

LIMIT_MS = 200.0
TIMES = 5
SLOW_MS = 700.0
"""For what reads all jobs."""


def measure(count: int) -> Sequence[Figure]:
    """Milliseconds of processor time of each command: other programs count least."""
    few, many = _measured(count // 100), _measured(count)
    return [
        Figure(
            f"xpm {name}, {count:,} jobs", many[name], "ms", f"{count // 100:,} jobs", few[name],
            many[name] / few[name], f"< {limit:.0f} ms", many[name] < limit,
        )
        for name, (_, limit) in _commands("").items()
    ]  # fmt: skip


def _commands(job: str) -> Mapping[str, tuple[Sequence[str], float]]:
    """What is asked, by its name, and how soon it is to be answered."""
    return {
        "status": (["status"], LIMIT_MS),
        "status state=failed": (["status", "state=failed"], LIMIT_MS),
        "status 'lr=.. and state=..'": (["status", "lr=0.005 and state=failed"], LIMIT_MS),
        "why JOB": (["why", job], LIMIT_MS),
        "logs JOB": (["logs", job], LIMIT_MS),
        "story JOB": (["story", job], LIMIT_MS),
        "results FILTER": (["results", "lr=0.005 and model=m1"], LIMIT_MS),
        "results": (["results"], LIMIT_MS),
        "status state=done": (["status", "state=done"], LIMIT_MS),
        "results --over seed": (["results", "--over", "seed"], SLOW_MS),
        "results --csv": (["results", "--csv"], SLOW_MS),
        "results --json": (["results", "--json"], SLOW_MS),
        "status --json": (["status", "--json"], SLOW_MS),
        "graph": (["graph"], LIMIT_MS),
    }


def _measured(count: int) -> dict[str, float]:
    from crowd import fill, job_id

    with tempfile.TemporaryDirectory(prefix="xpm-bench.") as folder:
        home = Path(folder)
        variables = {
            "XDG_STATE_HOME": str(home / "state"), "XPM_CONFIG_DIR": str(home / "config"),
            "XPM_WORKDIR": str(home / "main"),
        }  # fmt: skip
        os.environ.update(variables)  # for the journal that is filled here
        fill(home / "main", count)
        return {
            name: _answer(arguments) for name, (arguments, _) in _commands(job_id(7)[:12]).items()
        }


def _answer(arguments: Sequence[str]) -> float:
    command = [sys.executable, "-m", "xpm", *arguments]
    variables = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])}

    def spent() -> float:
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        subprocess.run(command, check=True, env=variables, capture_output=True)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        return after.ru_utime - before.ru_utime + after.ru_stime - before.ru_stime

    spent()  # reads what is remembered from then on
    return 1000 * min(spent() for _ in range(TIMES))
