"""What jobs may cost at most, by what they ask for: hours of GPUs, or of cores where none is asked for. Pure."""

import re
from collections.abc import Iterable, Mapping
from typing import cast

UNITS = ("GPU-hours", "core-hours", "node-hours")
_NODES = re.compile(r"--nodes=(\d+)")


def most(request: Mapping[str, object]) -> tuple[str, float] | None:
    """The unit and the number of hours that a job of this request takes at most; None when it has no limit of time."""
    found = per_hour(request)
    time_s = _resources(request).get("time_s")
    if not isinstance(time_s, int | float) or found is None:
        return None
    return found[0], found[1] * time_s / 3600


def per_hour(request: Mapping[str, object]) -> tuple[str, int] | None:
    """The unit, and how many of these an hour of such a job costs; None when it asks for nothing that is counted."""
    wants = _resources(request)
    nodes = _nodes(request)
    gpus, cpus = wants.get("gpus"), wants.get("cpus")
    if isinstance(gpus, int) and gpus:
        return "GPU-hours", gpus * nodes
    if wants.get("exclusive"):
        return "node-hours", nodes
    return ("core-hours", cpus * nodes) if isinstance(cpus, int) and cpus else None


def total(requests: Iterable[Mapping[str, object]]) -> dict[str, float]:
    """The hours of many jobs by unit, as far as they have limits."""
    found: dict[str, float] = {}
    for request in requests:
        each = most(request)
        if each is not None:
            found[each[0]] = found.get(each[0], 0.0) + each[1]
    return found


def in_words(found: Mapping[str, float]) -> str:
    """``7 GPU-hours and 2.5 core-hours``; empty when there are none."""
    return " and ".join(f"{number(found[unit])} {unit}" for unit in UNITS if found.get(unit))


def number(hours: float) -> str:
    """As many digits as a person reads."""
    if hours >= 9.95:
        return f"{hours:,.0f}"
    text = f"{hours:.1f}" if hours >= 0.95 else f"{hours:.2g}"
    return text.removesuffix(".0")


def _resources(request: Mapping[str, object]) -> Mapping[str, object]:
    return cast("Mapping[str, object]", request.get("resources") or {})


def _nodes(request: Mapping[str, object]) -> int:
    """How many nodes each job has: its other numbers are of each of them."""
    options = cast("Iterable[object]", request.get("options") or ())
    said = [match for each in options if (match := _NODES.fullmatch(str(each)))]
    return int(said[-1][1]) if said else 1
