"""What to do so that a local folder mirrors a job's folder of the far side: a pure comparison.

Files are compared by size and modification time, which a mirror copies. Logs and the like only grow, so their new end is
all that is needed; of another file that changed, blocks that are here already do not travel (xpm/sync/blocks.py). Ledger
entries (xpm/wire/ledger.py) are kept apart: they are written when all else has arrived, so that a final one here means
that nothing lacks. What is here and not there stays.
"""

import bisect
import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import NamedTuple

from xpm.connectors.base import JobRef
from xpm.sync import names
from xpm.sync.rules import EVERYTHING, Choice
from xpm.wire import ledger

PROGRESS = f"{ledger.FOLDER}/{ledger.PROGRESS}"


class File(NamedTuple):
    """A file as a manifest or a folder has it; there may be very many."""

    size: int
    mtime_ns: int
    executable: bool = False


@dataclass(frozen=True, slots=True)
class Local:
    """What is in the local folder; ``partials`` are the sizes of pieces that arrived before a cut."""

    files: Mapping[str, File] = field(default_factory=dict)
    links: Mapping[str, str] = field(default_factory=dict)
    partials: Mapping[str, int] = field(default_factory=dict)
    folds: bool = False
    """Whether names that differ only in case are one here (macOS, some mounts)."""
    is_brought: Callable[[str, File], bool] = lambda path, file: True
    """Whether a file is as it was when it came."""


@dataclass(frozen=True, slots=True)
class Pull:
    """A file to get, from an offset on."""

    path: str
    file: File
    offset: int
    grows: bool
    """Whether its bytes go at the end of the local file at once."""
    may_grow: bool = False
    """Whether it may have grown there, by now, beyond what is to come."""
    older: File | None = None
    """The other version that is here."""
    same: tuple[tuple[int, int], ...] = ()
    """The ranges of bytes, in order, that the version here has already."""

    @property
    def partial(self) -> str:
        """The name of its unfinished copy; another version of the file has another."""
        key = f"{self.path}\n{self.file.size}\n{self.file.mtime_ns}"
        return hashlib.sha256(key.encode("utf-8")).hexdigest()[:32]


@dataclass(frozen=True, slots=True)
class Delta:
    """Everything to do, in order: pulls, links, records."""

    pulls: Sequence[Pull]
    links: Sequence[tuple[str, str]]
    records: Sequence[Pull]
    problems: Sequence[str]
    staying: Mapping[str, tuple[int, str]] = field(default_factory=dict)
    """Files that stay there, by rule, with their size and the reason."""
    half: frozenset[str] = frozenset()
    """The unfinished copies of such files: somebody may go on with them."""


def delta(
    ref: JobRef,
    manifest: Mapping[str, object],
    local: Local,
    workspace: str,
    choice: Choice = EVERYTHING,
) -> Delta:
    """What brings the chosen files of the local folder to the manifest's state. The manifest may hold anything."""
    problems = [names.shown(each) for each in _rows(manifest.get("problems"))]
    files = _files(manifest, problems, local.folds)
    why = choice.staying({path: file.size for path, file in files.items()})
    staying = {
        path: (files[path].size, reason)
        for path, reason in why.items()
        if not _is_same(local.files.get(path), files[path])  # it came earlier
    }
    records, pulls = [], []
    for path, file in files.items():
        slot = _slot(path)
        if slot is not None:
            if path not in local.files:
                records.append((slot, Pull(path, file, 0, grows=False)))
        elif path not in why and (not path.startswith(f"{names.OWN}/") or path == PROGRESS):
            pulls += _pull(path, file, local, choice)
    links = _links(ref, manifest, files, local, workspace, problems)
    half = frozenset(Pull(path, files[path], 0, grows=False).partial for path in staying)
    return Delta(
        pulls, links, [pull for _, pull in sorted(records)], problems, staying,
        half & local.partials.keys(),
    )  # fmt: skip


def _is_same(here: File | None, there: File) -> bool:
    return here is not None and (here.size, here.mtime_ns) == (there.size, there.mtime_ns)


def slot_of(path: str) -> ledger.Slot | None:
    """The ledger slot a path of a job's folder stands for."""
    return _slot(path)


