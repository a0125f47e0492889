"""The command line as a person uses it: a process, its exit code and what it printed."""

import os
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

CHECKOUT = Path(__file__).resolve().parents[2]


@dataclass(frozen=True, slots=True)
class Ended:
    """How a command ended."""

    code: int
    out: str
    err: str


def environment(home: Path, more: Mapping[str, str] | None = None) -> dict[str, str]:
    """Variables for a person whose settings and state lie in a folder of the test."""
    kept = {key: os.environ[key] for key in ("PATH", "LANG", "TMPDIR") if key in os.environ}
    return {
        **kept,
        "HOME": str(home),
        "XPM_CONFIG_DIR": str(home / "config"),
        "XDG_STATE_HOME": str(home / "state"),
        "PYTHONPATH": str(CHECKOUT),
        **(more or {}),
    }


def python(
    arguments: Sequence[str],
    home: Path,
    cwd: Path | None = None,
    more: Mapping[str, str] | None = None,
) -> Ended:
    """Run this Python with these arguments."""
    done = subprocess.run(
        [sys.executable, *arguments],
        env=environment(home, more),
        cwd=cwd or home,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=270,
        check=False,
    )
    return Ended(done.returncode, done.stdout, done.stderr)


def xpm(
    *arguments: str, home: Path, cwd: Path | None = None, more: Mapping[str, str] | None = None
) -> Ended:
    """Run ``xpm`` with these arguments."""
    return python(["-m", "xpm", *arguments], home, cwd, more)


def until(is_so: Callable[[], bool], timeout_s: float = 60.0) -> None:
    """Return as soon as something is so."""
    deadline = time.monotonic() + timeout_s
    while not is_so():
        assert time.monotonic() < deadline, "it did not come to pass"
        time.sleep(0.02)
