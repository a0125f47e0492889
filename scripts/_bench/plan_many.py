"""A plan of many tasks for a host that is out of reach: submitting each with its files, then asking for their status."""

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from figures import Figure

PLAN = Path(__file__).parent / "plans" / "far.py"
PROFILE = """\
version: 1
connectors:
  nowhere: {kind: ssh, ssh: {host: 127.0.0.254}, workspace: /nowhere, python: /usr/bin/python3}
launchers:
  far: {connector: nowhere}
"""
GROWTH = 1.6
MOST_BYTES = 6000
MOST_LINES = 250
STATUS_MOST_S = 60.0


def measure(count: int) -> Sequence[Figure]:
    """Per task, with ten times fewer tasks beside it."""
    few, many = _measured(count // 10), _measured(count)
    beside = f"{count // 10:,} tasks"
    ratio = many["submitting"] / few["submitting"]
    what = f"a plan of {count:,} tasks: submitting each"
    found = [
        Figure(
            what,
            many["submitting"],
            "ms",
            beside,
            few["submitting"],
            ratio,
            f"<= {GROWTH}",
            ratio <= GROWTH,
        )
    ]
    grown = (many["bytes"] - few["bytes"]) / (count - count // 10)
    what, ratio = "memory of the plan's process, each further task", grown / MOST_BYTES
    found.append(Figure(what, grown, "B", "limit", MOST_BYTES, ratio, "<= 1", ratio <= 1))
    ratio = many["status"] / few["status"]
    met = many["status"] <= STATUS_MOST_S and many["lines"] <= MOST_LINES
    target = f"<= {STATUS_MOST_S:.0f} s, {MOST_LINES} lines"
    what = f"xpm status of {count:,} tasks, {many['lines']:.0f} lines"
    found.append(Figure(what, many["status"], "s", beside, few["status"], ratio, target, met))
    return found


def _measured(count: int) -> dict[str, float]:
    with tempfile.TemporaryDirectory(prefix="xpm-bench.") as folder:
        home = Path(folder)
        (home / "config").mkdir()
        (home / "config" / "launchers.yaml").write_text(PROFILE)
        spent = json.loads(
            _run(home, 3, "run", "-l", "far", "--detach", str(PLAN), "main", str(count))
        )
        start = time.perf_counter()
        shown = _run(home, 0, "status", "--workdir", "main")
        return {
            "submitting": spent["seconds"] / count * 1e3,
            "bytes": spent["bytes"],
            "status": time.perf_counter() - start,
            "lines": shown.count("\n"),
        }


def _run(home: Path, expected: int, *arguments: str) -> str:
    variables = {
        **os.environ,
        "XDG_STATE_HOME": str(home / "state"),
        "XPM_CONFIG_DIR": str(home / "config"),
        "PYTHONPATH": str(Path(__file__).parents[2]),
    }
    command = [sys.executable, "-m", "xpm", *arguments]
    done = subprocess.run(command, cwd=home, env=variables, capture_output=True, text=True)
    if done.returncode != expected:
        raise RuntimeError(
            f"{' '.join(command)} ended with {done.returncode}: {done.stderr[-2000:]}"
        )
    return done.stdout