def _slot(path: str) -> ledger.Slot | None:
    folder, _, name = path.rpartition("/")
    return ledger.parse_name(name) if folder == ledger.FOLDER else None


def _pull(path: str, file: File, local: Local, choice: Choice) -> list[Pull]:
    here = local.files.get(path)
    if _is_same(here, file):
        return []
    grows = choice.grows(path)
    if grows and here is None:
        return [Pull(path, file, 0, grows=True)]
    if grows and here is not None and here.size <= file.size and local.is_brought(path, here):
        return [Pull(path, file, here.size, grows=True)] if here.size < file.size else []
    pull = Pull(path, file, 0, grows=False, may_grow=grows, older=here)
    arrived = local.partials.get(pull.partial, 0)
    return [replace(pull, offset=arrived if arrived <= file.size else 0)]


def _files(manifest: Mapping[str, object], problems: list[str], folds: bool) -> dict[str, File]:
    found: dict[str, File] = {}
    for row in _rows(manifest.get("files")):
        path, file = _file(row)
        reason = names.refusal(path)
        if reason or file is None:
            problems.append(f"{names.shown(path)}: {reason or 'no sizes'}")
        elif path not in found:
            found[path] = file
    for path in [path for path in sorted(found) if "/" in path]:
        if any(parent in found for parent in _parents(path)):
            problems.append(f"{names.shown(path)}: below a file")
            del found[path]
    return _apart(found, problems) if folds else found


def _apart(found: dict[str, File], problems: list[str]) -> dict[str, File]:
    """Without files whose names this disk does not tell from another's: one would take the place of the other."""
    kept: dict[str, str] = {}
    for path in sorted(found):
        first = kept.setdefault(names.folded(path), path)
        if first != path:
            problems.append(
                f"{names.shown(path)}: this disk does not tell it from {names.shown(first)}"
            )
            del found[path]
    return found


def _file(row: object) -> tuple[str, File | None]:
    if not isinstance(row, list) or len(row) != 4 or not isinstance(row[0], str):
        return names.shown(row), None
    path, *numbers = row
    if not all(type(n) is int and 0 <= n < 2**63 for n in numbers):
        return path, None
    size, mtime_ns, mode = numbers
    return path, File(size, mtime_ns, bool(mode & 0o100))


def _links(
    ref: JobRef,
    manifest: Mapping[str, object],
    files: Mapping[str, File],
    local: Local,
    workspace: str,
    problems: list[str],
) -> list[tuple[str, str]]:
    wanted: dict[str, str] = {}
    rows = _rows(manifest.get("links"))
    ordered = sorted(files) if rows else []
    for row in rows:
        path, target = row if isinstance(row, list) and len(row) == 2 else (row, None)
        reason = names.refusal(path)
        if reason or not isinstance(path, str):
            problems.append(f"{names.shown(path)}: {reason}")
            continue
        here = names.local_target(ref.task, ref.job, path, target, workspace)
        if path.split("/")[0] == names.OWN or _is_taken(path, files, ordered):
            problems.append(f"{names.shown(path)}: a link in the way of a file")
        elif here is None:
            problems.append(
                f"{names.shown(path)}: a link out of the jobs, to {names.shown(target)}"
            )
        else:
            wanted.setdefault(path, here)
    inner = [path for path in wanted if any(parent in wanted for parent in _parents(path))]
    problems += [f"{names.shown(path)}: below a link" for path in inner]
    return [
        (path, target)
        for path, target in sorted(wanted.items())
        if path not in inner and local.links.get(path) != target
    ]


def _is_taken(path: str, files: Mapping[str, File], ordered: Sequence[str]) -> bool:
    """Whether a file has this name, or lies below it."""
    at = bisect.bisect_left(ordered, f"{path}/")
    return path in files or (at < len(ordered) and ordered[at].startswith(f"{path}/"))


def _parents(path: str) -> list[str]:
    parts = path.split("/")
    return ["/".join(parts[:count]) for count in range(1, len(parts))]


def _rows(value: object) -> list[object]:
    return value if isinstance(value, list) else []
