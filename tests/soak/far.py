"""The far side as seen from outside of it: its records and its processes, whatever is cut or down."""

import contextlib
import os
import signal
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from tests.cluster import RunningCluster
from xpm.wire import ledger

NODES = ("login1", "c1", "c2", "ctl")
COMPUTE = ("c1", "c2")
USER_ID = 2001
TASK = "soak.step"


@dataclass(frozen=True, slots=True)
class Process:
    """One process of the cluster's user."""

    pid: int
    inner: int
    """What its node calls it."""
    node: str
    words: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Job:
    """The records of one job: the entries of each of its attempts."""

    id: str
    folder: Path
    attempts: tuple[tuple[ledger.Entry, ...], ...]

    @property
    def claims(self) -> list[ledger.Entry]:
        """All runs that were let go on."""
        return [each for entries in self.attempts for each in entries if each["kind"] == "claim"]

    @property
    def open_claim(self) -> ledger.Entry | None:
        """The run under way, if there is one."""
        last = self.attempts[-1][-1] if self.attempts else None
        return last if last is not None and last["kind"] == "claim" else None

    @property
    def done(self) -> list[ledger.Entry]:
        """The outcomes that say done."""
        ends = [entries[-1] for entries in self.attempts]
        return [each for each in ends if each["kind"] == "outcome" and each["state"] == "done"]


class Far:
    """A workspace and the nodes it lives on.

    Args:
        cluster: which cluster.
        name: the workspace's name in the user's home.
    """

    def __init__(self, cluster: RunningCluster, name: str) -> None:
        self._pids = cluster.root / "pids"
        self._name = name

    def pid(self, node: str) -> int | None:
        """The outer pid of a node's first process; None while it has no power."""
        try:
            return int((self._pids / node).read_text())
        except (FileNotFoundError, ValueError):
            return None

    @property
    def home(self) -> Path:
        """The user's home, by way of any node that has power."""
        for node in NODES:
            home = Path(f"/proc/{self.pid(node)}/root/home/alice")
            if home.is_dir():
                return home
        raise FileNotFoundError("no node has power")

    @property
    def workspace(self) -> Path:
        """The workspace's folder."""
        return self.home / self._name

    def jobs(self) -> list[Job]:
        """The records of all jobs that have any."""
        return [read_job(each) for each in sorted((self.workspace / "jobs" / TASK).glob("*"))]

    def running(self, node: str | None = None) -> dict[str, ledger.Entry]:
        """The claim of each job with a run under way, on one node or anywhere."""
        with contextlib.suppress(OSError):
            found = {each.id: each.open_claim for each in self.jobs()}
            return {job: c for job, c in found.items() if c and node in (None, c["node"])}
        return {}

    def exposed(self, node: str | None = None) -> set[str]:
        """The jobs that a node, or the batch system, may take with it: what runs there, and what is only submitted."""
        found = set(self.running(node))
        with contextlib.suppress(OSError):
            for each in (self.workspace / ".xpm" / "attempts").iterdir():
                job, _, number = each.name.rpartition(".a")
                folder = self.workspace / "jobs" / TASK / job
                if number.isdecimal() and ledger.entry(str(folder), int(number), 1) is None:
                    found.add(job)
        return found

    def processes(self) -> Iterator[Process]:
        """The user's processes on all nodes."""
        spaces = {self._space(pid): node for node in NODES if (pid := self.pid(node))}
        for each in Path("/proc").iterdir():
            if each.name.isdecimal():
                with contextlib.suppress(OSError, ValueError):
                    node = spaces.get(self._space(int(each.name)))
                    if node and each.stat().st_uid == USER_ID:
                        yield _process(each, node)

    @staticmethod
    def _space(pid: int) -> str:
        try:
            return str(Path(f"/proc/{pid}/ns/pid").readlink())
        except OSError:
            return ""


def read_job(folder: Path) -> Job:
    """The records in a job's folder."""
    last = max((slot.attempt for slot in ledger.slots(str(folder))), default=0)
    attempts = [ledger.attempt_entries(str(folder), n + 1) for n in range(last)]
    return Job(folder.name, folder, tuple(tuple(each) for each in attempts if each))


def kill(process: Process) -> bool:
    """End a process at once; False when it was faster."""
    try:
        os.kill(process.pid, signal.SIGKILL)
    except ProcessLookupError:
        return False
    return True


def _process(folder: Path, node: str) -> Process:
    words = (folder / "cmdline").read_bytes().decode(errors="replace").split("\0")
    status = (folder / "status").read_text()
    inner = next(line.split()[-1] for line in status.splitlines() if line.startswith("NSpid"))
    return Process(int(folder.name), int(inner), node, tuple(words))
