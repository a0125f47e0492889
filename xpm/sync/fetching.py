"""Mirrors of many jobs at once: manifests, then pieces of files until nothing lacks, then the records.

The agent lists a job's records before its other files, so a manifest with the outcome names the final files. A file that
changes all the same while it is fetched is asked for again; until all is here, no final record is written.
"""

import contextlib
import json
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

from xpm.connectors.base import Fetched, JobRef, Progress, Stayed, announced
from xpm.errors import Defect
from xpm.sync import blocks, names, staying, unchanged
from xpm.sync.alone import alone
from xpm.sync.arriving import Arriving, Source, bring
from xpm.sync.folder import InTheWay, JobFolder
from xpm.sync.mirror import Delta, Local, Pull, delta, slot_of
from xpm.sync.rules import EVERYTHING, Choice, Moment
from xpm.wire import ledger
from xpm.wire.manifests import fingerprint

JOBS = 100
ROUNDS = 4
SKEW_NS = 120 * 10**9
"""How far the clock of the agent's host and that of its file server may be apart."""
MOST_RECORD = 4 * 1024 * 1024
MOST_RECORDS = 64 * 1024 * 1024
"""So many bytes of records, which are kept until all else is here, the jobs of one round may have together."""


def fetch(
    source: Source,
    refs: Sequence[JobRef],
    main: Path,
    progress: Progress,
    choice: Choice = EVERYTHING,
    since: dict[JobRef, int] | None = None,
) -> list[Fetched]:
    """Mirror these jobs below the main folder; ``progress`` hears of each piece that arrived.

    Safe to repeat and to interrupt. Of jobs that run, those that somebody else mirrors now are left out. Raises
    ``HostProblem`` for the link and ``OSError`` for the local disk.

    Args:
        source: the far side.
        refs: the jobs.
        main: the main folder.
        progress: who hears of what arrives.
        choice: which files come.
        since: of jobs that run, the time there (ns) after which files are news; kept up to date here.
    """
    results: dict[JobRef, Fetched] = {}
    workspace = source.workspace
    since = since if since is not None else {}
    runs = choice.moment is Moment.RUNNING
    for first in range(0, len(refs), JOBS):
        some = list(dict.fromkeys(refs[first : first + JOBS]))
        with alone(main, workspace, some, waits=not runs) as held:
            wanted = held
            for _ in range(ROUNDS if wanted else 0):
                each_since = {ref: since[ref] for ref in wanted if runs and ref in since}
                tasks, now = _round(source, workspace, wanted, main, progress, choice, each_since)
                for task in tasks:
                    results[task.ref] = task.result(results.get(task.ref))
                    if runs and not task.has_moved:
                        since[task.ref] = now - SKEW_NS
                wanted = [task.ref for task in tasks if task.must_repeat]
                if not wanted:
                    break
    return [results[ref] for ref in refs if ref in results]


class _Job:
    """The mirror of one job during one round."""

    def __init__(
        self, ref: JobRef, folder: JobFolder, todo: Delta, choice: Choice, here: Local
    ) -> None:
        self.ref = ref
        self.folder = folder
        self.todo = todo
        self.here = here
        self._choice = choice
        self._runs = choice.moment is Moment.RUNNING
        self.files: list[Arriving] = []
        self.records: list[Arriving] = []
        self._problems = list(todo.problems)
        self._moved: list[str] = []
        self._final = False

    @property
    def is_complete(self) -> bool:
        """Whether all that is to come is here, without a word to say."""
        stays = any(each.is_unreadable for each in self.files)
        return not (self._moved or self._problems or stays)

    @property
    def has_moved(self) -> bool:
        """Whether files changed while they were fetched."""
        return bool(self._moved)

    @property
    def must_repeat(self) -> bool:
        """Whether the job is over but its files were still moving."""
        return self.has_moved and self._final

    def arriving(self, pulls: Sequence[Pull], room: int) -> Iterator[Arriving]:
        """The files to get, records last, of which there may be so many bytes."""
        where = (self.ref.task, self.ref.job)
        self.files = [Arriving(where, pull, self.folder) for pull in pulls]
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
        self._publish()
        self._tidy()

    def _publish(self) -> None:
        """Write the records. Of a job that runs no final one: not all that came of an attempt that ended is asked for."""
        raws = {each.pull.path: each.raw for each in self.records if each.is_whole}
        for pull in self.todo.records:
            raw = raws.get(pull.path)
            entry = _entry(self.ref, pull.path, raw) if raw is not None else None
            if entry is None:
                if pull.path not in self._moved:
                    self._problems.append(f"{pull.path}: not a record of this job")
                continue
            is_final = entry["kind"] in ledger.FINAL
            if is_final and self._runs:
                continue
            self._final = is_final
            if self._final and self._moved and pull is self.todo.records[-1]:
                break
            assert raw is not None
            self.folder.record(pull.path, raw)

    def _tidy(self) -> None:
        """Forget unfinished copies that nobody will go on with."""
        if not self._moved:
            self.folder.tidy(self.todo.half)
        elif not self._final:  # of a job that runs there may be many versions
            for each in self.files:
                if each.has_moved and not each.pull.grows:
                    self.folder.drop(each.pull)

    def result(self, before: Fetched | None) -> Fetched:
        """What arrived, all rounds together."""
        moved = [f"{names.shown(path)}: it changed while it was fetched" for path in self._moved]
        whole = sum(each.is_whole for each in (*self.files, *self.records))
        size = sum(each.arrived for each in (*self.files, *self.records))
        if before is not None:
            whole, size = whole + before.files, size + before.bytes
        kept = [*(before.kept if before is not None else ()), *self.folder.kept]
        return Fetched(self.ref, whole, size, [*self._problems, *moved], self._stayed(), kept)

    def _stayed(self) -> list[Stayed]:
        stays = dict(self.todo.staying)
        for each in self.files:
            if each.is_unreadable:
                stays[each.pull.path] = each.pull.file.size, "unreadable"
        return [Stayed(path, size, why) for path, (size, why) in sorted(stays.items())]

    def _note_staying(self) -> None:
        if self._runs:
            return
        try:
            staying.note(self.folder, self._stayed(), self._choice.words)
        except InTheWay as obstacle:
            self._problems.append(str(obstacle))


