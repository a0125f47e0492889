"""How big a project may be to travel as code, and how that is told."""

import logging
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from xpm.errors import PlanProblem

log = logging.getLogger(__name__)
SHOWN = 5


@dataclass(frozen=True, slots=True)
class Limits:
    """How big a project may be; the profile says otherwise (``sync: {code: ...}``)."""

    bytes: int = 500_000_000
    files: int = 25_000
    each: int = 100_000_000
    """The largest file."""
    exclude: tuple[str, ...] = ()
    """Patterns of what stays at home besides."""
    many: int = 5_000
    """So many files are worth a word the first time."""
    much: int = 100_000_000


def check(root: Path, sizes: Mapping[str, int], limits: Limits, is_new: bool) -> None:
    """Refuse a project that is too big, and say of a big one what makes it so, the first time.

    Raises:
        PlanProblem: it is too big; with its largest files and folders, and what to do.
    """
    total = sum(sizes.values())
    hint = (
        f"name data and results in {root / '.xpmignore'} (one pattern a line, as in .gitignore);"
        " or raise the limit in the profile, as in sync: {code: {max_files: 100000, max_total: 2GB}}"
    )
    large = {path: size for path, size in sizes.items() if size > limits.each}
    if large:
        raise PlanProblem(
            "a file is too large to be code", on=str(root),
            cause=f"{_largest(large)} (at most {_mb(limits.each)})",
            hint=hint.replace("max_files: 100000", "max_file: 1GB"),
        )  # fmt: skip
    told = f"{len(sizes):,} files, {_mb(total)}"
    if total > limits.bytes or len(sizes) > limits.files:
        raise PlanProblem(
            "the project is too big to travel as code", on=str(root),
            cause=f"{told} (at most {limits.files:,} and {_mb(limits.bytes)});"
            f" the largest: {_largest(sizes)}; {_folders(sizes)}",
            hint=hint,
        )  # fmt: skip
    if is_new and (len(sizes) > limits.many or total > limits.much):
        log.warning(
            "the project is big for code: %s; the largest: %s; %s; what jobs do not need may stay at home (%s)",
            told, _largest(sizes), _folders(sizes), root / ".xpmignore",
        )  # fmt: skip


def _largest(sizes: Mapping[str, int]) -> str:
    largest = sorted(sizes.items(), key=lambda each: (-each[1], each[0]))[:SHOWN]
    return ", ".join(f"{path} ({_mb(size)})" for path, size in largest)


def _folders(sizes: Mapping[str, int]) -> str:
    """The folders that make it big: the deepest ones that hold a good part each."""
    counts: Counter[str] = Counter()
    weights: Counter[str] = Counter()
    for path, size in sizes.items():
        parts = path.split("/")[:-1][:3]
        for depth in range(1, len(parts) + 1):
            counts["/".join(parts[:depth])] += 1
            weights["/".join(parts[:depth])] += size
    total = sum(sizes.values()) or 1
    shares = {each: max(counts[each] / len(sizes), weights[each] / total) for each in counts}
    heavy = [each for each in shares if shares[each] >= 0.05] or list(shares)
    deepest = [
        each
        for each in heavy
        if not any(
            other.startswith(each + "/") and shares[other] > 0.8 * shares[each] for other in heavy
        )
    ]
    chosen = sorted(deepest, key=lambda each: -shares[each])[:SHOWN]
    told = (f"{each}/ ({counts[each]:,} files, {_mb(weights[each])})" for each in chosen)
    return "folders: " + (", ".join(told) or "none stands out")


def _mb(size: int) -> str:
    if size >= 1e9:
        return f"{size / 1e9:.1f} GB"
    return f"{size / 1e6:.1f} MB" if size >= 1e5 else f"{size / 1e3:.1f} kB"
