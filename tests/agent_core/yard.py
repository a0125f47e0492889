"""A workspace whose files a test writes itself, as runners, laptops and other advancers would."""

import hashlib
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from xpm.agent.board import Board
from xpm.wire import files, ledger
from xpm.wire.workspace import prepare, write_bundle

TASK = "lab.work"


def job_id(name: str) -> str:
    """The id of the job that a test calls so."""
    return hashlib.sha256(name.encode()).hexdigest()


class Yard:
    """One workspace."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.layout, self.id = prepare(str(root))

    def ask(
        self,
        *names: str,
        attempt: int = 1,
        parents: Sequence[str] = (),
        tokens: Sequence[tuple[str, int, int]] = (),
        request: Mapping[str, Any] | None = None,
    ) -> None:
        """Put jobs into the queue, in one bundle."""
        entries = [
            {
                "job": job_id(name),
                "task": TASK,
                "attempt": attempt,
                "experiment": "test",
                "parents": [[TASK, job_id(each)] for each in parents],
                "tokens": [list(each) for each in tokens],
                "request": {"kind": "plain", "options": [], **(request or {})},
                "document": {},
                "code": {"snapshot": "none", "script": None, "path": [], "argv": []},
                "tags": {},
            }
            for name in names
        ]
        write_bundle(self.layout, entries)

    def write(self, name: str, kind: str, slot: int, attempt: int = 1, **more: Any) -> bool:
        """Write a ledger entry; with ``ring=False`` as one who was killed before ringing."""
        ring = more.pop("ring", True)
        content = {
            "format": 1,
            "kind": kind,
            "task": TASK,
            "job": job_id(name),
            "attempt": attempt,
            "slot": slot,
            "at": time.time(),
            **more,
        }
        return ledger.append(self.folder(name), content, self.layout.inbox if ring else None)

    def claim(self, name: str, attempt: int = 1, slot: int = 1, **more: Any) -> bool:
        """A run of the job starts."""
        link = files.load(str(Path(self.layout.attempts, f"{job_id(name)}.a{attempt}"))) or {}
        head = {"submission": link.get("submission"), "generation": slot}
        return self.write(name, "claim", slot, attempt, **{**head, **more})

    def end(
        self, name: str, state: str = "done", attempt: int = 1, slot: int = 2, **more: Any
    ) -> bool:
        """A run of the job ends."""
        cause = None if state == "done" else "exit"
        return self.write(
            name, "outcome", slot, attempt, **{"state": state, "cause": cause, **more}
        )

    def finish(self, name: str, state: str = "done", attempt: int = 1, **more: Any) -> None:
        """A run of the job comes and goes."""
        self.claim(name, attempt, batch_id="7")
        self.end(name, state, attempt, **more)

    def cancel(self, name: str, attempt: int = 1) -> None:
        """Somebody wants this attempt cancelled."""
        path = Path(self.layout.cancel, f"{job_id(name)}.a{attempt}")
        files.create(str(path), files.dump({"at": time.time(), "by": "test"}))

    def link(self, name: str, attempt: int = 1, submission: str = "s") -> None:
        """The attempt joins a submission."""
        path = Path(self.layout.attempts, f"{job_id(name)}.a{attempt}")
        files.create(str(path), files.dump({"submission": submission}))

    def folder(self, name: str) -> str:
        """The job's folder."""
        return self.layout.job(TASK, job_id(name))

    def ledger(self, name: str, attempt: int = 1) -> list[dict[str, Any]]:
        """What an attempt's ledger says."""
        return ledger.attempt_entries(self.folder(name), attempt)

    def board(self, now: float | None = None, **options: Any) -> Board:
        """A new board that has read everything."""
        board = Board(self.layout, **options)
        board.refresh(time.time() if now is None else now)
        return board

    def temporaries(self) -> list[str]:
        """Files that somebody forgot to remove."""
        return [str(path) for path in self.root.rglob("~*")]


def word(board: Board, name: str) -> str:
    """How the board says that a job stands."""
    return board.jobs[job_id(name)].word


def eventually(is_so: Callable[[], object], limit_s: float = 60.0) -> None:
    """Wait until something is so."""
    ends = time.monotonic() + limit_s
    while not is_so():
        assert time.monotonic() < ends, f"waited {limit_s:.0f} s in vain"
        time.sleep(0.01)
