"""Why a plan failed, in words: which tasks, the cause, the end of their logs, what was not run."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from xpm.connectors.jobs import JobRef
from xpm.errors import JobsFailed
from xpm.wire import hints, ledger

if TYPE_CHECKING:
    from xpm._jobs import Job

LINES = 12
SHOWN = 10
AT_ONCE_S = 60
CAUSES = {
    "exit": "it ended with an error",
    "signal": "it was killed by a signal",
    "oom": "it used more memory than it was given (OOM)",
    "timeout": "it ran out of its time (TIMEOUT)",
    "preempted": "it was preempted",
    "node_fail": "its node failed",
    "cancelled": "it was cancelled",
    "dependency": "a task it depends on is not done",
    "launch": "it could not be started",
    "lost": "it disappeared without a record",
    "refused": "its site can never run it",
}


def failed(experiment: str, jobs: "Sequence[Job]") -> JobsFailed:
    """The error that ends a plan some of whose jobs are not done."""
    from xpm import _notebook

    bad = [job for job in jobs if job.state not in ("done", "skipped")]
    skipped = [job for job in jobs if job.state == "skipped"]
    parts = list(_each_told(bad[:SHOWN]))
    if len(bad) > SHOWN:
        parts.append(f"... and {len(bad) - SHOWN} more: `xpm status {experiment}`")
    parts += [_told_skipped(job, jobs) for job in skipped[:SHOWN]]
    if len(skipped) > SHOWN:
        parts.append(f"... and {len(skipped) - SHOWN} more skipped")
    counted = f"{len(bad)} of {len(jobs)} tasks {_verb(bad)}"
    if skipped:
        counted += f", {len(skipped)} {'was' if len(skipped) == 1 else 'were'} not run"
    hint = f"run {_notebook.what_again()} again to give them a new attempt; done tasks are not repeated"
    ran = next((job for job in bad if last_log(Path(job.folder)) is not None), None)
    if ran is not None:
        hint += f"\n     the whole log: `xpm logs {ran.sealed.job[:12]} --stderr`, the reasons: `xpm why {ran.sealed.job[:12]}`"
    small = next((job for job in bad if job.known and job.known.cause in hints.MORE), None)
    if small is not None and small.known is not None:
        hint += f"\n     {hints.with_more(str(small.known.cause), small.sealed.job[:12])}"
    return JobsFailed(counted, on=experiment, cause="\n" + "\n".join(parts), hint=hint)


def _each_told(bad: "Sequence[Job]") -> Iterator[str]:
    """Each job that failed; of several that failed alike, the first with its log."""
    told: dict[tuple[object, ...], str] = {}
    for job in bad:
        said = _said(job, _outcome(job))
        alike = job.sealed.task, job.state, said
        first = told.get(alike) if said else None
        if first is None:
            told[alike] = job.sealed.job[:12]
            yield _told(job)
        else:
            yield f"- {_named(job)}: {job.state}, like {first}: {said.splitlines()[0]}"


def _verb(bad: "Sequence[Job]") -> str:
    return "cancelled" if bad and all(job.state == "cancelled" for job in bad) else "failed"


def _named(job: "Job") -> str:
    tags = ", ".join(f"{name}={value}" for name, value in sorted(job.sealed.tags.items()))
    return f"{job.sealed.task} {job.sealed.job[:12]}" + (f" ({tags})" if tags else "")


def _told(job: "Job") -> str:
    known = job.known
    cause = known.cause if known else None
    lines = [f"- {_named(job)}: {job.state}, {CAUSES.get(cause or '', cause or 'no cause known')}"]
    details = _outcome(job)
    message = _said(job, details)
    code, signal = details.get("exit_code"), details.get("signal")
    if cause == "exit" and code is not None:
        lines[0] += f" (exit code {code})"
    if cause == "signal" and signal is not None:
        lines[0] += f" (signal {signal})"
    lines += [f"    {each}" for each in message.splitlines()]
    if details.get("hint"):
        lines.append(f"    {details['hint']}")
    lines.append(f"    submitted in {job.sealed.where}; attempt {job.attempt} on {_place(job)}")
    lines[-1] += _used(details)
    log = last_log(Path(job.folder))
    if log is None:
        lines.append(f"    no log was written; its folder: {job.folder}")
        return "\n".join(lines)
    lines.append(f"    the last lines of {log}:")
    lines += [f"    | {each}" for each in last_lines(log)]
    return "\n".join(lines)


def _told_skipped(job: "Job", jobs: "Sequence[Job]") -> str:
    guilty = _guilty(job, {each.ref: each for each in jobs})
    because = f", because {' and '.join(guilty)} did not end well" if guilty else ""
    return f"- {_named(job)}: skipped{because}"


def _guilty(job: "Job", jobs: "dict[JobRef, Job]") -> list[str]:
    parents = [jobs[ref] for ref in job.parents if ref in jobs]
    return [
        f"{each.sealed.task} {each.sealed.job[:12]}" for each in parents if each.state != "done"
    ]


def _place(job: "Job") -> str:
    batch = getattr(job.known, "batch_id", None)
    where = job.line.connector if job.line else job.spec.name
    return f"{where}, batch job {batch}" if batch else where


def _used(details: Mapping[str, object]) -> str:
    """What its run took, where that was recorded and may explain its end: an error at once explains itself."""
    begun, ended = details.get("started_at"), details.get("ended_at")
    more = details.get("details")
    peak = more.get("peak_kib") if isinstance(more, dict) else None
    memory = peak or details.get("max_rss_kib")
    if not isinstance(begun, float) or not isinstance(ended, float):
        return ""
    if details.get("cause") in ("exit", "launch") and ended - begun < AT_ONCE_S:
        return ""
    size = f" with at most {hints.size(memory)}" if isinstance(memory, int) and memory else ""
    return f"; it ran {hints.duration(ended - begun)}{size}"


def _outcome(job: "Job") -> dict[str, object]:
    slots = ledger.slots(str(job.folder))
    if not slots:
        return {}
    try:
        return ledger.entry(str(job.folder), slots[-1].attempt, slots[-1].slot) or {}
    except ValueError:
        return {}


def _said(job: "Job", details: dict[str, object]) -> str:
    known = job.known.message if job.known else ""
    return (_message(details) or known).strip()


def _message(details: dict[str, object]) -> str:
    """What was recorded, with the line of the plan where there is one; its hint is told apart."""
    said, hint = str(details.get("message") or ""), str(details.get("hint") or "")
    error = details.get("error")
    if not said and isinstance(error, dict):
        return f"{error.get('type', 'error')}: {error.get('message', '')}"
    return said.removesuffix(hint) if hint else said


def last_log(folder: Path) -> Path | None:
    """The log of a job that says most about its end; None when it wrote none."""
    for name in ("stderr", "stdout"):
        path = folder / name
        if path.is_file() and path.stat().st_size:
            return path
    return None


def last_lines(path: Path) -> list[str]:
    """The end of a log."""
    with path.open("rb") as file:
        file.seek(0, 2)
        file.seek(max(0, file.tell() - 8192))
        text = file.read().decode("utf-8", "replace")
    return [each.rstrip()[:300] for each in text.splitlines()[-LINES:]]
