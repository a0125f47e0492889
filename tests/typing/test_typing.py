"""Type checkers understand plans with no plugin."""

import functools
import os
import subprocess
import sys
from pathlib import Path

import pytest

HERE = Path(__file__).parent
CHECKERS = {
    "mypy": [sys.executable, "-m", "mypy", "--strict"],
    "pyright": [sys.executable, "-m", "pyright"],
}
FILES = {
    "accepted.py": ["mypy", "pyright"],
    "refused.py": ["mypy", "pyright"],
    "classic.py": ["mypy", "pyright"],
    "plain.py": ["pyright"],
}


@functools.cache
def missing(checker: str) -> str:
    """Why a checker cannot run here: pyright brings itself, with node, when it is first started."""
    command = [sys.executable, "-m", checker, "--version"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120)
    return "" if done.returncode == 0 else (done.stdout + done.stderr).strip()


@pytest.mark.host
@pytest.mark.parametrize(
    ("checker", "file"), [(checker, file) for file, known in FILES.items() for checker in known]
)
def test_plans_are_understood_and_mistakes_reported(checker: str, file: str) -> None:
    why = missing(checker)
    if why and not os.environ.get("CI"):
        pytest.skip(f"{checker} does not start here: {why[-300:]}")

    done = subprocess.run(
        [*CHECKERS[checker], str(HERE / file)],
        cwd=HERE.parents[1], capture_output=True, text=True, timeout=120,
    )  # fmt: skip

    assert done.returncode == 0, done.stdout + done.stderr
