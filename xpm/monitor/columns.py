"""What a table of jobs can show besides what it always has: parameters, metrics, resources, by the names of columns.

``param.NAME``, ``metric.NAME``, ``asked.NAME``, ``used.NAME``; tags come with every row. Records are read of the rows that are
shown only.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from xpm.monitor import jobs
from xpm.monitor.board import Board, Entry
from xpm.words import evidence, telling

ASKED = ("cpus", "mem", "gpus", "time")
USED = ("time", "mem", "cpu")
LOOKED_AT = 40
"""In so many jobs, spread over all, parameters are looked for."""
MOST = 200


def offered(board: Board, some: Sequence[Entry]) -> dict[str, object]:
    """The columns there are besides tags and metrics: parameters of these jobs, resources."""
    step = max(1, len(some) // LOOKED_AT)
    names: dict[str, None] = {}
    for each in some[::step]:
        names.update(dict.fromkeys(jobs.parameters(board.main.job(each.row.ref) or {})))
    return {"param": sorted(names)[:MOST], "asked": list(ASKED), "used": list(USED)}


def cells(board: Board, entry: Entry, names: Iterable[str]) -> Mapping[str, object]:
    """What these columns show of a job; what nothing tells is left out. Metrics are not looked for here."""
    wanted = [name.partition(".") for name in names]
    kinds = {kind for kind, _, _ in wanted}
    found: dict[str, Mapping[str, object]] = {}
    if kinds & {"param", "asked"}:
        noted = board.main.job(entry.row.ref) or {}
        found["param"] = dict(jobs.parameters(noted))
        found["asked"] = _asked(noted)
    if "used" in kinds:
        found["used"] = _used(board, entry)
    told = ((f"{kind}.{name}", found.get(kind, {}).get(name)) for kind, _, name in wanted)
    return {name: value for name, value in told if value not in (None, "")}


def _asked(noted: Mapping[str, Any]) -> Mapping[str, object]:
    resources = (noted.get("request") or {}).get("resources") or {}
    time_s = resources.get("time_s")
    return {
        "cpus": resources.get("cpus"),
        "mem": _size(resources.get("mem_mib"), 1024),
        "gpus": resources.get("gpus"),
        "time": telling.age(float(time_s)) if isinstance(time_s, int | float) else None,
    }


def _used(board: Board, entry: Entry) -> Mapping[str, object]:
    claims, ends = evidence.attempts(str(board.main.job_folder(entry.row.ref)))
    claim, end = (each.get(entry.row.attempt, {}) for each in (claims, ends))
    details = end.get("details") or {}
    began, ended = end.get("started_at") or claim.get("at"), end.get("ended_at")
    took = ended - began if isinstance(began, int | float) and ended is not None else None
    cpu_s = details.get("cpu_s")
    return {
        "time": None if took is None else telling.duration(took),
        "mem": _size(details.get("peak_kib") or end.get("max_rss_kib"), 1),
        "cpu": telling.duration(float(cpu_s)) if isinstance(cpu_s, int | float) else None,
    }


def _size(value: object, kib: int) -> str | None:
    if not isinstance(value, int | float) or not value:
        return None
    mib = value * kib / 1024
    return f"{mib / 1024:.1f} GiB" if mib >= 1024 else f"{mib:.0f} MiB"
