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
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path

from xpm.connectors.base import Snapshot
from xpm.errors import PlanProblem
from xpm.sync.candidates import candidates
from xpm.sync.hashes import Hashes
from xpm.sync.ignoring import Rule, parse
from xpm.sync.limits import Limits
from xpm.sync.secrets import looks_like_a_key

MARKS = ("pyproject.toml", "setup.py", "setup.cfg", ".git", ".xpmignore")
BESIDE = ".editable"
"""The folder of a snapshot that holds what is not in the project but installed from elsewhere, as it is there."""

log = logging.getLogger(__name__)

Files = Mapping[str, tuple[str, int, str]]


def project_of(script: Path) -> Path:
    """The project a script belongs to: the nearest folder above it that says so, else its own folder."""
    folder = script.absolute().parent
    for each in (folder, *folder.parents):
        if each in (Path.home(), Path("/")) and each != folder:
            break  # a dotfiles repository is no project
        if any((each / mark).exists() for mark in MARKS):
            return each
    return folder


def take(
    project: Path,
    limits: Limits | None = None,
    ours: Sequence[Path] = (),
    beside: Mapping[str, Path] | None = None,
    cache: Path | None = None,
) -> Snapshot:
    """The project as it is now.

    Args:
        project: its folder.
        limits: how big it may be, and what of it stays at home.
        ours: folders where we write ourselves; they stay at home.
        beside: folders elsewhere that belong to it, by their name below ``BESIDE``.
        cache: the folder of caches; without it every file is read.

    Raises:
        PlanProblem: it holds a file that looks like a key, or too much; says what to do.
    """
    root = project.absolute()
    limits = limits or Limits()
    found = _Found(limits)
    found.add(root, "", _rules_for(root, ours))
    for name, folder in sorted((beside or {}).items()):
        found.add(folder.absolute(), f"{BESIDE}/{name}/", _rules_for(folder.absolute(), ours))
    if found.left:
        listed = "; ".join(found.left[:5]) + ("; ..." if len(found.left) > 5 else "")
        log.warning("left at home: %s", listed)
    found.check_size(root)
    known = Hashes(root, cache) if cache is not None else None
    files: dict[str, tuple[str, int, str]] = {}
    keys = []
    for path, (source, status) in sorted(found.sources.items()):
        content = known.content if known is not None else read
        sha, reason = content(path, source, status)
        mode = 0o755 if status.st_mode & stat.S_IXUSR else 0o644
        files[path] = (sha, mode, str(source))
        if reason:
            keys.append(f"{path} ({reason})")
    if known is not None:
        known.save()
    if keys:
        raise PlanProblem(
            "files that look like keys would travel with the code",
            on=str(root),
            cause=", ".join(keys[:5]) + (", ..." if len(keys) > 5 else ""),
            hint=_hint_on_keys(root),
        )
    return Snapshot(identity(files), files)


def _hint_on_keys(root: Path) -> str:
    if root == Path.home():
        return "give the plan a folder of its own: your whole home would travel with it"
    return (
        f"move them, or name them in {root / '.xpmignore'} (one pattern a line, as in .gitignore)"
    )


