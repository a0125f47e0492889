"""What a run is asked to do: one element of a submission, with the queue entry it stands for."""

from __future__ import annotations

import json
import os
import signal

from xpm.runner.patience import patience_s
from xpm.runner.record import Record
from xpm.wire import files, refreshing
from xpm.wire.workspace import Layout

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Dict, List, Mapping, Optional

    Entry = Dict[str, Any]


class OrderProblem(Exception):
    """The submission does not say what to run: a damaged or foreign workspace."""


class Notice(Record):
    """A signal that says, so many seconds before, that the time will be over."""

    signum: int
    lead_s: float


class Order(Record):
    """One job to run, in one attempt, under one batch job."""

    layout: Layout
    submission: str
    element: Optional[int]
    """Which element of an array; None where there is no array."""
    kind: str
    task: str
    job: str
    attempt: int
    entry: Entry
    request: Entry
    batch_id: Optional[str]
    restart: int

    @property
    def in_slurm(self) -> bool:
        """Whether Slurm runs us."""
        return self.kind == "slurm"

    @property
    def log(self) -> str:
        """Where what the batch script prints goes."""
        name = "log" if self.element is None else "log.%d" % self.element
        return os.path.join(self.layout.submission(self.submission), name)

    @property
    def folder(self) -> str:
        """The job's folder."""
        return self.layout.job(self.task, self.job)

    @property
    def time_s(self) -> Optional[float]:
        """How long the job may run."""
        time_s = (self.request.get("resources") or {}).get("time_s")
        return float(time_s) if time_s else None

    @property
    def is_resumable(self) -> bool:
        """Whether the task goes on from what it finds in its folder."""
        return bool(self.request.get("resumable"))

    @property
    def warning(self) -> Optional[Notice]:
        """What the task is sent before its time is over."""
        said = self.request.get("warning") or {}
        if not said.get("lead_s"):
            return None
        number = getattr(signal, "SIG%s" % said.get("signal"), signal.SIGUSR1)
        return Notice(int(number), float(said["lead_s"]))

    @property
    def snapshot(self) -> Optional[str]:
        """The code it runs."""
        return (self.entry.get("code") or {}).get("snapshot")

    @property
    def project(self) -> str:
        """The folder of its code."""
        return os.path.join(self.layout.code, self.snapshot) if self.snapshot else self.layout.root


def read_order(
    workspace: str, submission: str, index: Optional[int], environ: Mapping[str, str]
) -> Order:
    """The order that this element of a submission stands for.

    Args:
        workspace: its folder.
        submission: its id.
        index: which element; None: the one Slurm's array index names.
        environ: the batch script's environment.

    Raises:
        OrderProblem: there is no such submission or element, or its queue entry is gone.
        OSError: the disk is away; that may pass.
    """
    layout = Layout(workspace)
    folder = layout.submission(submission)
    intent = _load(os.path.join(folder, "intent.json"))
    in_slurm = intent["kind"] == "slurm"
    said = environ.get("SLURM_ARRAY_TASK_ID", "") if in_slurm else ""
    if index is None and said.isdigit():
        index = int(said)
    task, job, attempt = _element(folder, intent, index or 0)
    entry = refreshing.apply(layout, read_entry(layout.bundle(intent["entries"][job]), job))
    return Order(
        layout=layout,
        submission=submission,
        element=index,
        kind=intent["kind"],
        task=task,
        job=job,
        attempt=attempt,
        entry=entry,
        request=intent.get("request") or entry.get("request") or {},
        batch_id=_batch_id(environ) if in_slurm else None,
        restart=int(environ.get("SLURM_RESTART_COUNT") or 0) if in_slurm else 0,
    )


def _element(folder: str, intent: Entry, index: int) -> List[Any]:
    """The element of this index: of those that have joined (xpm/agent/members.py), where not all of an intent need have."""
    jobs: List[Any] = intent["jobs"]
    if len(jobs) > 1 and not intent.get("part"):
        jobs = [jobs[each] for each in _load(os.path.join(folder, "index.json"))["elements"]]
    if not 0 <= index < len(jobs):
        raise OrderProblem("submission %s has no element %d" % (os.path.basename(folder), index))
    return jobs[index]  # type: ignore[no-any-return]


def read_entry(bundle: str, job: str) -> Entry:
    """A job's entry of a bundle: the one of its highest attempt.

    Raises:
        OrderProblem: it has none.
    """
    found = _scan(bundle, job) or [each for each in _load(bundle)["jobs"] if each["job"] == job]
    if not found:
        raise OrderProblem("%s says nothing of job %s" % (bundle, job))
    return max(found, key=lambda each: int(each["attempt"]))


def _scan(bundle: str, job: str) -> List[Entry]:
    """A job's entries, found without parsing the others (a bundle may hold thousands); [] when it is not that easy.

    Bundles are written with sorted keys, so an entry starts with its attempt, and quotes within texts are escaped.
    """
    text = (files.read(bundle) or b"").decode("ascii", "replace")
    found = []
    at = text.find('"job":"%s"' % job)
    while at >= 0:
        start = text.rfind('{"attempt":', 0, at)
        try:
            entry = json.JSONDecoder().raw_decode(text, start)[0] if start >= 0 else {}
        except ValueError:
            return []
        if entry.get("job") != job or "document" not in entry or "request" not in entry:
            return []
        found.append(entry)
        at = text.find('"job":"%s"' % job, at + 1)
    return found


def _batch_id(environ: Mapping[str, str]) -> Optional[str]:
    array = environ.get("SLURM_ARRAY_JOB_ID")
    if array:
        return "%s_%s" % (array, environ.get("SLURM_ARRAY_TASK_ID", "0"))
    return environ.get("SLURM_JOB_ID")


def _load(path: str) -> Entry:
    try:
        content = files.load(path)
    except (OSError, ValueError) as error:
        if isinstance(error, OSError) and patience_s(error):
            raise
        raise OrderProblem("%s cannot be read: %s" % (path, error)) from error
    if content is None:
        raise OrderProblem("%s is missing" % path)
    return content
