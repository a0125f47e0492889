"""One place of each kind to hold to the contract, and small jobs to run there."""

import hashlib
import sys
import time
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from tests.cluster import RunningCluster
from tests.connectors.sshd import Sshd
from xpm.connectors.base import Change, Connector, Entry, JobRef, Snapshot
from xpm.connectors.hosts import Host
from xpm.connectors.link import Link, Place
from xpm.connectors.local import LocalConnector
from xpm.connectors.memory_host import MemoryHost
from xpm.connectors.opening import open_connector
from xpm.connectors.remote import AgentConnector
from xpm.connectors.retrying import Patience
from xpm.connectors.specs import Capacity, LocalSpec, SlurmSpec, SshSpec, SshTarget
from xpm.sync.snapshot import take
from xpm.wire import ledger

TASK = "lab.code"
OVER = ("done", "failed", "cancelled", "skipped", "lost")
WORK = '''
import os, sys, time
from xpm import Param, Task

class Code(Task):
    """Runs the code it is given."""
    code: Param[str]

    def execute(self):
        with open("effects", "a") as file:
            file.write("%d\\n" % os.getpid())
        exec(self.code, {**globals(), "self": self})
'''


@dataclass
class Site:
    """A place under test: ``root`` is its workspace, ``main`` the main folder here."""

    kind: str
    root: Path
    main: Path
    opener: Callable[[], Connector]
    request: Mapping[str, object] = field(default_factory=lambda: request("plain"))
    opened: list[Connector] = field(default_factory=list)

    def open(self) -> Connector:
        self.opened.append(self.opener())
        return self.opened[-1]

    def mirror(self, ref: JobRef) -> Path:
        """The job's folder here."""
        return Path(ledger.job_folder(str(self.main), ref.task, ref.job))

    def job(self, ref: JobRef) -> Path:
        """The job's folder there."""
        return Path(ledger.job_folder(str(self.root), ref.task, ref.job))

    def read(self, path: Path) -> str | None:
        """The text of a file there."""
        return path.read_text() if path.exists() else None

    def touch(self, path: Path) -> None:
        """Make a file there."""
        path.touch()

    def has(self, ref: JobRef, name: str) -> bool:
        """Whether the job's folder there holds a file."""
        return self.read(self.job(ref) / name) is not None

    def effects(self, ref: JobRef) -> int:
        """How often the job's code was run."""
        return len((self.read(self.job(ref) / "effects") or "").splitlines())

    def entry(self, name: str, code: str, shot: Snapshot, **more: Any) -> Entry:
        """A queue entry for this place."""
        return {**entry(name, code, shot, **more), "request": self.request}

    def close(self) -> None:
        for each in self.opened:
            each.close()


class SlurmSite(Site):
    """The test cluster, whose files this machine does not see."""

    cluster: RunningCluster

    def read(self, path: Path) -> str | None:
        script = f"test -e {path} && cat {path} || echo {GONE}"
        text = self.cluster.on("login1", "sh", "-c", script, user="alice")
        return None if text == f"{GONE}\n" else text

    def touch(self, path: Path) -> None:
        self.cluster.on("login1", "touch", str(path), user="alice")


GONE = "no-such-file"


@contextmanager
def local(folder: Path) -> Iterator[Site]:
    main = folder / "main"
    yield from _closed(
        Site("local", main, main, lambda: LocalConnector(LocalSpec(capacity=Capacity(2)), main))
    )


@contextmanager
def memory(folder: Path) -> Iterator[Site]:
    root = folder / "far"
    hosts: list[MemoryHost] = []

    def opener() -> Connector:
        hosts.append(MemoryHost("memory"))
        return in_memory(hosts[-1], root)

    yield from _closed(Site("memory", root, folder / "main", opener))


@contextmanager
def ssh(folder: Path, transport: str = "fabric") -> Iterator[Site]:
    sshd = Sshd(folder / "sshd")
    root = folder / "far"
    target = replace(sshd.target, transport=transport)
    spec = SshSpec("box", target, str(root), sys.executable, capacity=Capacity(2))
    try:
        yield from _closed(Site("ssh", root, folder / "main", lambda: open_connector(spec, folder)))
    finally:
        sshd.stop()


