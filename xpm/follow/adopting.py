"""Experiments that another laptop sent to a workspace, made known here from what that workspace remembers.

Each queue entry there (xpm/wire/workspace.py) becomes what its submission would have left here: the job's file, then a line
of its experiment's record. Repeating it, after a cut or to hear of later jobs, adds only what is new. What this main
folder knows already stays as it is, so does a job that it has on another connector.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, cast

from xpm.agent import paths
from xpm.agent.refusals import Refusal
from xpm.connectors.base import Entry, JobRef
from xpm.errors import PlanProblem
from xpm.follow.main import MainFolder
from xpm.follow.records import ExperimentRecord, Line

FIELDS: Mapping[str, type] = {
    "job": str, "task": str, "attempt": int, "experiment": str, "parents": list, "tokens": list,
    "request": dict, "document": dict, "code": dict, "tags": dict,
}  # fmt: skip


@dataclass(slots=True)
class Adopted:
    """What has become of the entries of one workspace."""

    fresh: dict[str, int] = field(default_factory=dict[str, int])
    """How many jobs are new here, by experiment."""
    elsewhere: list[JobRef] = field(default_factory=list[JobRef])
    """Jobs that this main folder has on another connector."""
    refused: list[str] = field(default_factory=list[str])
    """Why entries could not be taken, in words."""


def adopt(
    main: MainFolder, connector: str, workspace: str, entries: Iterable[tuple[float, Entry]]
) -> Adopted:
    """Make the jobs of these queue entries known here.

    Args:
        main: the main folder.
        connector: the name the workspace's connector has here.
        workspace: the workspace, as the profile names it.
        entries: each with when it came there; oldest first.
    """
    found = Adopted()
    records: dict[str, _Record] = {}
    try:
        for at, entry in entries:
            problem = _problem(main, entry)
            if problem:
                found.refused.append(problem)
                continue
            name = str(entry["experiment"])
            if name not in records:
                records[name] = _Record(main.experiment(name), at)
                found.fresh.setdefault(name, 0)
            _take(main, connector, workspace, at, entry, records[name], found)
    finally:
        for record in records.values():
            record.record.close()
    return found


class _Record:
    """An experiment's record, and the attempts it holds."""

    def __init__(self, record: ExperimentRecord, at: float) -> None:
        self.record = record
        self.known = {JobRef(each.task, each.job): each for each in record.lines()}
        self.run = record.adopted(at, at)


def _take(
    main: MainFolder,
    connector: str,
    workspace: str,
    at: float,
    entry: Entry,
    record: _Record,
    found: Adopted,
) -> None:
    ref, attempt = JobRef(str(entry["task"]), str(entry["job"])), cast("int", entry["attempt"])
    noted = main.job(ref)
    if noted is not None and noted.get("connector") != connector:
        found.elsewhere.append(ref)
        return
    if noted is None or cast("int", noted["attempt"]) < attempt:
        main.note_job(connector, "", at, {name: entry[name] for name in FIELDS})
    known = record.known.get(ref)
    if known is not None and known.attempt >= attempt:
        return
    if known is None:
        found.fresh[record.record.id] += 1
    record.known[ref] = _line(connector, workspace, at, entry, record.run)
    record.record.append(record.known[ref])


def _line(connector: str, workspace: str, at: float, entry: Entry, run: str) -> Line:
    content = cast("Mapping[str, Any]", entry)
    return Line(
        content["job"], content["task"], content["attempt"], connector,
        str(content["request"]["launcher"]), content["tags"],
        tuple((task, job) for task, job in content["parents"]), workspace, at, run,
    )  # fmt: skip


def _problem(main: MainFolder, entry: Entry) -> str:
    """Why this entry is not one of ours; "" when it is. The far side is not trusted with names here."""
    for name, kind in FIELDS.items():
        if not isinstance(entry.get(name), kind):
            return f"a queue entry without {name}"
    try:
        paths.task_id(entry["task"])
        paths.job_id(entry["job"])
        paths.attempt(entry["attempt"])
        for task, job in _pairs(entry["parents"]):
            paths.task_id(task)
            paths.job_id(job)
        main.experiment(str(entry["experiment"]))
        cast("Mapping[str, Any]", entry["request"])["launcher"]
    except (Refusal, PlanProblem, KeyError, TypeError, ValueError) as error:
        return str(error)
    return ""


def _pairs(parents: object) -> Iterator[Sequence[object]]:
    for each in cast("Sequence[Sequence[object]]", parents):
        task, job = each
        yield task, job
