"""Results as columns, CSV or a document: pure functions of their rows."""

import csv
import io
from collections.abc import Mapping, Sequence

from xpm.metrics import table
from xpm.metrics.table import Group, Result, Spread
from xpm.words import telling

SCHEMA = 1
Cells = Mapping[str, object]


def columns(rows: Sequence[Cells]) -> tuple[list[str], list[list[str]]]:
    """Headings and cells for people: without the task where all have one, without states where all are done."""
    names = [name for name in table.names(rows) if not _says_nothing(name, rows)]
    headings = [
        name.upper() if name in ("job", "task", "state", "jobs") else name for name in names
    ]
    return headings, [[_shown(name, row.get(name)) for name in names] for row in rows]


def as_csv(rows: Sequence[Cells]) -> str:
    """All columns, with every digit; of several jobs' metrics the mean, and its spread as ``NAME.sd``."""
    has_spreads = any(isinstance(value, Spread) for row in rows[:1] for value in row.values())
    flat = [_flat(row) for row in rows] if has_spreads else rows
    names = table.names(flat)
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    if flat:
        writer.writerow(names)
    writer.writerows([[row.get(name, "") for name in names] for row in flat])
    return text.getvalue()


def document(
    experiment: str, results: Sequence[Result], groups: Sequence[Group] | None
) -> dict[str, object]:
    """The stable contract of ``xpm results --json``."""
    head: dict[str, object] = {"schema": SCHEMA, "experiment": experiment}
    if groups is None:
        return {**head, "results": [_result(each) for each in results]}
    return {**head, "groups": [_group(each) for each in groups]}


def order(value: object) -> tuple[int, float, str]:
    """Where a cell comes when rows are sorted: numbers, then texts; what is no number last of these."""
    if isinstance(value, Spread):
        value = value.mean
    if isinstance(value, int | float) and not isinstance(value, bool):
        return (0, float(value), "") if value == value else (1, 0.0, "")
    return 2, 0.0, str(value)


def _says_nothing(name: str, rows: Sequence[Cells]) -> bool:
    values = {row.get(name) for row in rows} if name in ("task", "state") else set()
    return len(values) == 1 and (name == "task" or values == {"done"})


def _shown(name: str, value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, Spread):
        return number(value.mean) + (f" ± {value.sd:.2g}" if value.sd is not None else "")
    if name == "job":
        return str(value)[: telling.ID_SHOWN]
    return number(value) if isinstance(value, float) else str(value)


def number(value: float) -> str:
    """Four digits, or all of a whole number."""
    if value == value and abs(value) < 1e15 and value == int(value):
        return str(int(value))
    return f"{value:.4g}"


def _flat(row: Cells) -> dict[str, object]:
    flat: dict[str, object] = {}
    for name, value in row.items():
        if isinstance(value, Spread):
            flat[name] = value.mean
            flat[f"{name}.sd"] = "" if value.sd is None else value.sd
        else:
            flat[name] = value
    return flat


def _result(each: Result) -> dict[str, object]:
    return {
        "job": each.job, "task": each.task, "state": each.state, "tags": dict(each.tags),
        "metrics": _finite(each.metrics), "path": each.path,
    }  # fmt: skip


def _group(each: Group) -> dict[str, object]:
    metrics = {
        name: {**_finite({"mean": spread.mean, "sd": spread.sd}), "jobs": spread.jobs}
        for name, spread in each.metrics.items()
    }
    return {"task": each.task, "tags": dict(each.tags), "jobs": each.jobs, "metrics": metrics}


def _finite(numbers: Mapping[str, float | None]) -> dict[str, float | str | None]:
    """JSON has no infinity: such numbers are texts."""
    return {
        name: value if value is None or value - value == 0 else str(value)
        for name, value in numbers.items()
    }
