"""The pages about many jobs at once: experiments in numbers, the graph by task, the connectors."""

import json
import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

from xpm.agent.limits import SiteLimits
from xpm.errors import XpmError
from xpm.follow import sites, views
from xpm.monitor import tables
from xpm.monitor.board import Board, Entry
from xpm.words import evidence, telling

if TYPE_CHECKING:
    from xpm.launchers.profiles import Profiles

FAILURES = 8
MOST_FAILED = 2000
SHORT = 12
MOST_NODES = 150


def overview(board: Board) -> dict[str, object]:
    """Each experiment in numbers, the failures that came last, the connectors."""
    counts = board.counts()
    failed = [each for each in board.entries.values() if each.row.state in ("failed", "lost")]
    failed.sort(key=lambda each: -each.row.seen_at)
    running = [each for each in board.entries.values() if each.row.state == "running"]
    return {
        "number": board.number,
        "main": str(board.main.path),
        "experiments": [_experiment(board, name, counts[name]) for name in board.experiments],
        "failures": [tables.row(board, each) for each in failed[:FAILURES]],
        "failed": len(failed),
        "failed_ids": [each.row.id[:SHORT] for each in failed[:MOST_FAILED]],
        "running": [tables.row(board, each) for each in running[:FAILURES]],
        "places": places(board),
    }


def places(board: Board) -> list[dict[str, object]]:
    """The connectors that jobs were sent to, and how the link to each is."""
    alive: Counter[str] = Counter()
    jobs: Counter[str] = Counter()
    for each in board.entries.values():
        jobs[each.row.connector] += 1
        alive[each.row.connector] += each.row.state not in views.OVER
    names = sorted({*jobs, *board.places})
    return [_place(board, name, jobs[name], alive[name]) for name in names]


def connectors(board: Board, profiles: "Profiles | None") -> list[dict[str, object]]:
    """Likewise, with what each place allows and who holds tokens of it."""
    found = places(board)
    for each in found:
        name = str(each["name"])
        each["tokens"] = _tokens(board, name)
        each["states"] = Counter(
            one.row.state for one in board.entries.values() if one.row.connector == name
        )
        spec = profiles.connectors.get(name) if profiles is not None else None
        each["kind"] = type(spec).__name__.removesuffix("Spec").lower() if spec else None
        each["workspace"] = getattr(spec, "workspace", None)
        each["host"] = spec.ssh.host if spec is not None and hasattr(spec, "ssh") else None
        site = sites.known(spec, time.time()) if spec is not None else None
        if site is not None and site.at is not None:
            each["limits"] = _limits(site)
            each["limits_at"] = site.at
    return found


def graph(board: Board, experiment: str, by: str) -> dict[str, object]:
    """The plan of an experiment, its jobs folded by task, or by task and the value of a tag."""
    found = board.passing("", experiment)
    if by and len({_group(each, by) for each in found}) > MOST_NODES:
        by = ""
    group = {(each.row.task, each.row.id): _group(each, by) for each in found}
    nodes: dict[tuple[str, str], Counter[str]] = {}
    edges: Counter[tuple[tuple[str, str], tuple[str, str]]] = Counter()
    for each in found:
        here = group[each.row.task, each.row.id]
        nodes.setdefault(here, Counter())[each.row.state] += 1
        for task, job in json.loads(each.row.parents_text):
            if (task, job) in group:
                edges[group[task, job], here] += 1
    names = list(nodes)
    place = {name: number for number, name in enumerate(names)}
    return {
        "by": by,
        "tags": list(tables.tags(found)),
        "nodes": [
            {"task": task, "value": value, "counts": dict(nodes[task, value])}
            for task, value in names
        ],
        "edges": [[place[one], place[other], count] for (one, other), count in edges.items()],
    }


def _experiment(board: Board, name: str, counts: Counter[str]) -> dict[str, object]:
    run = board.look.run(name)
    tasks: dict[str, Counter[str]] = {}
    for key, each in board.entries.items():
        if key[0] == name:
            tasks.setdefault(each.row.task, Counter())[each.row.state] += 1
    return {
        "id": name,
        "state": views.experiment_state(set(counts), run),
        "counts": dict(counts),
        "jobs": sum(counts.values()),
        "started": run.started if run else None,
        "ended": run.ended if run else None,
        "tasks": {task: dict(found) for task, found in sorted(tasks.items())},
    }


def _place(board: Board, name: str, jobs: int, alive: int) -> dict[str, object]:
    place = board.places.get(name)
    down = place.down_since if place else None
    message = (place.down_message or "") if place else ""
    said = telling.waits(name, time.time() - down, message) if down is not None else ""
    return {
        "name": name,
        "jobs": jobs,
        "alive": alive,
        "seen_at": place.seen_at if place else None,
        "down_since": down,
        "message": said,
        "needs_login": message.startswith("waiting for login"),
    }


def _tokens(board: Board, name: str) -> list[dict[str, object]]:
    """The tokens that jobs of a connector hold, as submitted: name, units held, units in all, by whom."""
    held: dict[str, dict[str, object]] = {}
    for each in _holding(board, name):
        noted = board.main.job(each.row.ref) or {}
        asked = noted.get("tokens")
        for token, count, total, *_ in asked if isinstance(asked, list) else ():
            one = held.setdefault(token, {"name": token, "held": 0, "total": total, "jobs": 0})
            one["held"] = int(str(one["held"])) + int(count)
            one["jobs"] = int(str(one["jobs"])) + 1
            one["total"] = total
    return list(held.values())


def _holding(board: Board, name: str) -> Iterator[Entry]:
    found = (
        each
        for each in board.entries.values()
        if each.row.connector == name and each.row.state in evidence.HOLDING
    )
    for _, each in zip(range(500), found, strict=False):  # their records are files
        yield each


def _limits(site: SiteLimits) -> Sequence[Mapping[str, object]]:
    return [
        {
            key: value
            for key, value in each._asdict().items()
            if key in ("name", "state", "is_default", "max_time_s", "max_nodes", "total_nodes")
        }
        for each in site.partitions or ()
    ]


def _group(each: Entry, by: str) -> tuple[str, str]:
    value = each.tags.get(by) if by else None
    return each.row.task, "" if value is None else f"{by}={value}"


def problem(error: XpmError) -> dict[str, object]:
    """An error in words, for the page."""
    return {"what": error.what, "on": error.on, "cause": error.cause, "hint": error.hint}
