"""A workspace with hand-written submissions, and real runners to run them."""

import contextlib
import hashlib
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from xpm.wire import files, ledger, travel
from xpm.wire.workspace import prepare, write_bundle

TASK = "lab.count"
WORK = '''
import os, signal, sys, time
from xpm import Param, Task, progress

class Code(Task):
    """Runs the code it is given."""
    code: Param[str]

    def execute(self):
        with open("effects", "a") as file:
            file.write("%d\\n" % os.getpid())
        exec(self.code, {**globals(), "self": self})
'''


def job_id(name: str) -> str:
    """A job's id that stands for a name."""
    return hashlib.sha256(name.encode()).hexdigest()


class Workshop:
    """One workspace on a plain host, or one that Slurm would use."""

    def __init__(self, root: Path, kind: str = "plain", code: str = WORK) -> None:
        self.layout, _ = prepare(str(root))
        self.kind = kind
        sha12, raw = travel.archive()
        self.travel = travel.unpack(raw, self.layout.travel, sha12)
        project = Path(self.layout.code, "snap")
        project.mkdir()
        (project / "work.py").write_text(code)

    def entry(self, job: str, code: str, attempt: int = 1, **more: Any) -> dict[str, Any]:
        """A queue entry whose task runs this code."""
        node = {"type": 0, "values": {"code": code}, "job": [TASK, job]}
        found: dict[str, Any] = {
            "id": TASK,
            "module": "work",
            "name": "Code",
            "script": None,
            "meta": [],
        }
        document = {"format": 1, "root": 0, "types": [found], "nodes": [node]}
        base = {
            "job": job,
            "task": TASK,
            "attempt": attempt,
            "experiment": "test",
            "parents": [],
            "tokens": [],
            "request": {"launcher": "x", "connector": "x", "kind": self.kind, "options": []},
            "document": document,
            "code": {"snapshot": "snap", "script": None, "path": ["."], "argv": []},
            "tags": {},
        }
        return {**base, **more}

    def submit(self, *entries: dict[str, Any]) -> str:
        """A submission of these entries; its id."""
        bundle = write_bundle(self.layout, list(entries))
        submission = f"sub-{bundle[:8]}"
        Path(self.layout.submission(submission)).mkdir()
        intent = {
            "format": 1,
            "id": submission,
            "at": time.time(),
            "kind": self.kind,
            "jobs": [[each["task"], each["job"], each["attempt"]] for each in entries],
            "entries": {each["job"]: bundle for each in entries},
            "request": entries[0]["request"],
        }
        path = str(Path(self.layout.submission(submission), "intent.json"))
        files.write(path, files.dump(intent))
        index = {"format": 1, "elements": list(range(len(entries)))}
        files.write(path.replace("intent.json", "index.json"), files.dump(index))
        return submission

    def start(
        self,
        submission: str,
        index: int | None = None,
        python: str = sys.executable,
        environ: Mapping[str, str] | None = None,
    ) -> "subprocess.Popen[bytes]":
        """A runner of an element of a submission."""
        argv = [python, self.travel, "run", self.layout.root, submission]
        return subprocess.Popen(
            argv if index is None else [*argv, str(index)],
            env={**clean(os.environ), **(environ or {})},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )

    def run(self, submission: str, **more: Any) -> "Ran":
        """Run an element of a submission to its end."""
        with self.start(submission, **more) as process:
            out, err = process.communicate(timeout=60)
        return Ran(process.returncode, out.decode(), err.decode())

    def folder(self, name: str) -> Path:
        """The folder of the job that stands for a name."""
        return Path(self.layout.job(TASK, job_id(name)))

    def ledger(self, name: str, attempt: int = 1) -> list[dict[str, Any]]:
        """The ledger of an attempt."""
        return ledger.attempt_entries(str(self.folder(name)), attempt)

    def outcome(self, name: str, attempt: int = 1) -> dict[str, Any]:
        """The final entry of an attempt."""
        last = self.ledger(name, attempt)[-1]
        assert last["kind"] in ledger.FINAL, last
        return last

    def effects(self, name: str) -> list[str]:
        """One line for each time the task's code was run."""
        path = self.folder(name) / "effects"
        return path.read_text().splitlines() if path.exists() else []

    def log(self, submission: str) -> str:
        """What runners said of a submission."""
        path = Path(self.layout.submission(submission), "log")
        return path.read_text() if path.exists() else ""

    def append(self, name: str, kind: str, slot: int, attempt: int = 1, **more: Any) -> bool:
        """Write a ledger entry, as somebody else would."""
        head = {"format": 1, "kind": kind, "task": TASK, "job": job_id(name), "at": time.time()}
        content = {**head, "attempt": attempt, "slot": slot, **more}
        return ledger.append(str(self.folder(name)), content, self.layout.inbox)


class Ran:
    """How a runner ended."""

    def __init__(self, code: int, out: str, err: str) -> None:
        self.code, self.out, self.err = code, out, err


def clean(environ: Mapping[str, str]) -> dict[str, str]:
    """An environment without traces of a batch system."""
    return {k: v for k, v in environ.items() if not k.startswith(("SLURM_", "SBATCH_"))}


def eventually(condition: Callable[[], Any], timeout_s: float = 60.0) -> Any:
    """What a condition gives as soon as it gives anything."""
    ends_at = time.monotonic() + timeout_s
    while time.monotonic() < ends_at:
        found = condition()
        if found:
            return found
        time.sleep(0.01)
    raise AssertionError(f"{condition} did not come true within {timeout_s} s")


def is_alive(pid: int) -> bool:
    """Whether a process runs (a zombie does not)."""
    with contextlib.suppress(OSError):
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] not in "ZX"
    return False


def read_json(path: Path) -> Any:
    """The content of a JSON file."""
    return json.loads(path.read_text())
