"""What a measurement gives, and how figures are shown."""

import json
import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass


@dataclass(frozen=True, slots=True)
class Figure:
    """One measured thing beside what it is measured against."""

    name: str
    measured: float
    unit: str
    against: str
    baseline: float
    ratio: float
    target: str
    met: bool


@dataclass(frozen=True, slots=True)
class Missing:
    """A measurement that this machine does not allow, and why."""

    name: str
    why: str


def best_of(times: int, action: Callable[[], object]) -> float:
    """Seconds of the quickest of several runs: what a busy machine disturbs least."""
    return min(_timed(action) for _ in range(times))


def median_of(times: int, action: Callable[[], object]) -> float:
    """Median seconds of several runs."""
    return statistics.median(_timed(action) for _ in range(times))


def cpu_of(times: int, *actions: Callable[[], object]) -> list[float]:
    """Seconds of processor time of each action, the least of several turns: other programs count least."""
    found = [[_spent(action) for action in actions] for _ in range(times)]
    return [min(turns) for turns in zip(*found, strict=True)]


def _spent(action: Callable[[], object]) -> float:
    start = time.process_time()
    action()
    return time.process_time() - start


def _timed(action: Callable[[], object]) -> float:
    start = time.perf_counter()
    action()
    return time.perf_counter() - start


def as_table(found: Sequence[Figure | Missing]) -> str:
    """Figures as aligned columns."""
    rows = [("what", "measured", "against", "baseline", "ratio", "target", "")]
    for each in found:
        if isinstance(each, Missing):
            rows.append((each.name, "-", each.why, "", "", "", ""))
            continue
        rows.append(
            (
                each.name,
                f"{number(each.measured)} {each.unit}",
                each.against,
                f"{number(each.baseline)} {each.unit}",
                f"{each.ratio:.2f}",
                each.target,
                "ok" if each.met else "MISSED",
            )
        )
    widths = [max(len(row[place]) for row in rows) for place in range(7)]
    lines = [
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in rows
    ]
    lines.insert(1, "  ".join("-" * width for width in widths).rstrip())
    return "\n".join(lines)


def number(value: float) -> str:
    """Three digits, or all of a large number."""
    return f"{value:,.0f}" if value >= 1000 else f"{value:.3g}"


def as_json(found: Sequence[Figure | Missing]) -> str:
    """Figures for programs."""
    return json.dumps([asdict(each) for each in found], indent=1)
