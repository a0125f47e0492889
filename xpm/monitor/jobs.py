"""The page of one job: its values, its story, what it asked for and used, its files."""

import heapq
from collections.abc import Iterator, Mapping
from typing import Any

from xpm.connectors.base import JobRef
from xpm.follow import views
from xpm.monitor import folders, tables
from xpm.monitor.board import Board
from xpm.words import evidence, explaining, history, telling
from xpm.words.evidence import Case

SIBLINGS = 50
_NAMES = {"cpus": "cores", "mem_mib": "memory", "gpus": "GPUs", "time_s": "time"}


def page(board: Board, ref: JobRef) -> dict[str, object] | None:
    """All there is to show of a job; None: there is no such job."""
    entry = board.entry(ref)
    if entry is None:
        return None
    job = views.seen(board.look, entry.row)
    case = evidence.gather(board.look, job)
    files, are_all = folders.listed(board.main.job_folder(ref))
    children = [
        tables.row(board, each)
        for each in board.entries.values()
        if each.key[0] == entry.key[0] and f'"{ref.job}"' in each.row.parents_text
    ][:SIBLINGS]
    return {
        **tables.row(board, entry),
        "path": job.path,
        "parameters": parameters(case.noted),
        "siblings": _siblings(board, ref),
        "why": [
            {"topic": each.topic, "text": each.text}
            for each in explaining.explain(case, telling.now())
        ],
        "story": [
            {"at": each.at, "text": each.text} for each in history.happenings(board.look, ref)
        ],
        "attempts": list(_attempts(case)),
        "asked": _asked(case.noted),
        "request": case.noted.get("request") or {},
        "where": case.noted.get("where"),
        "files": [[each.path, each.bytes, each.changed] for each in files],
        "more_files": not are_all,
        "stayed": [[each.path, each.size, each.why] for each in case.stayed],
        "parents": [
            {"task": each.task, "id": each.id, "state": each.state, "tags": dict(each.tags)}
            for each in case.parents
        ],
        "children": children,
    }


def parameters(noted: Mapping[str, Any]) -> Mapping[str, str]:
    """The values of a job, those of its parts by path."""
    document = noted.get("document")
    return explaining.values(document) if isinstance(document, Mapping) else {}


def _siblings(board: Board, ref: JobRef) -> list[dict[str, object]]:
    """Other jobs of the task, to compare with: those that differ in the fewest tags first."""
    mine = board.entry(ref)
    tags = set(mine.tags.items()) if mine is not None else set[tuple[str, object]]()
    others = {
        each.row.id: each
        for each in board.entries.values()
        if each.row.task == ref.task and each.row.id != ref.job
    }
    found = heapq.nsmallest(SIBLINGS, others.values(), lambda each: len(tags ^ each.tags.items()))
    return [{"id": each.row.id, "state": each.row.state, "tags": dict(each.tags)} for each in found]


def _attempts(case: Case) -> Iterator[dict[str, object]]:
    for number in sorted({*case.claims, *case.ends, case.job.attempt} - {0}):
        claim, end = case.claims.get(number, {}), case.ends.get(number, {})
        details = end.get("details") or {}
        error = end.get("error") or {}
        yield {
            "attempt": number,
            "state": end.get("state") or (case.job.state if number == case.job.attempt else "?"),
            "cause": end.get("cause"),
            "host": claim.get("host"),
            "batch": claim.get("batch_id"),
            "started": end.get("started_at") or claim.get("at"),
            "ended": end.get("ended_at"),
            "exit_code": end.get("exit_code"),
            "signal": end.get("signal"),
            "max_rss_kib": details.get("peak_kib") or end.get("max_rss_kib"),
            "cpu_s": details.get("cpu_s"),
            "message": end.get("message") or "",
            "error": f"{error.get('type')}: {error.get('message')}" if error else "",
            "traceback": error.get("traceback") or "",
            "equipment": telling.equipment(claim, case.noted),
        }


def _asked(noted: Mapping[str, Any]) -> list[list[str]]:
    """What was asked for of the place, in words."""
    request = noted.get("request") or {}
    resources = request.get("resources") or {}
    words = [
        ("launcher", request.get("launcher")),
        *((_NAMES.get(name, name), _said(name, value)) for name, value in resources.items()),
        ("options", " ".join(map(str, request.get("options") or ()))),
    ]
    tokens = [f"{name}: {count} of {total}" for name, count, total, *_ in noted.get("tokens") or ()]
    words.append(("tokens", ", ".join(tokens)))
    return [[name, str(value)] for name, value in words if value not in (None, "", 0)]


def _said(name: str, value: object) -> object:
    if not isinstance(value, int | float):
        return value
    if name.endswith("_mib"):
        return f"{value / 1024:.1f} GiB" if value >= 1024 else f"{value:.0f} MiB"
    return telling.age(float(value)) if name.endswith("_s") else value
