"""No-op local jobs, each its own process with full records, against bare processes at equal parallelism."""

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from figures import Figure

PLAN = Path(__file__).parent / "plans" / "noop.py"
SHARE = 1 / 3


def measure(count: int) -> Sequence[Figure]:
    """Jobs a second, the whole ``python plan.py`` counted."""
    parallel = os.cpu_count() or 1
    bare = count / _bare(count, parallel)
    with tempfile.TemporaryDirectory(prefix="xpm-bench.") as folder:
        ours = count / _ours(count, Path(folder))
    return [
        Figure(
            f"{count} local no-op jobs, {parallel} at once",
            ours,
            "/s",
            "python -c pass",
            bare,
            ours / bare,
            f"> {SHARE:.2f}",
            ours > SHARE * bare,
        )
    ]


def _bare(count: int, parallel: int) -> float:
    command = [sys.executable, "-c", "pass"]
    start = time.perf_counter()
    running: list[subprocess.Popen[bytes]] = []
    for _ in range(count):
        if len(running) == parallel:
            running.pop(0).wait()
        running.append(subprocess.Popen(command))
    for process in running:
        process.wait()
    return time.perf_counter() - start


def _ours(count: int, folder: Path) -> float:
    variables = {
        **os.environ,
        "XDG_STATE_HOME": str(folder / "state"),
        "XPM_CONFIG_DIR": str(folder / "config"),
        "PYTHONPATH": str(Path(__file__).parents[2]),
    }
    command = [sys.executable, str(PLAN), str(folder / "main"), str(count)]
    start = time.perf_counter()
    subprocess.run(command, env=variables, check=True, stderr=subprocess.DEVNULL)
    return time.perf_counter() - start
