"""Mirrors of many jobs at once: manifests, then pieces of files until nothing lacks, then the records.

The agent lists a job's records before its other files, so a manifest with the outcome names the final files. A file that
changes all the same while it is fetched is asked for again; until all is here, no final record is written.
"""

import contextlib
import fcntl
import hashlib
import json
import os
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Protocol

from xpm.connectors.base import Fetched, JobRef
from xpm.errors import Defect
from xpm.sync import names
from xpm.sync.folder import InTheWay, JobFolder
from xpm.sync.mirror import Delta, Pull, delta, slot_of
from xpm.wire import frames, ledger

JOBS = 100
ITEMS = 500
BYTES = 16 * 1024 * 1024
ROUNDS = 4
MOST_RECORD = 4 * 1024 * 1024
MOST_RECORDS = 64 * 1024 * 1024
"""So many bytes of records, which are kept until all else is here, one job may have."""


class Source(Protocol):
    """Who answers ``manifest`` and ``pull``."""

    @property
    def workspace(self) -> str:
        """The absolute path of the workspace there."""

    def call(self, content: frames.Message, payload: bytes = b"") -> tuple[frames.Message, bytes]:
        """The ``ok`` part of the reply, with its payload."""


def fetch(
    source: Source, refs: Sequence[JobRef], main: Path, progress: Callable[[int], None]
) -> list[Fetched]:
    """Mirror these jobs below the main folder; ``progress`` gets the bytes of each piece that arrived.

    Safe to repeat and to interrupt. Raises ``HostProblem`` for the link and ``OSError`` for the local disk.
    """
    results: dict[JobRef, Fetched] = {}
    workspace = source.workspace
    with _alone(main, workspace):
        for first in range(0, len(refs), JOBS):
            wanted = list(dict.fromkeys(refs[first : first + JOBS]))
            for _ in range(ROUNDS):
                tasks = _round(source, workspace, wanted, main, progress)
                for task in tasks:
                    results[task.ref] = task.result(results.get(task.ref))
                wanted = [task.ref for task in tasks if task.must_repeat]
                if not wanted:
                    break
    return [results[ref] for ref in refs if ref in results]


class _Job:
    """The mirror of one job during one round."""

    def __init__(self, ref: JobRef, folder: JobFolder, todo: Delta) -> None:
        self.ref = ref
        self.folder = folder
        self.problems = list(todo.problems)
        self.todo = todo
        self.records: dict[str, bytes] = {}
        self.changed: list[str] = []
        self.files = 0
        self.bytes = 0
        self._final = False

    @property
    def must_repeat(self) -> bool:
        """Whether the job is over but its files were still moving."""
        return bool(self.changed) and self._final

    def wanted(self) -> Iterator[Pull]:
        """The files to get, records last."""
        yield from self.todo.pulls
        room = MOST_RECORDS
        for pull in self.todo.records:
            if pull.file.size <= min(MOST_RECORD, room):
                room -= pull.file.size
                yield pull

    def take(self, pull: Pull, offset: int, data: bytes, size: int, mtime_ns: int) -> int | None:
        """Store a piece; the offset of the next, None when the file is done with."""
        is_record = slot_of(pull.path) is not None
        moved = (
            size < pull.file.size
            if pull.grows
            else (size, mtime_ns) != (pull.file.size, pull.file.mtime_ns)
        )
        data = data[: pull.file.size - offset]
        if moved or (not data and offset < pull.file.size):
            self.changed.append(pull.path)
            return None
        try:
            if is_record:
                self.records[pull.path] = self.records.get(pull.path, b"") + data
            else:
                self.folder.add(pull, offset, data)
            self.bytes += len(data)
            if offset + len(data) < pull.file.size:
                return offset + len(data)
            if not is_record:
                self.folder.finish(pull)
            self.files += 1
        except InTheWay as obstacle:
            self.problems.append(str(obstacle))
        return None

    def complete(self) -> None:
        """Make the links, then write the records: final ones only when nothing lacks."""
        for path, target in self.todo.links:
            try:
                self.folder.link(path, target)
            except InTheWay as obstacle:
                self.problems.append(str(obstacle))
        for pull in self.todo.records:
            raw = self.records.get(pull.path)
            entry = _entry(self.ref, pull.path, raw) if raw is not None else None
            if entry is None:
                if pull.path not in self.changed:
                    self.problems.append(f"{pull.path}: not a record of this job")
                continue
            self._final = entry["kind"] in ledger.FINAL
            if self._final and self.changed and pull is self.todo.records[-1]:
                break
            assert raw is not None
            self.folder.record(pull.path, raw)
        if not self.changed:
            self.folder.tidy()

    def result(self, before: Fetched | None) -> Fetched:
        """What arrived, all rounds together."""
        moved = [f"{names.shown(path)}: it changed while it was fetched" for path in self.changed]
        files, size = (before.files, before.bytes) if before else (0, 0)
        problems = [*self.problems, *moved]
        return Fetched(self.ref, files + self.files, size + self.bytes, problems)


