"""The code of a plan as it is now: which files of its project travel, by content.

In a git repository: what git tracks or would track, as it is in the folder. Elsewhere: every file that .gitignore files
do not name. .xpmignore files, in the same language, leave more at home in both. Folders of results (which hold ``.xpm``),
caches and environments never travel, nor does what a link finds outside the project; files that look like keys are refused,
and so is a project too big to be code. Folders beside the project that its Python imports from travel with it.
"""

import hashlib
import logging
import stat
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path

from xpm.connectors.base import Snapshot
from xpm.errors import PlanProblem
from xpm.sync import candidates, sizes
from xpm.sync.candidates import Status
from xpm.sync.contents import Contents
from xpm.sync.sizes import Limits

MARKS = ("pyproject.toml", "setup.py", "setup.cfg", ".git", ".xpmignore")

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
    contents: Contents | None = None,
) -> Snapshot:
    """The project as it is now.

    Args:
        project: its folder.
        limits: how big it may be.
        ours: folders where we write ourselves; they stay at home.
        beside: folders elsewhere that travel too, by where they go in the tree.
        contents: what is known of contents since earlier.

    Raises:
        PlanProblem: it holds a file that looks like a key, or too much; says what to do.
    """
    root = project.absolute()
    limits = limits or Limits()
    contents = contents or Contents(root)
    roots = {"": root, **{name: path.absolute() for name, path in (beside or {}).items()}}
    found: dict[str, tuple[str, Status]] = {}
    left: list[str] = []
    for name, folder in roots.items():
        more, stays = candidates.sources(folder, 4 * limits.files, ours, limits.exclude)
        found.update({f"{name}/{path}" if name else path: each for path, each in more.items()})
        left += [f"{name}/{each}" if name else each for each in stays]
    left += _clashes(found)
    if left:
        log.warning("left at home: %s", "; ".join(left[:5]) + ("; ..." if len(left) > 5 else ""))
    sizes.check(
        root, {path: status.st_size for path, (_, status) in found.items()}, limits, contents.is_new
    )
    files: dict[str, tuple[str, int, str]] = {}
    keys: list[tuple[str, str]] = []
    for path, (source, status) in sorted(found.items()):
        known = contents.of(path, source, status)
        if known is None:
            continue  # removed meanwhile
        files[path] = (known[0], 0o755 if status.st_mode & stat.S_IXUSR else 0o644, source)
        if known[1]:
            keys.append((path, known[1]))
    contents.save()
    _refuse_keys(roots, keys)
    return Snapshot(identity(files), files)


def identity(files: Files) -> str:
    """The name of a tree, by names, contents and modes."""
    digest = hashlib.sha256()
    for path, (sha, mode, _) in sorted(files.items()):
        digest.update(f"{path}\0{sha}\0{mode:o}\n".encode())
    return digest.hexdigest()


def _clashes(found: dict[str, tuple[str, Status]]) -> list[str]:
    """Takes out those whose names differ only in case from an earlier one's, when both are the same file here."""
    counts = Counter(path.casefold() for path in found)
    if len(counts) == len(found):
        return []
    first: dict[str, str] = {}
    left: list[str] = []
    for path in sorted(found):
        other = first.setdefault(path.casefold(), path)
        if other == path:
            continue
        if found[other][1].st_ino == found[path][1].st_ino:
            del found[path]  # git tracks both, this disk has one
            left.append(f"{path!a} (this disk takes it for {other!a})")
        else:
            log.warning("%s and %s differ only in case: not every disk keeps both", other, path)
    return left


def _refuse_keys(roots: Mapping[str, Path], keys: Sequence[tuple[str, str]]) -> None:
    told: list[str] = []
    folders: list[Path] = []
    for path, reason in keys:
        name = next((n for n in roots if n and path.startswith(f"{n}/")), "")
        if not candidates.brings_back(roots[name], path[len(name) + 1 :] if name else path):
            told.append(f"{path} ({reason})")
            folders.append(roots[name])
    if told:
        raise PlanProblem(
            "files that look like keys would travel with the code",
            on=str(folders[0]),
            cause=", ".join(told[:5]) + (", ..." if len(told) > 5 else ""),
            hint=f"move them, or name them in {folders[0] / '.xpmignore'} (one pattern a line, as in"
            f" .gitignore); what is no secret may travel: !{keys[0][0].rpartition('/')[2]}",
        )
