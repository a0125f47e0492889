"""Which Python interpreters this machine has, for tests of the code that travels to old ones."""

import functools
import os
import shutil
import subprocess
from pathlib import Path

MINORS = range(6, 14)
REQUIRED = ((3, 6), (3, 9))
"""Versions that continuous integration may not lack."""


@functools.cache
def _found() -> dict[tuple[int, int], str]:
    found: dict[tuple[int, int], str] = {}
    pyenv = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv"))
    for minor in MINORS:
        own = sorted(pyenv.glob(f"versions/3.{minor}.*/bin/python3.{minor}"))
        on_path = shutil.which(f"python3.{minor}")
        for candidate in [*map(str, own), *([on_path] if on_path else [])]:
            if _version(candidate) == (3, minor):
                found[3, minor] = os.path.realpath(candidate)
                break
    return found


def _version(python: str) -> tuple[int, int] | None:
    code = "import sys; print(*sys.version_info[:2])"
    try:
        done = subprocess.run(
            [python, "-I", "-S", "-c", code],
            capture_output=True,
            text=True,
            check=True,
            timeout=120,
        )
    except (OSError, subprocess.SubprocessError):
        return None
    major, minor = done.stdout.split()
    return int(major), int(minor)


def interpreters(minimum: tuple[int, int]) -> list[str]:
    """Real paths of one interpreter per Python version from ``minimum`` on, oldest first.

    Raises:
        RuntimeError: under ``CI=true``, when a version that must be tried is missing.
    """
    found = _found()
    if os.environ.get("CI") == "true":
        missing = [v for v in REQUIRED if v >= minimum and v not in found]
        if missing:
            names = ", ".join(f"{major}.{minor}" for major, minor in missing)
            raise RuntimeError(f"this machine lacks Python {names}, which the tests must try")
    return [path for version, path in sorted(found.items()) if version >= minimum]
