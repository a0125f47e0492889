"""The code of a run: the plan's project folder, as it is when the first job is submitted."""

import os
import sys
from collections.abc import Sequence
from pathlib import Path

from xpm.connectors.base import Snapshot
from xpm.plan.locate import main_script


class Code:
    """Takes the snapshot once, when it is first needed."""

    def __init__(self) -> None:
        self._snapshot: Snapshot | None = None
        self._content: dict[str, object] = {}

    @property
    def snapshot(self) -> Snapshot:
        """The project's files."""
        if self._snapshot is None:
            self._take()
        assert self._snapshot is not None
        return self._snapshot

    @property
    def content(self) -> dict[str, object]:
        """The ``code`` of a queue entry."""
        if self._snapshot is None:
            self._take()
        return self._content

    def _take(self) -> None:
        from xpm.sync.snapshot import project_of, take

        script = plan_script()
        project = project_of(script or Path.cwd() / "plan.py")
        self._snapshot = take(project)
        self._content = {
            "snapshot": self._snapshot.id,
            "script": _below(script, project) if script else None,
            "path": import_path(script, project, sys.path),
            "argv": sys.argv[1:],
        }


def plan_script() -> Path | None:
    """The script that Python runs; None when it is a part of Python (pytest, a shell)."""
    script = main_script()
    if script is None:
        return None
    script = Path(os.path.realpath(script))
    prefixes = {os.path.realpath(sys.prefix), os.path.realpath(sys.base_prefix)}
    return None if any(script.is_relative_to(each) for each in prefixes) else script


def import_path(script: Path | None, project: Path, path: Sequence[str]) -> list[str]:
    """The folders of sys.path that lie in the project, relative to it; the script's own first."""
    found = [_below(script.parent, project)] if script else []
    inner = {os.path.realpath(sys.prefix), os.path.realpath(sys.base_prefix)}
    for each in path:
        folder = Path(os.path.realpath(each or "."))
        if any(folder.is_relative_to(prefix) for prefix in inner) or not folder.is_dir():
            continue
        below = _below(folder, project)
        if below is not None:
            found.append(below)
    return list(dict.fromkeys(each for each in found if each is not None)) or ["."]


def _below(path: Path, project: Path) -> str | None:
    root = Path(os.path.realpath(project))
    return path.relative_to(root).as_posix() if path.is_relative_to(root) else None
