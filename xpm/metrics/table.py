"""Tags against metrics: one row per job, or the mean of those that share some tags."""

import json
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from xpm.follow.looking import Brief, Look, Row
    from xpm.metrics.remembering import Remembered


@dataclass(frozen=True, slots=True)
class Result:
    """What one job measured."""

    job: str
    task: str
    state: str
    tags: Mapping[str, object]
    metrics: Mapping[str, float]
    path: str

    def cells(self) -> dict[str, object]:
        """The row of a table: task, job, state, tags, metrics; a metric named like one of these as ``metrics.NAME``."""
        return _row({"task": self.task, "job": self.job, "state": self.state}, self)


@dataclass(frozen=True, slots=True)
class Spread:
    """One metric of several jobs."""

    mean: float
    sd: float | None
    """Of the sample; None of a single job."""
    jobs: int


@dataclass(frozen=True, slots=True)
class Group:
    """The jobs of a task that share some tags."""

    task: str
    tags: Mapping[str, object]
    jobs: int
    metrics: Mapping[str, Spread]

    def cells(self) -> dict[str, object]:
        """The row of a table, likewise; its metrics are Spreads."""
        return _row({"task": self.task, "jobs": self.jobs}, self)


def table(look: "Look", rows: "Sequence[Row | Brief]", known: "Remembered") -> list[Result]:
    """What each of these jobs measured, in their order; those that measured nothing are left out."""
    paths = [f"{look.main.path}/jobs/{row.task}/{row.id}" for row in rows]
    measured = known.scalars(paths)
    tags = json.loads(f"[{','.join(row.tags_text for row in rows)}]")
    return [
        Result(row.id, row.task, row.state, its_tags, metrics, path)
        for row, its_tags, metrics, path in zip(rows, tags, measured, paths, strict=True)
        if metrics
    ]


def first(
    look: "Look", rows: "Sequence[Row | Brief]", known: "Remembered", most: int | None
) -> tuple[list[Result], int]:
    """What the first of these jobs measured, so many of them (None: all), and how many jobs were not looked at."""
    if most is None:
        return table(look, rows, known), 0
    found: list[Result] = []
    at = 0
    while at < len(rows) and len(found) < most:
        some = rows[at : at + most - len(found)]
        found += table(look, some, known)
        at += len(some)
    return found, len(rows) - at


def grouped(results: Iterable[Result], by: Sequence[str]) -> list[Group]:
    """The means of the jobs of each task that agree in these tags, in the order of their first."""
    groups: dict[tuple[str, tuple[object, ...]], list[Result]] = {}
    for each in results:
        tags = each.tags
        key = each.task, tuple([_kind(tags.get(name)) for name in by])
        groups.setdefault(key, []).append(each)
    return [
        Group(task, {name: some[0].tags.get(name) for name in by}, len(some), _spreads(some))
        for (task, _), some in groups.items()
    ]


def names(found: Iterable[Mapping[str, object]]) -> list[str]:
    """All keys, each once, in the order they are met."""
    return list(dict.fromkeys(key for each in found for key in each))


def _row(first: Mapping[str, object], of: Result | Group) -> dict[str, object]:
    row = dict(first)
    for before, more in (("tags", of.tags), ("metrics", of.metrics)):
        row.update({f"{before}.{name}" if name in row else name: more[name] for name in more})
    return row


def _spreads(some: Sequence[Result]) -> dict[str, Spread]:
    return dict(_spread(name, some) for name in names(each.metrics for each in some))


def _spread(name: str, some: Sequence[Result]) -> tuple[str, Spread]:
    values = [each.metrics[name] for each in some if name in each.metrics]
    mean = math.fsum(values) / len(values) if _are_finite(values) else sum(values) / len(values)
    sd = _deviation(values, mean) if len(values) > 1 and _are_finite(values) else None
    return name, Spread(mean, sd, len(values))


def _deviation(values: Sequence[float], mean: float) -> float:
    """Of a sample, as ``statistics.stdev``, which takes ten times as long."""
    return math.sqrt(math.fsum([(value - mean) ** 2 for value in values]) / (len(values) - 1))


def _are_finite(values: Iterable[float]) -> bool:
    return all(value - value == 0 for value in values)


def _kind(value: object) -> object:
    """True is not 1 here, while 1 is 1.0."""
    return (type(value).__name__, value) if isinstance(value, bool | str) else value
