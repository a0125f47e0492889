"""Wheels for another machine, fetched here: for clusters without internet."""

import hashlib
import importlib.util
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from xpm.agent import troubles
from xpm.errors import PlanProblem
from xpm.sync import caches
from xpm.sync.locks import Requirements

PLATFORMS = (
    "manylinux_2_28_x86_64", "manylinux_2_17_x86_64", "manylinux2014_x86_64", "manylinux2010_x86_64",
    "manylinux1_x86_64", "linux_x86_64",
)  # fmt: skip
"""What runs on clusters of today; the profile says otherwise (platform:)."""
LINES = 6


def fetch(
    wanted: Requirements, series: str, platforms: Sequence[str], index: str | None, cache: Path
) -> list[Path]:
    """The wheels of these requirements for a Python (``3.12``) on these platforms; fetched once.

    Raises:
        PlanProblem: some are not to be had; says what pip said.
    """
    platforms = platforms or PLATFORMS
    said = "\0".join([wanted.text, series, index or "", *platforms])
    folder = cache / hashlib.sha256(said.encode()).hexdigest()[:32]
    caches.used(folder)
    if not folder.is_dir():
        cache.mkdir(parents=True, exist_ok=True)
        beside = Path(tempfile.mkdtemp(prefix="~", dir=cache))
        try:
            _download(wanted, series, platforms, index, beside)
            beside.chmod(0o755)
            beside.rename(folder)
        except OSError:
            if not folder.is_dir():  # else another process was faster
                raise
        finally:
            shutil.rmtree(beside, ignore_errors=True)
    return sorted(folder.glob("*.whl"))


def _download(
    wanted: Requirements, series: str, platforms: Sequence[str], index: str | None, folder: Path
) -> None:
    requirements = folder / "requirements.txt"
    requirements.write_text(wanted.text, "utf-8")
    argv = [
        *_pip(), "download", "--quiet", "--disable-pip-version-check", "--no-input", "--only-binary=:all:",
        f"--python-version={series}", "--implementation=cp", f"--dest={folder}",
        *(f"--platform={each}" for each in platforms),
        f"--log={folder / 'pip.log'}",
        *(["--no-deps"] if wanted.complete else []),
        *(["--require-hashes"] if wanted.hashes else []),
        *([f"--index-url={index}"] if index else []),
        "-r", str(requirements),
    ]  # fmt: skip
    done = subprocess.run(argv, capture_output=True, text=True, stdin=subprocess.DEVNULL)
    requirements.unlink()
    log = folder / "pip.log"
    unfetched = troubles.unfetched(str(log))
    log.unlink(missing_ok=True)
    if done.returncode:
        lines = [*unfetched, *done.stderr.strip().splitlines()[-LINES:]]
        may_heal = troubles.found("\n".join(lines))
        raise PlanProblem(
            f"the wheels for Python {series} cannot be fetched",
            on=", ".join(platforms),
            cause="\n".join(lines),
            hint=f"{may_heal}: run it again when that is over"
            if may_heal
            else "a package without wheels there needs `build: login` or `build: job`;"
            " other platforms are named in the profile (platform:)",
        )


def _pip() -> list[str]:
    if importlib.util.find_spec("pip") is not None:
        return [sys.executable, "-m", "pip"]
    uv = shutil.which("uv")
    if uv is not None:
        return [uv, "tool", "run", "pip"]
    raise PlanProblem(
        "wheels cannot be fetched here: this Python has no pip",
        on=sys.executable,
        hint="`python -m ensurepip`, or install uv",
    )
