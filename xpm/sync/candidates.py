"""Which files of a project may travel: what git tracks or would track, else all; less what ignore files name."""

import os
import subprocess
from collections.abc import Iterable, Iterator
from pathlib import Path

from xpm.sync.ignoring import ALWAYS, Rule, is_ignored, parse


def candidates(root: Path, ours: tuple[Rule, ...]) -> Iterator[str]:
    """The relative paths that the ignore rules let go; links to folders are entered when they stay inside."""
    tracked = _ask_git(root)
    if tracked is None:
        yield from _walk(root, root, "", (".gitignore", ".xpmignore"), ours, set())
        return
    rules = _Rules(root, ours)
    for path in sorted(tracked):
        if rules.lets_go(path):
            if (root / path).is_symlink() and (root / path).is_dir():
                yield from _walk(root / path, root, path, (".xpmignore",), (), set())
            else:
                yield path


class _Rules:
    """The rules that hold whatever git says, remembered by folder."""

    def __init__(self, root: Path, ours: tuple[Rule, ...]) -> None:
        self._root = root
        self._folders: dict[str, tuple[bool, tuple[Rule, ...]]] = {
            "": (True, (*ours, *_read(root, "", _OURS)))
        }

    def lets_go(self, path: str) -> bool:
        """Whether a file may travel."""
        travels, rules = self._folder(path.rpartition("/")[0])
        name = path.rpartition("/")[2]
        return travels and name not in ALWAYS and not is_ignored(path, False, rules)

    def _folder(self, path: str) -> tuple[bool, tuple[Rule, ...]]:
        if path not in self._folders:
            travels, rules = self._folder(path.rpartition("/")[0])
            travels = travels and _is_ours(self._root / path, path, rules)
            self._folders[path] = (travels, (*rules, *_read(self._root / path, path, _OURS)))
        return self._folders[path]


_OURS = (".xpmignore",)


def _is_ours(folder: Path, path: str, rules: tuple[Rule, ...]) -> bool:
    """Whether a folder's files may travel."""
    if folder.name in ALWAYS or (folder / ".xpm").is_dir() or (folder / "pyvenv.cfg").is_file():
        return False
    if path in ("jobs", "xp") and (folder.parent / ".xpm").is_dir():
        return False  # the project folder is a main folder too
    return not is_ignored(path, True, rules)


def _read(folder: Path, path: str, names: Iterable[str]) -> tuple[Rule, ...]:
    rules: list[Rule] = []
    for name in names:
        try:
            rules += parse((folder / name).read_text("utf-8", "replace"), path)
        except OSError:
            continue
    return tuple(rules)


def _walk(
    folder: Path,
    root: Path,
    prefix: str,
    names: tuple[str, ...],
    rules: tuple[Rule, ...],
    above: set[Path],
) -> Iterator[str]:
    """Every file below a folder that no rule keeps at home; ``above`` are the real folders on the way."""
    real = folder.resolve()
    if real in above or not real.is_relative_to(root.resolve()):
        return
    rules = (*rules, *_read(folder, prefix, names))
    with os.scandir(folder) as scan:
        entries = sorted(scan, key=lambda each: each.name)
    for entry in entries:
        path = f"{prefix}/{entry.name}" if prefix else entry.name
        if entry.is_dir():
            if _is_ours(Path(entry.path), path, rules):
                yield from _walk(Path(entry.path), root, path, names, rules, above | {real})
        elif entry.name not in ALWAYS and not is_ignored(path, False, rules):
            yield path


def _ask_git(root: Path) -> list[str] | None:
    """What git tracks or would track below a folder; None when it is no work tree, or there is no git."""
    argv = ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"]
    environment = {key: value for key, value in os.environ.items() if not key.startswith("GIT_")}
    try:
        done = subprocess.run(
            argv, cwd=root, env=environment, capture_output=True, stdin=subprocess.DEVNULL
        )
    except OSError:
        return None
    if done.returncode:
        return None
    names = {os.fsdecode(raw) for raw in done.stdout.split(b"\0") if raw}
    paths = {name.rstrip("/") for name in names}
    found = sorted(paths)
    for path in [
        each for each in found if (root / each).is_dir() and not (root / each).is_symlink()
    ]:
        found.remove(path)  # a repository within: git tells its folder only
        found += [f"{path}/{inner}" for inner in _ask_git(root / path) or ()]
    return found
