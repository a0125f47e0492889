"""Results and learning curves of jobs, as the page draws them."""

import json
import math
from collections import Counter
from collections.abc import Mapping, Sequence

from xpm.connectors.base import JobRef
from xpm.follow.journal import journal_folder
from xpm.follow.main import MainFolder
from xpm.metrics import table
from xpm.metrics.reading import Curve
from xpm.metrics.remembering import Remembered
from xpm.metrics.table import Result
from xpm.monitor import tables
from xpm.monitor.board import Entry

MOST_ROWS = 50_000
MOST_POINTS = 400
SAMPLE = 100
MOST_CURVES = 24


class Measures:
    """What jobs measured, each folder read once. For one thread."""

    def __init__(self, main: MainFolder) -> None:
        self._main = main
        self._known = Remembered(journal_folder(main))

    def results(self, jobs: Sequence[Entry], by: Sequence[str]) -> dict[str, object]:
        """Tags against metrics: a row per job, and the means of those that agree in some tags."""
        found = self._measured(jobs)
        groups = _groups(jobs, found, by) if by else []
        return {
            "jobs": len(jobs),
            "measured": len(found),
            "tags": table.names(each.tags for each in found),
            "metrics": table.names(each.metrics for each in found),
            "rows": [
                {
                    "id": each.job, "task": each.task, "state": each.state, "tags": dict(each.tags),
                    "metrics": _finite(each.metrics),
                }
                for each in found[:MOST_ROWS]
            ],
            "groups": groups,
        }  # fmt: skip

    def metrics(self, jobs: Sequence[Entry]) -> list[Mapping[str, float | None]]:
        """The last value of each metric, job by job."""
        paths = [str(self._main.job_folder(each.row.ref)) for each in jobs]
        return [_finite(each) for each in self._known.scalars(paths)]

    def of(self, jobs: Sequence[Entry], name: str) -> tables.Measured:
        """One metric of the jobs that have it."""
        found = zip(jobs, self.metrics(jobs), strict=True)
        values = ((each.key, metrics.get(name)) for each, metrics in found)
        return {key: value for key, value in values if value is not None}

    def names(self, jobs: Sequence[Entry]) -> Sequence[str]:
        """The metrics that some of these jobs have, in a sample of them."""
        step = max(1, len(jobs) // SAMPLE)
        return list(table.names(self.metrics(jobs[::step])))

    def _measured(self, jobs: Sequence[Entry]) -> list[Result]:
        paths = [str(self._main.job_folder(each.row.ref)) for each in jobs]
        return [
            Result(each.row.id, each.row.task, each.row.state, each.tags, metrics, path)
            for each, metrics, path in zip(jobs, self._known.scalars(paths), paths, strict=True)
            if metrics
        ]

    def curves(self, refs: Sequence[JobRef]) -> list[dict[str, object]]:
        """The learning curves of some jobs, each of a few hundred points at most."""
        found: list[dict[str, object]] = []
        for ref in refs[:MOST_CURVES]:
            curves = self._known.curves(str(self._main.job_folder(ref)))
            found.append(
                {
                    "id": ref.job,
                    "task": ref.task,
                    "curves": {
                        name: thinned(curve) for name, curve in curves.items() if len(curve) > 1
                    },
                }
            )
        return found

    def close(self) -> None:
        """End it."""
        self._known.close()


def _groups(
    jobs: Sequence[Entry], found: Sequence[Result], by: Sequence[str]
) -> list[dict[str, object]]:
    """The means of those that agree in some tags; of all jobs, those that measured nothing too, the states."""
    counts: dict[str, Counter[str]] = {}
    tags: dict[str, tuple[str, dict[str, object]]] = {}
    for job in jobs:
        mine = {name: job.tags.get(name) for name in by}
        key = _key(job.row.task, mine)
        counts.setdefault(key, Counter())[job.row.state] += 1
        tags[key] = job.row.task, mine
    means = {_key(each.task, each.tags): each for each in table.grouped(found, by)}
    groups: list[dict[str, object]] = [
        {
            "task": task,
            "tags": mine,
            "counts": dict(counts[key]),
            "jobs": means[key].jobs if key in means else 0,
            "metrics": {
                name: [_or_none(spread.mean), _or_none(spread.sd), spread.jobs]
                for name, spread in (means[key].metrics.items() if key in means else ())
            },
        }
        for key, (task, mine) in sorted(tags.items(), key=lambda pair: _order(*pair[1]))
    ]
    return groups
    return groups


def _key(task: str, tags: Mapping[str, object]) -> str:
    return json.dumps([task, dict(tags)], sort_keys=True, default=str)


def _order(task: str, tags: Mapping[str, object]) -> tuple[object, ...]:
    return (task, *(tables.comparable(value) for value in tags.values()))


def thinned(curve: Curve, most: int = MOST_POINTS) -> Sequence[tuple[float, float | None]]:
    """So many points at most: of each stretch the lowest and the highest, so that no peak is lost."""
    clean = [(x, _or_none(y)) for x, y in curve if math.isfinite(x)]
    if len(clean) <= most:
        return clean
    step = len(clean) / (most // 2)
    kept: list[tuple[float, float | None]] = []
    for number in range(most // 2):
        part = clean[int(number * step) : int((number + 1) * step)]
        known = [(y, place) for place, (_, y) in enumerate(part) if y is not None]
        if not known:
            kept.append(part[0])
            continue
        places = sorted({min(known)[1], max(known)[1]})
        kept += [part[place] for place in places]
    return kept


def _finite(metrics: Mapping[str, float]) -> Mapping[str, float | None]:
    return {name: _or_none(value) for name, value in metrics.items()}


def _or_none(value: float | None) -> float | None:
    """JSON has no infinity."""
    return value if value is not None and math.isfinite(value) else None
