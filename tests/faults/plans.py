"""A plan of two tasks while a process below it is killed, or its disk fails it, or shows it an old view of its folders."""

import re
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path

from tests.faults.laptop import Desk, Fault
from tests.faults.links import days_later, processes_of
from tests.faults.points import KINDS, OF
from xpm.wire import files

ROLES = ("laptop", "agent", "supervisor", "runner", "task")
KILLS = ("KILL", "AFTER")
ERRORS = ("ENOSPC", "EIO", "ESTALE", "EACCES")
TEARS = ("TORN", "SHORT")
OUTAGES = ("FULL", "AWAY")
AGES_MS = (300, 1000, 3000)
MOST_RUNS = 3


class Plans:
    """Faults of the processes of a plan.

    Args:
        folder: where to find out how many operations there are.
        place: ``here`` or ``far``.
        name: of the sort.
        what: what happens, one of these.
    """

    def __init__(self, folder: Path, place: str, name: str, what: Sequence[str]) -> None:
        self.name = f"{name} {place}"
        self._folder = folder
        self._place = place
        self._what = what

    def points(self) -> Sequence[Fault]:
        """Every operation of every sort of process."""
        counts = Desk(self._folder / f"calm-{self.name}", self._place).operations()
        return [
            Fault(role, n, what)
            for role in ROLES
            if role in counts
            for what in self._what
            for n in range(1, counts[role][KINDS.index(OF[what])] + 1)
        ]

    def fault(self, text: str) -> Fault:
        """The fault that shows itself so."""
        role, what, number = text.split()
        return Fault(role, int(number), what)

    def violations(self, fault: Fault, folder: Path) -> list[str]:
        """Try one; what was promised and is not so."""
        desk = Desk(folder, self._place)
        try:
            hit = desk.run(fault)
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
        found = [*_effects(desk, fault), *_results(desk), *_journal(desk), *_left(desk)]
        is_unread = hit.stderr.rstrip().endswith(
            f"{desk.plan}'"
        )  # without its plan nothing can run
        if re.search("^Traceback", hit.stderr, re.MULTILINE) and not is_unread:
            found.append(f"the laptop crashed: {hit.stderr}")
        return found


class OldViews(Plans):
    """Machines that see each other's files late, as over NFS."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder, "far", "old view", ["STALE"])

    def points(self) -> Sequence[Fault]:
        """Some ages; each run is another story, for the machines take turns as they like."""
        return [Fault("everybody", age, "STALE") for age in AGES_MS for _ in range(20)]


def _effects(desk: Desk, fault: Fault) -> list[str]:
    """One end for each job, and as many traces as runs that may have been cut off."""
    found: list[str] = []
    traces = desk.traces.read_text().split()
    for number, folder in _jobs(desk).items():
        entries = [files.load(str(path)) or {} for path in sorted((folder / ".xpm").glob("a*.*"))]
        done = [each for each in entries if each.get("state") == "done"]
        claims = [each for each in entries if each.get("kind") == "claim"]
        most = len(claims) if fault.role in ("runner", "task") or fault.what in OUTAGES else 1
        failed = [each for each in entries if each.get("state") in ("failed", "cancelled")]
        if failed and not _is_the_jobs_own(fault):
            found.append(f"step {number} failed of it: {failed}")
        if len(done) != 1:
            found.append(f"step {number} has {len(done)} outcomes: {entries}")
        if not 1 <= traces.count(number) <= most:
            found.append(f"step {number} took effect {traces.count(number)} times: {entries}")
    return found


def _is_the_jobs_own(fault: Fault) -> bool:
    """Whether it may well fail the job: its task meets the fault, or its runner is killed."""
    is_killed = fault.role == "runner" and fault.what in (*KILLS, "TORN")
    return fault.role == "task" or fault.what in OUTAGES or is_killed


def _results(desk: Desk) -> list[str]:
    found: list[str] = []
    for number in ("1", "2"):
        path = desk.jobs(desk.main).get(number)
        if path is None or not (path / "result.txt").exists():
            found.append(f"there is no result of step {number}")
            continue
        texts = [(path / name).read_text() for name in ("result.txt", "twin.txt")]
        if not texts[0].startswith("x" * 10_000 + number + " "):
            found.append(f"the result of step {number} is {texts[0][-40:]!r} of {len(texts[0])}")
        if texts[0] != texts[1]:
            found.append(f"results of step {number} are mixed: {[each[-40:] for each in texts]}")
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
    found = [f"{path.relative_to(desk.folder)} is left" for path in days_later(desk.main, desk.far)]
    living = processes_of(desk.folder)
    return [*found, f"processes are left: {living}"] if living else found


def _jobs(desk: Desk) -> dict[str, Path]:
    return desk.jobs(desk.far if desk.place == "far" else desk.main)
