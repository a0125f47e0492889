"""A plan of two tasks while one process below it is killed, or one of its operations on files fails."""

import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path

from tests.faults.laptop import Desk, Fault, eventually
from xpm.wire import files

ROLES = ("laptop", "supervisor", "runner", "task")
ERRORS = ("ENOSPC", "EIO", "ESTALE", "EACCES")
KINDS = ("change", "write", "touch")
MOST_RUNS = 3


class Plans:
    """Faults of the processes of a plan.

    Args:
        folder: where to find out how many operations there are.
        place: ``here`` or ``far``.
        what: ``KILL``, or the names of errors.
    """

    def __init__(self, folder: Path, place: str, what: Sequence[str]) -> None:
        self.name = f"{'killed' if 'KILL' in what else 'errors'} {place}"
        self._folder = folder
        self._place = place
        self._what = what

    def points(self) -> Sequence[Fault]:
        """Every operation of every sort of process."""
        counts = Desk(self._folder / f"calm-{self.name}", self._place).operations()
        return [
            Fault(role, n, what)
            for role in ROLES
            for what in self._what
            for n in range(1, counts[role][KINDS.index(_kind(what))] + 1)
        ]

    def violations(self, fault: Fault, folder: Path) -> list[str]:
        """Try one; what was promised and is not so."""
        desk = Desk(folder, self._place)
        try:
            desk.run(fault)
            desk.age()
            healed = desk.run()
            for _ in range(1, MOST_RUNS):
                healed = desk.run() if healed.returncode else healed
        except subprocess.TimeoutExpired as late:
            return [f"it does not end within {late.timeout:g} s"]
        if healed.returncode:
            return [
                f"run again {MOST_RUNS} times, it ends with {healed.returncode}:\n{healed.stderr}"
            ]
        return [*_effects(desk, fault), *_results(desk), *_journal(desk), *_left(desk)]


def _kind(what: str) -> str:
    return {"KILL": "change", "ENOSPC": "write"}.get(what, "touch")


def _effects(desk: Desk, fault: Fault) -> list[str]:
    """One end for each job, and as many traces as runs that may have been cut off."""
    found: list[str] = []
    traces = desk.traces.read_text().split()
    for number, folder in _jobs(desk).items():
        entries = [files.load(str(path)) or {} for path in sorted((folder / ".xpm").glob("a*.*"))]
        done = [each for each in entries if each.get("state") == "done"]
        claims = [each for each in entries if each.get("kind") == "claim"]
        most = len(claims) if fault.role in ("runner", "task") else 1
        if len(done) != 1:
            found.append(f"step {number} has {len(done)} outcomes: {entries}")
        if not 1 <= traces.count(number) <= most:
            found.append(f"step {number} took effect {traces.count(number)} times: {entries}")
    return found


def _results(desk: Desk) -> list[str]:
    found: list[str] = []
    for number in ("1", "2"):
        path = desk.jobs(desk.main).get(number)
        text = (path / "result.txt").read_text() if path and (path / "result.txt").exists() else ""
        if text != "x" * 10_000 + number:
            found.append(f"the result of step {number} is {text[-20:]!r} of {len(text)}")
    return found


def _journal(desk: Desk) -> list[str]:
    """The journal says what a rebuilt one says."""
    before = desk.status()
    shutil.rmtree(desk.folder / "state")
    after = desk.status()
    states = [job["state"] for job in before]
    found = [] if states == ["done", "done"] else [f"the status is {states}"]
    return found if before == after else [*found, f"the journal differs: {before} {after}"]


def _left(desk: Desk) -> list[str]:
    desk.visit()
    found = [f"{path.relative_to(desk.folder)} is left" for path in desk.temporaries()]
    if not eventually(lambda: not desk.processes()):
        found.append(f"processes are left: {desk.processes()}")
    return found


def _jobs(desk: Desk) -> dict[str, Path]:
    return desk.jobs(desk.far if desk.place == "far" else desk.main)
