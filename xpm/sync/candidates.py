"""Which files of a folder may travel as code: git's word, or the ignore files'."""

import os
import re
import stat
import subprocess
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from xpm.sync.ignoring import ALWAYS, Rule, is_ignored, parse

OURS = (".xpmignore",)

Status = os.stat_result


def sources(
    root: Path, most: int, ours: Sequence[Path], exclude: Sequence[str] = ()
) -> tuple[dict[str, tuple[str, Status]], list[str]]:
    """The files that travel by relative path, each with its own and what it is, and what was left, in words.

    Args:
        root: the folder, absolute.
        most: so many are enough.
        ours: folders that stay at home.
        exclude: patterns of what stays too.
    """
    rules = (*parse("\n".join(exclude), ""), *_rules_for(root, ours))
    inside = _Inside(root)
    found: dict[str, tuple[str, Status]] = {}
    left: list[str] = []
    for path, known in _candidates(root, rules, left):
        source = f"{root}/{path}"
        status = inside.status(path, source, known)
        if not isinstance(status, str):
            found[path] = (source, status)
        elif status:
            left.append(f"{path!a} ({status})")
        if len(found) > most:
            break
    return found, left


def brings_back(root: Path, path: str) -> bool:
    """Whether an .xpmignore file says of a file that it travels, whatever it looks like (``!server.pem``)."""
    rules: list[Rule] = []
    folder = ""
    for part in ["", *path.split("/")[:-1]]:
        folder = f"{folder}/{part}".strip("/")
        rules += _read(root / folder, folder, OURS)
    return any(rule.keeps for rule in rules if _names(rule, path))


def _names(rule: Rule, path: str) -> bool:
    prefix = f"{rule.base}/" if rule.base else ""
    return path.startswith(prefix) and bool(rule.pattern.fullmatch(path[len(prefix) :]))


class _Inside:
    """What files are, and whether links lead them out of the folder; remembered by folder."""

    def __init__(self, root: Path) -> None:
        self._root = os.path.realpath(root)
        self._folders: dict[str, bool] = {}

    def status(self, path: str, source: str, known: Status | None) -> "Status | str":
        """What a file is; why it cannot travel, "" when there is nothing to tell."""
        try:
            path.encode("utf-8")
            status = known or os.lstat(source)
            is_link = stat.S_ISLNK(status.st_mode)
            if is_link:
                status = Path(source).stat()
        except UnicodeEncodeError:
            return "its name is not UTF-8"
        except OSError:  # deleted but tracked, or a broken link
            return ""
        if not stat.S_ISREG(status.st_mode):
            return ""
        if is_link or not self._holds(source.rpartition("/")[0]):
            target = os.path.realpath(source)
            if not self._is_below(target):
                return f"a link out of the project, to {target}"
        return status

    def _holds(self, folder: str) -> bool:
        if folder not in self._folders:
            self._folders[folder] = self._is_below(os.path.realpath(folder))
        return self._folders[folder]

    def _is_below(self, target: str) -> bool:
        return target == self._root or target.startswith(self._root.rstrip("/") + "/")


def _rules_for(root: Path, ours: Sequence[Path]) -> tuple[Rule, ...]:
    """Rules that leave these folders at home."""
    found = (Path(os.path.realpath(each)) for each in ours)
    inner = [each for each in found if each.is_relative_to(root.resolve())]
    names = (each.relative_to(root.resolve()).as_posix() for each in inner)
    return tuple(Rule("", re.compile(re.escape(name)), False, True) for name in names)


def _candidates(
    root: Path, ours: tuple[Rule, ...], left: list[str]
) -> Iterator[tuple[str, Status | None]]:
    """The relative paths that the ignore rules let go, and what they are; links to folders are entered when they stay inside."""
    tracked = _ask_git(root)
    if tracked is None:
        for path in _walk(root, root, "", (".gitignore", ".xpmignore"), ours, set()):
            yield path, None
        return
    rules = _Rules(root, ours)
    pending = sorted(tracked, reverse=True)
    while pending:
        path = pending.pop()
        source = f"{root}/{path}"
        try:
            status = os.lstat(source)
        except OSError:  # deleted but tracked
            continue
        if stat.S_ISDIR(status.st_mode):
            pending += [f"{path}/{each}" for each in _repository(root, path, left)]
        elif rules.lets_go(path):
            if stat.S_ISLNK(status.st_mode) and Path(source).is_dir():
                for each in _walk(root / path, root, path, OURS, (), set()):
                    yield each, None
            else:
                yield path, status


def _repository(root: Path, path: str, left: list[str]) -> list[str]:
    """What travels of a repository within, or a submodule: git tells its folder only."""
    if any((root / path).iterdir()):
        return sorted(_ask_git(root / path) or (), reverse=True)
    left.append(f"{path!a} (a submodule that is not there: `git submodule update --init`)")
    return []


class _Rules:
    """The rules that hold whatever git says, remembered by folder."""

    def __init__(self, root: Path, ours: tuple[Rule, ...]) -> None:
        self._root = root
        self._folders: dict[str, tuple[bool, tuple[Rule, ...]]] = {
            "": (True, (*ours, *_read(root, "", OURS)))
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
            self._folders[path] = (travels, (*rules, *_read(self._root / path, path, OURS)))
        return self._folders[path]


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


def _ask_git(root: Path) -> set[str] | None:
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
    return {os.fsdecode(raw).rstrip("/") for raw in done.stdout.split(b"\0") if raw}
