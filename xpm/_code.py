"""The code of a run: the plan's project folder, as it is when the first job is submitted."""

import ast
import itertools
import os
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from xpm.connectors.base import Snapshot
from xpm.follow.journal import state_home
from xpm.plan.locate import main_script

if TYPE_CHECKING:
    from xpm.sync.beside import Beside
    from xpm.sync.sizes import Limits


class Code:
    """Takes the snapshot once, when it is first needed.

    Args:
        limits: how big the project may be.
    """

    def __init__(self, limits: Callable[[], "Limits"]) -> None:
        from xpm.sync.snapshot import project_of

        self._script = plan_script()
        self._project = project_of(started_file() or Path.cwd() / "plan.py")
        self._limits = limits
        self.writes = True
        """Whether what is learned of the project may be kept for the next run."""
        self._beside: Sequence[Beside] | None = None
        self._snapshot: Snapshot | None = None
        self._content: dict[str, object] = {}
        self._made_for: tuple[str, list[str]] | None = None

    @property
    def project(self) -> Path:
        """The project folder, absolute."""
        return self._project

    @property
    def snapshot(self) -> Snapshot:
        """The project's files."""
        if self._snapshot is None:
            from xpm.sync.contents import Contents, cache_folder
            from xpm.sync.snapshot import take

            self._snapshot = take(
                self._project, self._limits(), [state_home(), cache_folder()],
                {each.name: each.root for each in self.beside if each.name},
                Contents(self._project, cache_folder(), keeps=self.writes),
            )  # fmt: skip
        return self._snapshot

    @property
    def beside(self) -> "Sequence[Beside]":
        """The folders that travel with it: what it imports and has as editable dependencies."""
        if self._beside is None:
            from xpm.sync import beside

            self._beside = beside.find(self._project)
        return self._beside

    @property
    def _folders_beside(self) -> list[str]:
        """Their folders that are imported from, relative to the tree."""
        real = Path(os.path.realpath(self._project))
        return [
            Path(each.name or each.root.relative_to(real), folder).as_posix()
            for each in self.beside
            for folder in each.folders
        ]

    @property
    def imports(self) -> list[tuple[str, str]]:
        """What the script imports at once that is neither Python's nor the project's, and where."""
        if self._script is None:
            return []
        folders = [self._project / each for each in import_path(self._script, self._project, [])]
        folders += [Path(each) for each in sys.path if Path(each).is_relative_to(self._project)]
        folders += [each.root / folder for each in self.beside for folder in each.folders]
        return third_party(self._script, folders)

    @property
    def content(self) -> dict[str, object]:
        """The ``code`` of a queue entry; made anew when the current folder or ``sys.path`` has changed."""
        circumstances = (str(Path.cwd()), list(sys.path))
        if circumstances != self._made_for:
            self._made_for = circumstances
            path = import_path(started_file(), self._project, sys.path)
            self._content = {
                "snapshot": self.snapshot.id,
                "script": _below(self._script, self._project) if self._script else None,
                "path": list(dict.fromkeys([*path, *self._folders_beside])),
                "argv": sys.argv[1:],
            }
        return self._content


def plan_script() -> Path | None:
    """The script that Python runs; None when it runs a module, or a part of Python (pytest, a shell)."""
    script = main_script()
    return started_file() if script is not None else None


def started_file() -> Path | None:
    """The file Python was started with, unless it is a part of Python."""
    file = getattr(sys.modules.get("__main__"), "__file__", None)
    if file is None:
        return None
    path = Path(os.path.realpath(file))
    prefixes = {os.path.realpath(sys.prefix), os.path.realpath(sys.base_prefix)}
    return None if any(path.is_relative_to(each) for each in prefixes) else path


def third_party(script: Path, folders: Sequence[Path]) -> list[tuple[str, str]]:
    """The top-level packages that a script imports before all else, and the line of each; not those of these folders.

    Only what it imports whatever happens counts: not within ``try`` or ``if``, nor behind the experiment.
    """
    try:
        body = ast.parse(script.read_bytes()).body
    except (OSError, SyntaxError, ValueError):
        return []
    found: dict[str, str] = {}
    for node in itertools.takewhile(lambda each: not isinstance(each, ast.With), body):
        names = [each.name for each in node.names] if isinstance(node, ast.Import) else []
        if isinstance(node, ast.ImportFrom) and not node.level and node.module:
            names = [node.module]
        for name in names:
            found.setdefault(name.partition(".")[0], f"{script.name}:{node.lineno}")
    known = {*sys.stdlib_module_names, "xpm"}
    return sorted(
        (name, where)
        for name, where in found.items()
        if name not in known and not any(_holds(folder, name) for folder in folders)
    )


def _holds(folder: Path, name: str) -> bool:
    return (folder / name).is_dir() or (folder / f"{name}.py").is_file()


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