class _Found:
    """The files that travel, with what is known of them, and what was left, in words."""

    def __init__(self, limits: Limits) -> None:
        self.sources: dict[str, tuple[Path, os.stat_result]] = {}
        self.left: list[str] = []
        self._limits = limits

    def add(self, root: Path, prefix: str, rules: tuple[Rule, ...]) -> None:
        """Take what travels of a folder."""
        excluded = tuple(parse("\n".join(self._limits.exclude), ""))
        real = _Real(root)
        for path in candidates(root, (*rules, *excluded)):
            found = real.look(path)
            if isinstance(found, str):
                if found:
                    self.left.append(f"{prefix + path!a} ({found})")
            elif self._limits.each is not None and found.st_size > self._limits.each:
                size, most = found.st_size / 1e6, self._limits.each / 1e6
                self.left.append(f"{prefix + path!a} ({size:.1f} MB, max_file is {most:.1f} MB)")
            else:
                self.sources[prefix + path] = (root / path, found)
            if len(self.sources) > 4 * self._limits.files:
                return

    def check_size(self, root: Path) -> None:
        """Refuse what is too big to be code.

        Raises:
            PlanProblem: it is.
        """
        limits = self._limits
        sizes = {path: status.st_size for path, (_, status) in self.sources.items()}
        total = sum(sizes.values())
        if total <= limits.bytes and len(sizes) <= limits.files:
            return
        if total > limits.bytes:
            largest = sorted(sizes.items(), key=lambda each: -each[1])[:5]
            listed = ", ".join(f"{path} ({size / 1e6:.1f} MB)" for path, size in largest)
        else:
            counts = Counter(path.rpartition("/")[0] or "." for path in sizes)
            listed = ", ".join(f"{name}/ ({count} files)" for name, count in counts.most_common(5))
        more = " or more" if len(sizes) > 4 * limits.files else ""
        raise PlanProblem(
            "the project is too big to travel as code",
            on=str(root),
            cause=f"{len(sizes)}{more} files, {total / 1e6:.0f} MB (at most {limits.files} and "
            f"{limits.bytes / 1e6:.0f} MB); the largest: {listed}",
            hint=f"name data and results in {root / '.xpmignore'}, or raise "
            "sync: {code: {max_files: ..., max_total: ...}} in the profile",
        )


def read(path: str, source: Path, status: os.stat_result) -> tuple[str, str | None]:
    """A file's sha256, and why it looks like a key."""
    raw = source.read_bytes()
    return hashlib.sha256(raw).hexdigest(), looks_like_a_key(path, raw)


def _rules_for(root: Path, ours: Sequence[Path]) -> tuple[Rule, ...]:
    """Rules that leave these folders at home."""
    found = (Path(os.path.realpath(each)) for each in ours)
    inner = [each for each in found if each.is_relative_to(root.resolve())]
    names = (each.relative_to(root.resolve()).as_posix() for each in inner)
    return tuple(Rule("", re.compile(re.escape(name)), False, True) for name in names)


def identity(files: Files) -> str:
    """The name of a tree, by names, contents and modes."""
    digest = hashlib.sha256()
    for path, (sha, mode, _) in sorted(files.items()):
        digest.update(f"{path}\0{sha}\0{mode:o}\n".encode())
    return digest.hexdigest()


class _Real:
    """What files below a folder really are: links are followed as long as they stay inside."""

    def __init__(self, root: Path) -> None:
        self._root = str(root)
        self._real = os.path.realpath(root)
        self._inside: dict[str, bool] = {}

    def look(self, path: str) -> os.stat_result | str:
        """What is known of a file, or why it cannot travel; "" when there is nothing to tell."""
        source = f"{self._root}/{path}"
        try:
            source.encode("utf-8")
            status = os.lstat(source)
            if stat.S_ISLNK(status.st_mode):
                target = os.path.realpath(source)
                status = Path(target).stat()
                if stat.S_ISREG(status.st_mode) and not self._is_inside(target):
                    return f"a link out of the project, to {target}"
            elif not self._is_folder_inside(path.rpartition("/")[0]):
                return f"a link out of the project, to {os.path.realpath(source)}"
        except UnicodeEncodeError:
            return "its name is not UTF-8"
        except OSError:  # deleted but tracked, or a broken link
            return ""
        return status if stat.S_ISREG(status.st_mode) else ""

    def _is_folder_inside(self, folder: str) -> bool:
        if folder not in self._inside:
            self._inside[folder] = self._is_inside(os.path.realpath(f"{self._root}/{folder}"))
        return self._inside[folder]

    def _is_inside(self, real: str) -> bool:
        return real == self._real or real.startswith(self._real.rstrip("/") + "/")
