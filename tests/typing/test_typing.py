"""Type checkers understand plans with no plugin."""

import subprocess
import sys
from pathlib import Path

import pytest

HERE = Path(__file__).parent
CHECKERS = {
    "mypy": [sys.executable, "-m", "mypy", "--strict"],
    "pyright": [sys.executable, "-m", "pyright"],
}


@pytest.mark.host
@pytest.mark.parametrize("checker", CHECKERS)
@pytest.mark.parametrize("file", ["accepted.py", "refused.py"])
def test_plans_are_understood_and_mistakes_reported(checker: str, file: str) -> None:
    done = subprocess.run(
        [*CHECKERS[checker], str(HERE / file)],
        cwd=HERE.parents[1], capture_output=True, text=True, timeout=120,
    )  # fmt: skip

    assert done.returncode == 0, done.stdout + done.stderr