@contextmanager
def slurm(folder: Path, cluster: RunningCluster) -> Iterator[Site]:
    facts = cluster.status()
    root = Path(f"/home/alice/contract-{uuid.uuid4().hex[:8]}")
    target = SshTarget("testcluster", Path(facts["ssh_config"]))
    spec = SlurmSpec("cluster", target, str(root), python_of(facts))
    site = SlurmSite(
        "slurm", root, folder / "main", lambda: open_connector(spec, folder), request("slurm")
    )
    site.cluster = cluster
    yield from _closed(site)


def python_of(facts: Mapping[str, Any]) -> str:
    """A Python there that can run jobs; the default one is too old."""
    available: Mapping[str, str] = facts["python"]["available"]
    return [path for series, path in available.items() if int(series.partition(".")[2]) >= 9][-1]


def request(kind: str) -> Mapping[str, object]:
    """What a launcher asks for one job."""
    options = ["--partition=cpu", "--mem=64M", "--time=5"] if kind == "slurm" else []
    return {
        "launcher": "x", "connector": "x", "kind": kind, "options": options,
        "resources": {"cpus": None, "mem_mib": None, "gpus": None, "time_s": None},
        "python": None, "setup": [], "retry": {},
    }  # fmt: skip


def in_memory(host: Host, root: Path, patience: Patience | None = None) -> AgentConnector:
    """A connector to a host in memory, or another one, that does not wait between attempts."""
    place = Place(str(root), "plain", sys.executable, capacity=Capacity(2))
    link = Link(host.name, host, place, patience, sleep=lambda seconds: None)
    return AgentConnector(host.name, link)


def _closed(site: Site) -> Iterator[Site]:
    try:
        yield site
    finally:
        site.close()


def snapshot(folder: Path, work: str = WORK) -> Snapshot:
    """A project with the class of all jobs."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "work.py").write_text(work)
    return take(folder)


def ref(name: str) -> JobRef:
    return JobRef(TASK, hashlib.sha256(name.encode()).hexdigest())


def entry(
    name: str,
    code: str,
    shot: Snapshot,
    parents: Sequence[str] = (),
    tokens: Sequence[tuple[str, int, int]] = (),
    attempt: int = 1,
) -> Entry:
    """A queue entry whose task runs this code."""
    job = ref(name).job
    found: Mapping[str, Any] = {
        "id": TASK, "module": "work", "name": "Code", "script": None, "meta": [],
    }  # fmt: skip
    node = {"type": 0, "values": {"code": code}, "job": [TASK, job]}
    return {
        "job": job, "task": TASK, "attempt": attempt, "experiment": "test",
        "parents": [[TASK, ref(each).job] for each in parents],
        "tokens": [list(each) for each in tokens],
        "request": request("plain"),
        "document": {"format": 1, "root": 0, "types": [found], "nodes": [node]},
        "code": {"snapshot": shot.id, "script": None, "path": ["."], "argv": []},
        "tags": {},
    }  # fmt: skip


def until(
    connector: Connector,
    names: Sequence[str],
    states: Sequence[str] = OVER,
    timeout_s: float = 60.0,
) -> dict[str, Change]:
    """What is known of these jobs once all are in one of these states."""
    refs = [ref(name) for name in names]
    known: dict[JobRef, Change] = {}
    cursor = None
    ends_at = time.monotonic() + timeout_s
    while not all(each in known and known[each].state in states for each in refs):
        assert time.monotonic() < ends_at, known
        news = connector.observe(cursor, refs, 1.0)
        cursor = news.cursor
        known.update({each.ref: each for each in news.changes})
    return {name: known[ref(name)] for name in names}


def eventually(condition: Callable[[], bool], timeout_s: float = 60.0) -> None:
    """Wait for a condition."""
    ends_at = time.monotonic() + timeout_s
    while not condition():
        assert time.monotonic() < ends_at, "it never came true"
        time.sleep(0.02)
