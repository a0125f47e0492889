"""The record of an experiment: what its runs submitted, as lines appended to a file.

``<main>/xp/<experiment id>/jobs.jsonl`` has one JSON object per submission, appended by one write each::

    {"job", "task", "attempt", "connector", "launcher", "tags", "parents": [[task, job], ...], "workspace", "at", "run"}

A job that is reused or attached again gets a line as well: the lines of a run are its plan. A torn line (the
machine died) is skipped by readers and closed by the next writer. ``run.json`` beside it tells of the latest run (where
another laptop's jobs were adopted: with an empty process and no script)::

    {"format": 1, "run", "process": {"host", "pid", "started", "boot"}, "started", "ended": t or null,
     "outcome": null or one of OUTCOMES, "script", "argv"}
"""

import errno
import json
import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from xpm.agent import processes
from xpm.wire import files

HEAD = 160
OUTCOMES = ("done", "failed", "detached", "interrupted", "error")


@dataclass(frozen=True, slots=True)
class Line:
    """One submission of a job by a run of an experiment."""

    job: str
    task: str
    attempt: int
    connector: str
    launcher: str
    tags: Mapping[str, object]
    parents: tuple[tuple[str, str], ...]
    workspace: str
    at: float
    run: str


@dataclass(frozen=True, slots=True)
class Run:
    """The latest run of an experiment."""

    run: str
    process: Mapping[str, object]
    """Enough to recognise it later (agent/processes.py)."""
    started: float
    ended: float | None
    outcome: str | None


class ExperimentRecord:
    """The folder of one experiment in a main folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.id = folder.name
        self.results = folder / "results"
        self._lines = folder / "jobs.jsonl"
        self._run = folder / "run.json"
        self._fd: int | None = None

    def append(self, line: Line) -> None:
        """Add a submission."""
        content = {
            "job": line.job, "task": line.task, "attempt": line.attempt,
            "connector": line.connector, "launcher": line.launcher, "tags": dict(line.tags),
            "parents": [list(each) for each in line.parents], "workspace": line.workspace,
            "at": line.at, "run": line.run,
        }  # fmt: skip
        if self._fd is None:
            self._fd = _open_for_lines(self._lines)
        _append(self._fd, files.dump(content), self._lines)

    def close(self) -> None:
        """Make the lines durable; another append opens the file again."""
        if self._fd is not None:
            os.fsync(self._fd)
            os.close(self._fd)
            self._fd = None

    def lines(self) -> Sequence[Line]:
        """All submissions, oldest first."""
        return list(_parsed(files.read(str(self._lines)) or b""))

    def lines_after(self, offset: int) -> tuple[Sequence[Line], int]:
        """The submissions written behind so many bytes, and the bytes that are read then; a line still being written waits."""
        try:
            with self._lines.open("rb") as file:
                file.seek(offset)
                raw = file.read()
        except FileNotFoundError:
            return [], 0
        whole = raw[: raw.rfind(b"\n") + 1]
        return list(_parsed(whole)), offset + len(whole)

    def size(self) -> int:
        """The bytes of all submissions."""
        try:
            return self._lines.stat().st_size
        except FileNotFoundError:
            return 0

    def head(self) -> bytes:
        """The first bytes, by which this record is told from a later one in its place."""
        try:
            with self._lines.open("rb") as file:
                return file.read(HEAD)
        except FileNotFoundError:
            return b""

    def start(self, now: float, script: str | None, argv: Sequence[str]) -> str:
        """Note that a run starts; its name."""
        run = os.urandom(6).hex()
        content = {
            "format": 1, "run": run, "process": processes.identity(),
            "started": now, "ended": None, "outcome": None, "script": script, "argv": list(argv),
        }  # fmt: skip
        self.results.mkdir(parents=True, exist_ok=True)
        files.listing(str(self._run.parent))  # what killed runs have left there goes
        files.write(str(self._run), files.dump(content))
        return run

    def adopted(self, first: float, last: float) -> str:
        """The run that jobs belong to which another laptop sent: the latest one here, else one made up for them.

        Args:
            first: when the first of them was sent.
            last: when the last of them was.
        """
        known = self.latest()
        if known is not None:
            return known.run
        run = os.urandom(6).hex()
        content = {
            "format": 1, "run": run, "process": {}, "started": first, "ended": last,
            "outcome": "detached", "script": None, "argv": [],
        }  # fmt: skip
        self.results.mkdir(parents=True, exist_ok=True)
        files.write(str(self._run), files.dump(content))
        return run

    def end(self, run: str, now: float, outcome: str) -> None:
        """Note how a run ended, unless a later one has started."""
        content = files.load(str(self._run))
        if content is not None and content.get("run") == run:
            content.update(ended=now, outcome=outcome)
            files.write(str(self._run), files.dump(content))

    def latest(self) -> Run | None:
        """The latest run; None before the first."""
        try:
            content = files.load(str(self._run))
        except ValueError:
            return None
        if content is None:
            return None
        return Run(
            str(content["run"]),
            content.get("process") or {},
            float(content["started"]),
            content["ended"],
            content["outcome"],
        )


def is_going(run: Run) -> bool:
    """Whether the process of a run still lives; as far as this machine can tell."""
    return run.ended is None and processes.is_alive(dict(run.process)) is True


def _open_for_lines(path: Path) -> int:
    fd = os.open(path, os.O_RDWR | os.O_APPEND | os.O_CREAT, 0o666)
    size = os.fstat(fd).st_size
    if size and os.pread(fd, 1, size - 1) != b"\n":
        os.write(fd, b"\n")
    return fd


def _append(fd: int, line: bytes, path: Path) -> None:
    """Write a line whole, or not at all: a disk that fills takes part of one without an error."""
    size = os.fstat(fd).st_size
    if os.write(fd, line) < len(line):
        os.ftruncate(fd, size)
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(path))


def _parsed(raw: bytes) -> Iterator[Line]:
    for each in raw.split(b"\n"):
        try:
            content = json.loads(each)
            yield Line(
                job=content["job"],
                task=content["task"],
                attempt=content["attempt"],
                connector=content["connector"],
                launcher=content["launcher"],
                tags=content["tags"],
                parents=tuple((task, job) for task, job in content["parents"]),
                workspace=content["workspace"],
                at=content["at"],
                run=content["run"],
            )
        except (ValueError, KeyError, TypeError):
            continue  # a torn line
