"""A main folder with many jobs in its journal, made of records alone."""

import hashlib
import json
from collections.abc import Iterator
from pathlib import Path

from xpm.connectors.base import Change, JobRef
from xpm.follow.journal import Journal
from xpm.follow.main import MainFolder
from xpm.follow.records import Line
from xpm.wire import ledger

TASK = "bench.learn"
T0 = 1_790_000_000.0


def job_id(number: int) -> str:
    """The id of the job of this number."""
    return hashlib.sha256(f"job {number}".encode()).hexdigest()


def state(number: int) -> str:
    """How the job of this number ended."""
    return "failed" if number % 400 == 7 else "cancelled" if number % 1000 == 3 else "done"


def tags(number: int) -> dict[str, object]:
    """Its tags: a sweep over 20 learning rates and 5 models, with as many seeds as it takes."""
    return {
        "lr": round(0.001 * (1 + number % 20), 3),
        "model": f"m{number // 20 % 5}",
        "seed": number // 100,
    }


def fill(path: Path, count: int) -> MainFolder:
    """Write the records and folders of so many jobs, all over, each with its metrics."""
    main = MainFolder(path)
    main.prepare()
    record = main.experiment("crowd")
    run = record.start(T0, None, [])
    numbers = range(count)
    for number in numbers:
        at = T0 + number
        record.append(
            Line(job_id(number), TASK, 1, "local", "local", tags(number), (), str(path), at, run)
        )
        _write_folder(main, number, at)
    record.close()
    record.end(run, T0 + count, "failed")
    journal = Journal(main)
    journal.catch_up()
    journal.arrived("local", list(map(_change, numbers)), T0 + count)
    journal.close()
    return main


def _write_folder(main: MainFolder, number: int, at: float) -> None:
    folder = main.job_folder(JobRef(TASK, job_id(number)))
    own = folder / ledger.FOLDER
    own.mkdir(parents=True)
    (folder / "stdout").write_text(f"learning {number}\n" * 10)
    (folder / "stderr").write_text("")
    (folder / "metrics.json").write_text(
        json.dumps({"accuracy": number % 97 / 97, "loss": {"train": 0.1, "test": number % 13}})
    )
    for slot, content in enumerate(_entries(number, at), 1):
        (own / ledger.name(1, slot)).write_text(json.dumps(content))


def _entries(number: int, at: float) -> Iterator[dict[str, object]]:
    common = {"format": 1, "task": TASK, "job": job_id(number), "attempt": 1}
    yield {
        **common, "kind": "claim", "slot": 1, "at": at, "submission": "s1", "batch_id": None,
        "restart": 0, "generation": 1, "host": "here", "pid": 1, "started": 1, "boot": "b",
        "python": "3.12.1", "snapshot": "c0de", "node": "", "environment": None, "modules": [],
        "image": None,
    }  # fmt: skip
    done = state(number) == "done"
    yield {
        **common, "kind": "outcome", "slot": 2, "at": at + 1, "state": state(number),
        "cause": None if done else "exit", "exit_code": 0 if done else 1, "signal": None,
        "error": None, "hint": "", "started_at": at, "ended_at": at + 1, "generation": 1,
        "max_rss_kib": 1000, "progress": None, "message": "",
    }  # fmt: skip


def _change(number: int) -> Change:
    ended = state(number)
    cause = None if ended == "done" else "exit"
    ref = JobRef(TASK, job_id(number))
    return Change(ref, ended, cause, 1, 1, None, "", "", T0 + number + 1)
