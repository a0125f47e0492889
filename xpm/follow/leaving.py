"""What rules keep on the far side, added up and in words."""

from collections.abc import Sequence
from typing import NamedTuple

from xpm.sync.staying import Left

ID_SHOWN = 8


class Stays(NamedTuple):
    """What rules keep on a connector of the files of some jobs."""

    connector: str
    jobs: int
    files: int
    bytes: int
    job: str
    """One of the jobs."""


def added(found: Sequence[tuple[str, str, Left]]) -> Sequence[Stays]:
    """What rules keep of these (connector, job, how much), by connector."""
    by_connector: dict[str, list[tuple[str, Left]]] = {}
    for connector, job, left in found:
        if left.files:
            by_connector.setdefault(connector, []).append((job, left))
    return [
        Stays(
            connector, len(jobs), sum(left.files for _, left in jobs),
            sum(left.bytes for _, left in jobs), min(job for job, _ in jobs),
        )
        for connector, jobs in sorted(by_connector.items())
    ]  # fmt: skip


def lines(found: Sequence[Stays], experiment: str) -> list[str]:
    """A line for each connector, and how to bring it."""
    return [
        f"{files(each.files, each.bytes)}{f' of {each.jobs} jobs' if each.jobs > 1 else ''} stayed on"
        f" {each.connector}: xpm pull {each.job[:ID_SHOWN] if each.jobs == 1 else experiment}"
        for each in found
    ]


def files(count: int, size_bytes: int) -> str:
    """``3 files, 12 GB``."""
    return f"{count} file{'' if count == 1 else 's'}, {size(size_bytes)}"


def size(count: int) -> str:
    """A number of bytes as a person would say it: ``340 kB``, ``2.1 GB``, ``12 GB``."""
    for unit, factor in (("TB", 10**12), ("GB", 10**9), ("MB", 10**6), ("kB", 10**3)):
        if count >= factor:
            value = count / factor
            return f"{value:.1f} {unit}" if value < 9.95 else f"{value:.0f} {unit}"
    return f"{count} B"