def _round(
    source: Source,
    workspace: str,
    refs: Sequence[JobRef],
    main: Path,
    progress: Callable[[int], None],
) -> list[_Job]:
    request = {"verb": "manifest", "jobs": [[ref.task, ref.job] for ref in refs]}
    manifests = source.call(request)[0].get("jobs")
    if not isinstance(manifests, list) or len(manifests) != len(refs):
        raise Defect("the agent's manifest does not answer the request")
    with contextlib.ExitStack() as stack:
        jobs = []
        for ref, manifest in zip(refs, manifests, strict=True):
            path = Path(ledger.job_folder(str(main), ref.task, ref.job))
            folder = stack.enter_context(JobFolder(path))
            jobs.append(_Job(ref, folder, delta(ref, manifest, folder.scan(), workspace)))
        _pull(source, jobs, progress)
        for job in jobs:
            job.complete()
        return jobs


def _pull(source: Source, jobs: Sequence[_Job], progress: Callable[[int], None]) -> None:
    """Ask for pieces until every file of these jobs is done with."""
    queue = deque((job, pull, pull.offset) for job in jobs for pull in job.wanted())
    while queue:
        asked = [queue.popleft() for _ in range(min(ITEMS, len(queue)))]
        items = [[job.ref.task, job.ref.job, pull.path, at] for job, pull, at in asked]
        answer, payload = source.call({"verb": "pull", "items": items, "limit": BYTES})
        rest = dict(enumerate(asked))
        for index, data, size, mtime_ns in _pieces(answer, payload, items):
            job, pull, offset = rest.pop(index)
            following = job.take(pull, offset, data, size, mtime_ns)
            if following is not None:
                rest[index] = (job, pull, following)
            progress(len(data))
        queue.extendleft(reversed([rest[index] for index in sorted(rest)]))


def _pieces(
    answer: Mapping[str, object], payload: bytes, items: Sequence[Sequence[object]]
) -> Iterator[tuple[int, bytes, int, int]]:
    """The pieces of an answer, each of them one that was asked for."""
    rows = answer.get("pieces")
    if not isinstance(rows, list) or not rows:
        raise Defect("the agent sends no piece of what was asked for")
    at, seen = 0, set()
    for row in rows:
        if not isinstance(row, list) or len(row) != 5 or not all(type(n) is int for n in row):
            raise Defect("the agent sends a piece without its numbers")
        index, offset, length, size, mtime_ns = row
        if not 0 <= index < len(items) or index in seen or items[index][3] != offset:
            raise Defect("the agent sends a piece that was not asked for")
        if not 0 <= length <= len(payload) - at:
            raise Defect("the agent sends less than it says")
        seen.add(index)
        yield index, payload[at : at + length], size, mtime_ns
        at += length


def _entry(ref: JobRef, path: str, raw: bytes) -> Mapping[str, object] | None:
    """A ledger entry, when these bytes are the one of that place."""
    slot = slot_of(path)
    try:
        content = json.loads(raw)
    except (ValueError, RecursionError):
        return None
    if not isinstance(content, dict) or slot is None:
        return None
    expected = {"task": ref.task, "job": ref.job, "attempt": slot.attempt, "slot": slot.slot}
    if any(content.get(key) != value for key, value in expected.items()):
        return None
    return content if content.get("kind") in ("claim", *ledger.FINAL) else None


@contextlib.contextmanager
def _alone(main: Path, workspace: str) -> Iterator[None]:
    """Only one process mirrors one workspace into one main folder."""
    key = hashlib.sha256(workspace.encode("utf-8", "replace")).hexdigest()[:12]
    path = main / names.OWN / f"mirror.{key}.lock"
    path.parent.mkdir(parents=True, exist_ok=True)
    lock = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC, 0o666)
    try:
        with contextlib.suppress(OSError):  # a file system without locks: on our own risk
            fcntl.flock(lock, fcntl.LOCK_EX)
        yield
    finally:
        os.close(lock)
