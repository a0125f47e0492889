"""The folders of jobs here, for whom nothing may ask any more: told, and emptied of results when their owner says so.

Which of them are orphans is the laptop's to say: it knows its experiments, and what of their results it has.
"""

import os
from typing import Any, Dict, Iterator, List, NamedTuple, Optional, Tuple

from xpm.agent import paths, reading, results, rubbish
from xpm.agent.needs import Needs
from xpm.agent.refusals import Refusal
from xpm.agent.trash import Generation, Kept
from xpm.wire import emptied, files, jobfile, ledger, manifests
from xpm.wire.workspace import Layout

Found = NamedTuple(
    "Found",
    [
        ("task", str),
        ("job", str),
        ("experiment", str),  # whose it was; "" when nothing tells
        ("at", float),  # when its records last changed
        ("known", bool),  # whether the queue asks for it
        ("empty", bool),  # whether its results are removed already
    ],
)


def folders(layout: Layout, needed: Needs, now: float) -> "Iterator[Found]":
    """The folders of jobs that are over, and that nothing which is not over depends on."""
    names = experiments(layout)
    root = os.path.join(layout.root, "jobs")
    for task in files.listing(root):
        for job in files.listing(os.path.join(root, task)):
            if job in needed.jobs or not _is_job(task, job):
                continue
            folder = layout.job(task, job)
            own = os.path.join(folder, ledger.FOLDER)
            try:
                at = os.lstat(own).st_mtime
            except (FileNotFoundError, NotADirectoryError):
                at = now
                if not os.path.isdir(folder):
                    continue
            if now - at < rubbish.GRACE_S or _is_running(folder):
                continue
            experiment = names.get(job) or str(
                (jobfile.read(layout.root, task, job) or {}).get("experiment") or ""
            )
            is_empty = os.path.exists(os.path.join(own, emptied.NAME))
            yield Found(task, job, experiment, at, job in needed.known, is_empty)


def experiments(layout: Layout) -> Dict[str, str]:
    """The experiment that each job of the queue was last sent for."""
    found: Dict[str, str] = {}
    bundles = [os.path.join(layout.queue, name) for name in files.listing(layout.queue)]
    for _, path in sorted(map(reading.age_key, bundles)):
        for entry in reading.bundle(path):
            found[str(entry.get("job"))] = str(entry.get("experiment") or "")
    return found


def empty(
    layout: Layout, generation: Generation, asked: "List[List[Any]]", needed: Needs, now: float
) -> "List[Kept]":
    """Take the results of these jobs away; what stays, and why.

    Args:
        layout: the workspace.
        generation: where to.
        asked: [task, job, fingerprint of what was fetched of it]; without one, nothing of it need be elsewhere.
        needed: what is needed.
        now: the time.
    """
    kept: List[Kept] = []
    for row in asked:
        task, job, fetched = paths.task_id(row[0]), paths.job_id(row[1]), row[2]
        reason = _empty(layout, generation, (task, job), fetched, needed, now)
        if reason is not None:
            kept.append(Kept("job", job, reason))
    return kept


def _empty(
    layout: Layout,
    generation: Generation,
    which: "Tuple[str, str]",
    fetched: "Optional[str]",
    needed: Needs,
    now: float,
) -> "Optional[str]":
    task, job = which
    folder = layout.job(task, job)
    if job in needed.jobs:
        return "a job that is not over needs it"
    if os.path.islink(folder) or os.path.islink(os.path.dirname(folder)):
        return "its folder is a link"
    if _is_running(folder):
        return "a run of it has not ended"
    listed = results.manifest(layout, {"jobs": [[task, job]]})[0]["jobs"][0]
    if fetched is not None and manifests.fingerprint(listed) != fetched:
        return "it has changed since it was fetched"
    if os.path.isdir(os.path.join(folder, ledger.FOLDER)):
        emptied.note(folder, now)
    inside = [name for name in os.listdir(folder) if name != ledger.FOLDER]
    item = rubbish.Item("job", job, [os.path.join(folder, name) for name in sorted(inside)])
    stays = generation.take(item)
    return stays.why if stays is not None else None


def _is_job(task: str, job: str) -> bool:
    try:
        paths.task_id(task)
        paths.job_id(job)
    except Refusal:
        return False
    return True


def _is_running(folder: str) -> bool:
    """Whether the last record of a job is a claim: whoever holds it may be at work, whatever the queue says."""
    slots = ledger.slots(folder)
    if not slots:
        return False
    content = reading.entry(os.path.join(folder, ledger.FOLDER), ledger.name(*slots[-1]))
    return content is not None and content["kind"] not in ledger.FINAL
