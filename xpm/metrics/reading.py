"""The metrics of one job folder, in whatever files the task wrote them.

Read are, in the folder and at most three folders below it::

    metrics.json           one object, nested or not: its numbers, named by the keys on the way, joined by dots. A list of
                           numbers is a curve, and so is a list of objects, one per step.
    metrics.jsonl          one object per line, likewise one per step.
    metrics.csv            one column per metric, one row per step.
    events.out.tfevents.*  what TensorBoard reads: scalars only.

Steps are the column or key ``step``, ``global_step``, ``iteration`` or ``epoch``, the first that is there, or else the number
of the row. Files of one kind in several folders (``train/``, ``test/``) have the names of these folders before those of
their metrics. What cannot be read is left out: a task may be writing it. Of one metric in several files the first kind of the
list counts.
"""

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple

from xpm.metrics import events, text

Curve = list[tuple[float, float]]
"""Steps and values."""
Curves = dict[str, Curve]
DEPTH = 3
MOST_FOLDERS = 200
OWN = ".xpm"


class Found(NamedTuple):
    """A file with metrics, or a folder that may hold some, below a job's folder."""

    path: str
    """Relative; the job's folder itself is ""."""
    size: int
    """Bytes; -1 of a folder."""
    changed: int
    """When it was changed last, in nanoseconds."""


def scalars(folder: str | os.PathLike[str]) -> dict[str, float]:
    """The last value of each metric of a job."""
    return last_values(curves(folder))


def curves(folder: str | os.PathLike[str]) -> Curves:
    """Each metric of a job, step by step."""
    return read(Path(folder), survey(folder))


def last_values(found: Curves) -> dict[str, float]:
    """The last value of each curve."""
    return {name: curve[-1][1] for name, curve in found.items() if curve}


def survey(folder: str | os.PathLike[str]) -> list[Found]:
    """The files with metrics of a job, and the folders that were looked into."""
    found: list[Found] = []
    pending = [("", 0)]
    folders = 0
    while pending and folders < MOST_FOLDERS:
        inside, depth = pending.pop(0)
        folders += 1
        found += _listed(os.fspath(folder), inside, depth, pending)
    return found


def read(folder: Path, found: Sequence[Found]) -> Curves:
    """The metrics in these files."""
    whole: Curves = {}
    for kind in _KINDS:
        files = [each.path for each in found if each.size >= 0 and kind.has(_base(each.path))]
        prefixes = _prefixes(files)
        of_kind: Curves = {}
        for path in files:
            try:
                content = kind.read(folder / path)
            except (OSError, ValueError):
                continue  # gone, or being written
            for name, curve in content.items():
                of_kind.setdefault(prefixes[path] + name, []).extend(curve)
        for name, curve in of_kind.items():
            whole.setdefault(name, _in_order(curve))
    return whole


def _listed(
    folder: str, inside: str, depth: int, pending: list[tuple[str, int]]
) -> Iterator[Found]:
    """What of a folder counts; its subfolders are added to those pending."""
    path = f"{folder}/{inside}"
    try:
        yield Found(inside, -1, os.stat(path).st_mtime_ns)  # noqa: PTH116 (thousands of them)
        with os.scandir(path) as entries:
            listed = sorted(entries, key=lambda entry: entry.name)
    except OSError:
        return
    for entry in listed:
        name = f"{inside}/{entry.name}" if inside else entry.name
        if entry.is_dir(follow_symlinks=False):
            if depth < DEPTH and not (depth == 0 and entry.name == OWN):
                pending.append((name, depth + 1))
        elif any(kind.has(entry.name) for kind in _KINDS) and entry.is_file():
            status = entry.stat()
            yield Found(name, status.st_size, status.st_mtime_ns)


def _prefixes(files: Sequence[str]) -> Mapping[str, str]:
    """What the names of a file's metrics begin with: its folder, where there are several."""
    folders = {path: path.rpartition("/")[0] for path in files}
    if len(set(folders.values())) < 2:
        return dict.fromkeys(files, "")
    parts = [folder.split("/") if folder else [] for folder in folders.values()]
    common = next(
        (n for n, each in enumerate(zip(*parts, strict=False)) if len(set(each)) > 1),
        min(map(len, parts)),
    )
    shown = {path: "/".join(folder.split("/")[common:]) for path, folder in folders.items()}
    return {path: f"{name}/" if name else "" for path, name in shown.items()}


def _in_order(curve: Curve) -> Curve:
    """By step; of one step the last value: a task that began again wrote it twice."""
    if all(one[0] < other[0] for one, other in pairwise(curve)):
        return curve
    return sorted(dict(curve).items())


def _base(path: str) -> str:
    return path.rpartition("/")[2]


class _Kind(NamedTuple):
    has: Callable[[str], bool]
    read: Callable[[Path], Mapping[str, Curve]]


_KINDS = (
    _Kind("metrics.json".__eq__, text.of_json),
    _Kind("metrics.jsonl".__eq__, text.of_lines),
    _Kind("metrics.csv".__eq__, text.of_csv),
    _Kind(lambda name: ".tfevents." in name, events.curves),
)
