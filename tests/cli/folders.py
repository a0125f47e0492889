"""Main folders with a past, made of nothing but their records."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from xpm.connectors.base import JobRef
from xpm.follow.main import MainFolder
from xpm.follow.records import Line
from xpm.wire import ledger

T0 = 1_790_000_000.0


@dataclass(frozen=True, slots=True)
class Past:
    """A job that is over: one attempt, claimed and ended."""

    job: str
    task: str = "demo.learn"
    state: str = "done"
    cause: str | None = None
    tags: Mapping[str, object] = field(default_factory=dict[str, object])
    stdout: str = ""
    stderr: str = ""
    error: Mapping[str, str] | None = None


def main_folder(path: Path, experiment: str, jobs: Sequence[Past], at: float = T0) -> MainFolder:
    """Write the records of an experiment whose jobs are all over, their files here."""
    main = MainFolder(path)
    main.prepare()
    record = main.experiment(experiment)
    run = record.start(at, str(path / "plan.py"), ["--fast"])
    for place, past in enumerate(jobs):
        _write(main, past, at + place)
        record.append(
            Line(
                past.job, past.task, 1, "local", "local", past.tags, (), str(path), at + place, run
            )
        )
    record.close()
    record.end(run, at + 10, "done" if all(past.state == "done" for past in jobs) else "failed")
    return main


def _write(main: MainFolder, past: Past, at: float) -> None:
    folder = main.job_folder(JobRef(past.task, past.job))
    folder.mkdir(parents=True)
    (folder / "stdout").write_text(past.stdout)
    (folder / "stderr").write_text(past.stderr)
    common = {"format": 1, "task": past.task, "job": past.job, "attempt": 1}
    claim = {
        **common, "kind": "claim", "slot": 1, "at": at + 1, "submission": "s1", "batch_id": "123_4",
        "restart": 0, "generation": 1, "host": "node-a", "pid": 42, "started": 1, "boot": "b",
        "python": "3.12.1", "snapshot": "c0de",
    }  # fmt: skip
    outcome = {
        **common, "kind": "outcome", "slot": 2, "at": at + 3.5, "state": past.state,
        "cause": past.cause, "exit_code": 0 if past.state == "done" else 1, "signal": None,
        "error": past.error, "hint": "", "started_at": at + 1, "ended_at": at + 3.5,
        "generation": 1, "max_rss_kib": 1000,
    }  # fmt: skip
    ledger.append(str(folder), claim, None)
    ledger.append(str(folder), outcome, None)