def _round(
    source: Source,
    workspace: str,
    refs: Sequence[JobRef],
    main: Path,
    progress: Progress,
    choice: Choice,
    since: Mapping[JobRef, int],
) -> tuple[list[_Job], int]:
    """Get what lacks of these jobs; with the time there when that was looked at (ns)."""
    listed = [[ref.task, ref.job, *([since[ref]] if ref in since else [])] for ref in refs]
    request: dict[str, object] = {"verb": "manifest", "jobs": listed}
    paths = [Path(ledger.job_folder(str(main), ref.task, ref.job)) for ref in refs]
    noted = [None if since else unchanged.noted(path, choice) for path in paths]
    if any(noted):
        request["known"] = [each.there if each else None for each in noted]
    with contextlib.ExitStack() as stack:
        other = stack.enter_context(ThreadPoolExecutor(1, "xpm-manifest"))
        asked = other.submit(source.call, request)  # both sides look at the same time
        folders = [stack.enter_context(JobFolder(path)) for path in paths]
        here = [replace(folder.scan(), is_brought=folder.is_brought) for folder in folders]
        looks = [
            each is not None and each.is_so(local) for each, local in zip(noted, here, strict=True)
        ]
        answer = asked.result()[0]
        manifests, now = answer.get("jobs"), answer.get("now")
        if not isinstance(manifests, list) or len(manifests) != len(refs):
            raise Defect("the agent's manifest does not answer the request")
        same = [
            manifest == "same" and is_so for manifest, is_so in zip(manifests, looks, strict=True)
        ]
        manifests = _lists(source, listed, manifests, same)
        jobs = [
            _Job(ref, folder, delta(ref, manifest, local, workspace, choice), choice, local)
            for ref, folder, local, manifest, is_same in zip(
                refs, folders, here, manifests, same, strict=True
            )
            if not is_same
        ]
        _pull(source, jobs, progress)
        for job in jobs:
            job.complete()
        _remember(jobs, dict(zip(refs, manifests, strict=True)), choice)
        kept = [
            _Job(ref, folder, _nothing(path), choice, local)
            for ref, folder, path, local, is_same in zip(
                refs, folders, paths, here, same, strict=True
            )
            if is_same
        ]
        return [*jobs, *kept], now if isinstance(now, int) else 0


def _lists(
    source: Source,
    listed: Sequence[Sequence[object]],
    told: Sequence[Any],
    same: Sequence[bool],
) -> list[Any]:
    """The manifests, also of what looks the same there but not here."""
    lacks = [not is_same and each == "same" for each, is_same in zip(told, same, strict=True)]
    if not any(lacks):
        return list(told)
    wanted = [each for each, is_lacking in zip(listed, lacks, strict=True) if is_lacking]
    more = source.call({"verb": "manifest", "jobs": wanted})[0].get("jobs")
    if not isinstance(more, list) or len(more) != len(wanted):
        raise Defect("the agent's manifest does not answer the request")
    rest = iter(more)
    return [
        next(rest) if is_lacking else each for each, is_lacking in zip(told, lacks, strict=True)
    ]


def _nothing(path: Path) -> Delta:
    """What is to do for a job of which nothing has changed."""
    stays = {each.path: (each.size, each.why) for each in staying.noted(path)}
    return Delta([], [], [], [], stays)


def _remember(
    jobs: Sequence[_Job], manifests: Mapping[JobRef, Mapping[str, object]], choice: Choice
) -> None:
    """Note of jobs with many files how both sides look, when nothing lacks."""
    if choice.moment is Moment.RUNNING:
        return
    for job in jobs:
        files = manifests[job.ref].get("files")
        if isinstance(files, list) and len(files) >= unchanged.LEAST and job.is_complete:
            unchanged.note(job.folder, fingerprint(manifests[job.ref]), choice)


def _pull(source: Source, jobs: Sequence[_Job], progress: Progress) -> None:
    """Get every file of these jobs, as far as it is not here already."""
    wanted = [
        ((job.ref.task, job.ref.job), job.folder, pull) for job in jobs for pull in job.todo.pulls
    ]
    for job in jobs:
        with contextlib.suppress(InTheWay):  # then more is kept beside than need be
            job.folder.brought.expect(job.todo.pulls, job.here.files)
    pulls = iter(blocks.compared(source, wanted))
    room = MOST_RECORDS // max(1, len(jobs))
    arriving = [
        file for job in jobs for file in job.arriving([next(pulls) for _ in job.todo.pulls], room)
    ]
    announced(progress, sum(each.lacks for each in arriving), len(arriving))
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
