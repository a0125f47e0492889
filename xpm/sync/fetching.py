"""Mirrors of many jobs at once: manifests, then pieces of files until nothing lacks, then the records.

The agent lists a job's records before its other files, so a manifest with the outcome names the final files. A file that
changes all the same while it is fetched is asked for again; until all is here, no final record is written.
"""

import contextlib
import fcntl
import hashlib
import json
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from xpm.connectors.base import Fetched, JobRef, Stayed
from xpm.errors import Defect
from xpm.sync import blocks, names, staying
from xpm.sync.arriving import Arriving, Source, bring
from xpm.sync.folder import InTheWay, JobFolder
from xpm.sync.mirror import Delta, Pull, delta, slot_of
from xpm.sync.rules import EVERYTHING, Choice
from xpm.wire import ledger

JOBS = 100
ROUNDS = 4
MOST_RECORD = 4 * 1024 * 1024
MOST_RECORDS = 64 * 1024 * 1024
"""So many bytes of records, which are kept until all else is here, one job may have."""


def fetch(
    source: Source,
    refs: Sequence[JobRef],
    main: Path,
    progress: Callable[[int], None],
    choice: Choice = EVERYTHING,
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
                tasks = _round(source, workspace, wanted, main, progress, choice)
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
        self.todo = todo
        self.files: list[Arriving] = []
        self.records: list[Arriving] = []
        self._problems = list(todo.problems)
        self._moved: list[str] = []
        self._final = False

    @property
    def must_repeat(self) -> bool:
        """Whether the job is over but its files were still moving."""
        return bool(self._moved) and self._final

    def arriving(self, pulls: Sequence[Pull]) -> Iterator[Arriving]:
        """The files to get, records last."""
        where = (self.ref.task, self.ref.job)
        self.files = [Arriving(where, pull, self.folder) for pull in pulls]
        room = MOST_RECORDS
        for pull in self.todo.records:
            if pull.file.size <= min(MOST_RECORD, room):
                room -= pull.file.size
                self.records.append(Arriving(where, pull, None))
        yield from self.files
        yield from self.records

    def complete(self) -> None:
        """Make the links, then write the records: final ones only when nothing lacks."""
        everything = [*self.files, *self.records]
        self._moved = [each.pull.path for each in everything if each.has_moved]
        self._problems += [each.problem for each in everything if each.problem]
        for path, target in self.todo.links:
            try:
                self.folder.link(path, target)
            except InTheWay as obstacle:
                self._problems.append(str(obstacle))
        self._note_staying()
        raws = {each.pull.path: each.raw for each in self.records if each.is_whole}
        for pull in self.todo.records:
            raw = raws.get(pull.path)
            entry = _entry(self.ref, pull.path, raw) if raw is not None else None
            if entry is None:
                if pull.path not in self._moved:
                    self._problems.append(f"{pull.path}: not a record of this job")
                continue
            self._final = entry["kind"] in ledger.FINAL
            if self._final and self._moved and pull is self.todo.records[-1]:
                break
            assert raw is not None
            self.folder.record(pull.path, raw)
        if not self._moved:
            self.folder.tidy()

    def result(self, before: Fetched | None) -> Fetched:
        """What arrived, all rounds together."""
        moved = [f"{names.shown(path)}: it changed while it was fetched" for path in self._moved]
        whole = sum(each.is_whole for each in (*self.files, *self.records))
        size = sum(each.arrived for each in (*self.files, *self.records))
        if before is not None:
            whole, size = whole + before.files, size + before.bytes
        return Fetched(self.ref, whole, size, [*self._problems, *moved], self._stayed())

    def _stayed(self) -> list[Stayed]:
        return [Stayed(path, size, why) for path, (size, why) in sorted(self.todo.staying.items())]

    def _note_staying(self) -> None:
        try:
            staying.note(self.folder, self._stayed())
        except InTheWay as obstacle:
            self._problems.append(str(obstacle))


def _round(
    source: Source,
    workspace: str,
    refs: Sequence[JobRef],
    main: Path,
    progress: Callable[[int], None],
    choice: Choice,
) -> list[_Job]:
    request = {"verb": "manifest", "jobs": [[ref.task, ref.job] for ref in refs]}
    with contextlib.ExitStack() as stack:
        other = stack.enter_context(ThreadPoolExecutor(1, "xpm-manifest"))
        asked = other.submit(source.call, request)  # both sides look at the same time
        paths = [Path(ledger.job_folder(str(main), ref.task, ref.job)) for ref in refs]
        folders = [stack.enter_context(JobFolder(path)) for path in paths]
        here = [folder.scan() for folder in folders]
        manifests = asked.result()[0].get("jobs")
        if not isinstance(manifests, list) or len(manifests) != len(refs):
            raise Defect("the agent's manifest does not answer the request")
        jobs = [
            _Job(ref, folder, delta(ref, manifest, local, workspace, choice))
            for ref, folder, local, manifest in zip(refs, folders, here, manifests, strict=True)
        ]
        _pull(source, jobs, progress)
        for job in jobs:
            job.complete()
        return jobs


def _pull(source: Source, jobs: Sequence[_Job], progress: Callable[[int], None]) -> None:
    """Get every file of these jobs, as far as it is not here already."""
    wanted = [
        ((job.ref.task, job.ref.job), job.folder, pull) for job in jobs for pull in job.todo.pulls
    ]
    pulls = iter(blocks.compared(source, wanted))
    arriving = [
        file for job in jobs for file in job.arriving([next(pulls) for _ in job.todo.pulls])
    ]
    bring(source, arriving, progress)


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
