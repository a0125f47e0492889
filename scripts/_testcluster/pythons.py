"""Which Pythons of this machine the nodes get."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

WANTED = ("3.6", "3.9", "3.10", "3.11", "3.12", "3.13")
SYSTEM_PREFIX = Path("/usr")


@dataclass(frozen=True, slots=True)
class Python:
    """An interpreter of this machine, found in the nodes under /opt/python/<series>."""

    series: str
    prefix: Path

    @property
    def home(self) -> str:
        """Its prefix in the nodes."""
        return f"/opt/python/{self.series}"

    @property
    def is_system(self) -> bool:
        """Say whether it is the distribution's own, which the nodes see through /usr anyway."""
        return self.prefix == SYSTEM_PREFIX


def discover() -> list[Python]:
    """List the Pythons for the nodes, oldest first: pyenv's, this one, the system's.

    The Python that runs this program always is among them, so that the packages installed for it
    can be used in the nodes.
    """
    found: dict[str, Python] = {}
    for python in [*_system(), *_pyenv(), _own()]:
        found[python.series] = python
    own = _own().series
    kept = [python for python in found.values() if python.series in WANTED or python.series == own]
    return sorted(kept or found.values(), key=lambda python: _key(python.series))


def default(pythons: Sequence[Python]) -> Python:
    """Pick the one that is `python3` in the nodes: 3.6 as on old clusters, else the system's."""
    for python in pythons:
        if python.series == "3.6":
            return python
    for python in pythons:
        if python.is_system:
            return python
    return pythons[0]


def _own() -> Python:
    return Python(f"{sys.version_info[0]}.{sys.version_info[1]}", Path(sys.base_prefix))


def _system() -> list[Python]:
    executable = SYSTEM_PREFIX / "bin/python3"
    if not executable.exists():
        return []
    program = "import json, sys; print(json.dumps(sys.version_info[:2]))"
    said = subprocess.run([executable, "-c", program], capture_output=True, text=True, check=False)
    if said.returncode:
        return []
    major, minor = json.loads(said.stdout)
    return [Python(f"{major}.{minor}", SYSTEM_PREFIX)]


def _pyenv() -> list[Python]:
    """List pyenv's interpreters; of one series the last, which is the newest, wins."""
    roots = [os.environ.get("PYENV_ROOT"), "~/.pyenv", "/opt/pyenv"]
    for root in roots:
        versions = Path(root).expanduser() / "versions" if root else None
        if versions and versions.is_dir():
            folders = [path for path in versions.iterdir() if _is_plain_version(path)]
            folders.sort(key=lambda path: _key(path.name))
            return [Python(_series(path.name), path.resolve()) for path in folders]
    return []


def _is_plain_version(path: Path) -> bool:
    series = _series(path.name)
    return path.name.replace(".", "").isdigit() and (path / f"bin/python{series}").exists()


def _series(version: str) -> str:
    return ".".join(version.split(".")[:2])


def _key(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in version.split("."))
