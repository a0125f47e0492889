"""The code of a plan as it is now: which files of its project travel, by content.

In a git repository: what git tracks or would track, as it is in the folder. Elsewhere: every file that .gitignore files
do not name. .xpmignore files, in the same language, leave more at home in both. Folders of results (which hold ``.xpm``),
caches and environments never travel, nor does what a link finds outside the project; files that look like keys are refused,
and so is a project too big to be code.
"""

import hashlib
import logging
import os
import re
import stat
import subprocess
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from xpm.connectors.base import Snapshot
from xpm.errors import PlanProblem
from xpm.sync.ignoring import ALWAYS, Rule, is_ignored, parse
from xpm.sync.secrets import looks_like_a_key

MARKS = ("pyproject.toml", "setup.py", "setup.cfg", ".git", ".xpmignore")
MOST_BYTES = 200 * 1024 * 1024
MOST_FILES = 5000

log = logging.getLogger(__name__)

Files = Mapping[str, tuple[str, int, str]]
_hashes: dict[tuple[str, int, int, int], tuple[str, str | None]] = {}
"""What is known of contents, by path, size, mtime and inode: owned by this module, for this process only."""


@dataclass(frozen=True, slots=True)
class Limits:
    """How big a project may be."""

    bytes: int = MOST_BYTES
    files: int = MOST_FILES


def project_of(script: Path) -> Path:
    """The project a script belongs to: the nearest folder above it that says so, else its own folder."""
    folder = script.absolute().parent
    for each in (folder, *folder.parents):
        if each in (Path.home(), Path("/")) and each != folder:
            break  # a dotfiles repository is no project
        if any((each / mark).exists() for mark in MARKS):
            return each
    return folder


def take(project: Path, limits: Limits | None = None, ours: Sequence[Path] = ()) -> Snapshot:
    """The project as it is now.

    Args:
        project: its folder.
        limits: how big it may be.
        ours: folders where we write ourselves; they stay at home.

    Raises:
        PlanProblem: it holds a file that looks like a key, or too much; says what to do.
    """
    root = project.absolute()
    limits = limits or Limits()
    sources, left = _sources(root, 4 * limits.files, _rules_for(root, ours))
    if left:
        log.warning("left at home: %s", "; ".join(left[:5]) + ("; ..." if len(left) > 5 else ""))
    _check_size(root, {path: each.stat().st_size for path, each in sources.items()}, limits)
    files: dict[str, tuple[str, int, str]] = {}
    keys = []
    for path, source in sorted(sources.items()):
        sha, reason = _content(path, source)
        mode = 0o755 if source.stat().st_mode & stat.S_IXUSR else 0o644
        files[path] = (sha, mode, str(source))
        if reason:
            keys.append(f"{path} ({reason})")
    if keys:
        raise PlanProblem(
            "files that look like keys would travel with the code",
            on=str(root),
            cause=", ".join(keys[:5]) + (", ..." if len(keys) > 5 else ""),
            hint=f"move them, or name them in {root / '.xpmignore'} (one pattern a line, as in .gitignore)",
        )
    return Snapshot(identity(files), files)


def _rules_for(root: Path, ours: Sequence[Path]) -> tuple[Rule, ...]:
    """Rules that leave these folders at home."""
    found = (Path(os.path.realpath(each)) for each in ours)
    inner = [each for each in found if each.is_relative_to(root.resolve())]
    names = (each.relative_to(root.resolve()).as_posix() for each in inner)
    return tuple(Rule("", re.compile(re.escape(name)), False, True) for name in names)


def _sources(root: Path, most: int, rules: tuple[Rule, ...]) -> tuple[dict[str, Path], list[str]]:
    """The files that travel, at most so many, and what was left, in words."""
    real = root.resolve()
    sources: dict[str, Path] = {}
    left = []
    for path in _candidates(root, rules):
        source = root / path
        reason = _obstacle(source, real)
        if reason:
            left.append(f"{path!a} ({reason})")
        elif reason is None:
            sources[path] = source
        if len(sources) > most:
            break
    return sources, left


def identity(files: Files) -> str:
    """The name of a tree, by names, contents and modes."""
    digest = hashlib.sha256()
    for path, (sha, mode, _) in sorted(files.items()):
        digest.update(f"{path}\0{sha}\0{mode:o}\n".encode())
    return digest.hexdigest()


def _candidates(root: Path, ours: tuple[Rule, ...]) -> Iterator[str]:
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


def _obstacle(source: Path, root: Path) -> str | None:
    """Why a file cannot travel; "" when there is nothing to tell, None when it can."""
    try:
        str(source).encode("utf-8")
        if not stat.S_ISREG(source.stat().st_mode):
            return ""
    except UnicodeEncodeError:
        return "its name is not UTF-8"
    except OSError:  # deleted but tracked, or a broken link
        return ""
    target = source.resolve()
    return None if target.is_relative_to(root) else f"a link out of the project, to {target}"


def _content(path: str, source: Path) -> tuple[str, str | None]:
    """A file's sha256, and why it looks like a key."""
    status = source.stat()
    key = (str(source), status.st_size, status.st_mtime_ns, status.st_ino)
    if key not in _hashes:
        raw = source.read_bytes()
        _hashes[key] = (hashlib.sha256(raw).hexdigest(), looks_like_a_key(path, raw))
    return _hashes[key]


def _check_size(root: Path, sizes: Mapping[str, int], limits: Limits) -> None:
    total = sum(sizes.values())
    if total <= limits.bytes and len(sizes) <= limits.files:
        return
    largest = sorted(sizes.items(), key=lambda each: -each[1])[:5]
    listed = ", ".join(f"{path} ({size / 1e6:.1f} MB)" for path, size in largest)
    raise PlanProblem(
        "the project is too big to travel as code",
        on=str(root),
        cause=f"{len(sizes)} files, {total / 1e6:.0f} MB (at most {limits.files} and "
        f"{limits.bytes / 1e6:.0f} MB); the largest: {listed}",
        hint=f"name data and results in {root / '.xpmignore'}",
    )
