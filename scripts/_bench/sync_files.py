"""Results and code over ssh, at 0 and 40 ms: against rsync and OpenSSH, each over one connection that is open already.

Ours is the connector's own ``fetch`` and ``stage``; theirs are ``rsync -a`` and ``ssh cat`` through a ControlMaster. The files
lie on a file system in memory at both ends, so that the way is measured and not the disk.
"""

import hashlib
import random
import shlex
import shutil
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from far_side import cluster, testcluster
from figures import Figure, Missing

from xpm.connectors.base import JobRef, Snapshot
from xpm.connectors.client import AgentClient
from xpm.connectors.opening import open_connector
from xpm.connectors.specs import SshSpec, SshTarget

DELAYS_MS = (0, 40)
SMALL, SMALL_BYTES = 1000, 4096
MANY = 10_000
TIMES = 3
TASK = "bench.sync"


def measure(megabytes: int) -> Sequence[Figure | Missing]:
    """Seconds and rates, for a big file of so many MB and for many small ones."""
    rsync = shutil.which("rsync")
    with (
        cluster() as facts,
        tempfile.TemporaryDirectory(prefix="xpm-bench.", dir="/dev/shm") as here,
    ):
        if isinstance(facts, str) or rsync is None:
            why = facts if isinstance(facts, str) else "rsync is not installed"
            return [Missing("results over ssh", why)]
        found: list[Figure] = []
        with _Site(facts, Path(here)) as site:
            for delay in DELAYS_MS:
                testcluster([*facts["root"], "latency", str(delay)])
                try:
                    found += site.compare(delay, megabytes)
                finally:
                    testcluster([*facts["root"], "latency", "0"])
        return found


class _Site:
    """The cluster's login node, reached by us and by OpenSSH."""

    def __init__(self, facts: dict[str, Any], here: Path) -> None:
        self._here = here
        self._config = str(facts["ssh_config"])
        self._ssh = ["ssh", "-F", self._config, "-S", str(here / "master"), "testcluster"]
        self._far = f"/dev/shm/bench-{here.name}"
        python = facts["python"]
        target = SshTarget("testcluster", Path(self._config))
        self._connector = open_connector(
            SshSpec("bench", target, self._far, python["available"][python["laptop"]]), here
        )
        self._turn = 0

    def __enter__(self) -> "_Site":
        master = ["-M", "-N", "-f", "-o", "ControlPersist=yes"]
        subprocess.run([*self._ssh[:-1], *master, self._ssh[-1]], check=True)
        self._there("touch ~/.hushbanner")  # rsync does not work behind a banner
        self._connector.probe()
        return self

    def __exit__(self, *_: object) -> None:
        self._connector.close()
        self._there(f"rm -rf {self._far} ~/.hushbanner")
        subprocess.run(
            [*self._ssh[:-1], "-O", "exit", self._ssh[-1]], stderr=subprocess.DEVNULL, check=False
        )

    def compare(self, delay: int, megabytes: int) -> "list[Figure]":
        """All figures at one latency."""
        return [
            *self._small(delay),
            *self._unchanged(delay),
            *self._big(delay, megabytes),
            *self._log(delay),
        ]

    def _small(self, delay: int) -> "Iterator[Figure]":
        ref = self._job(
            f"seq {SMALL} | while read n; do head -c {SMALL_BYTES} /dev/urandom > f$n; done"
        )
        ours, theirs = self._both(ref)
        yield _less(f"{SMALL:,} files of 4 KB, {delay} ms", ours, "rsync", theirs)

    def _unchanged(self, delay: int) -> "Iterator[Figure]":
        ref = self._job(f"seq {MANY} | while read n; do echo $n > f$n; done")
        self._fetch(ref, "same")
        self._rsync(ref, "same-rsync")
        with _counted() as calls:
            ours = _best(lambda: self._fetch(ref, "same"))
        exchanges = len(calls) / TIMES
        theirs = _best(lambda: self._rsync(ref, "same-rsync"))
        yield _less(f"nothing changed among {MANY:,} files, {delay} ms", ours, "rsync", theirs)
        name = f"exchanges for that, {delay} ms"
        yield Figure(name, exchanges, "", "at most", 1, exchanges, "<= 1", exchanges <= 1)

    def _big(self, delay: int, megabytes: int) -> "Iterator[Figure]":
        size = megabytes * 1_000_000
        ref = self._job(f"head -c {size} /dev/urandom > big")
        ours = _best(lambda: self._fetch(ref, self._fresh()))
        source = f"{self._folder(ref)}/big"
        theirs = _best(lambda: self._cat(source))
        yield _rate(f"{megabytes} MB down, {delay} ms", size, ours, theirs, 2.0 if delay else None)
        up = min(self._stage(size) for _ in range(TIMES))
        theirs = _best(lambda: self._cat_up(size))
        yield _rate(f"{megabytes} MB up, {delay} ms", size, up, theirs, 0.9 if delay else None)

    def _log(self, delay: int) -> "Iterator[Figure]":
        ref = self._job("head -c 20000000 /dev/zero > stdout")
        self._fetch(ref, "log")
        self._there(f"head -c 1000 /dev/zero >> {self._folder(ref)}/stdout")
        [found] = self._fetch(ref, "log")
        name = f"bytes for 1,000 more in a log of 20 MB, {delay} ms"
        yield Figure(
            name, found.bytes, "", "at most", 1000, found.bytes / 1000, "<= 1", found.bytes <= 1000
        )

    def _both(self, ref: JobRef) -> tuple[float, float]:
        turns = [
            (
                _timed(lambda: self._fetch(ref, self._fresh())),
                _timed(lambda: self._rsync(ref, self._fresh())),
            )
            for _ in range(TIMES)
        ]
        return min(a for a, _ in turns), min(b for _, b in turns)

    def _fresh(self) -> str:
        self._turn += 1
        return f"main{self._turn}"

    def _job(self, script: str) -> JobRef:
        self._turn += 1
        ref = JobRef(TASK, hashlib.sha256(f"{self._here}{self._turn}".encode()).hexdigest())
        folder = self._folder(ref)
        self._there(f"mkdir -p {folder}; cd {folder}; {script}")
        return ref

    def _folder(self, ref: JobRef) -> str:
        return f"{self._far}/jobs/{ref.task}/{ref.job}"

    def _fetch(self, ref: JobRef, main: str) -> Sequence[Any]:
        return self._connector.fetch([ref], str(self._here / main), lambda count: None)

    def _rsync(self, ref: JobRef, target: str) -> None:
        command = [
            "rsync",
            "-a",
            "-e",
            shlex.join(self._ssh[:-1]),
            f"testcluster:{self._folder(ref)}/",
        ]
        subprocess.run([*command, str(self._here / target)], check=True)

    def _cat(self, source: str) -> None:
        with (self._here / "cat").open("wb") as file:
            subprocess.run([*self._ssh, f"cat {source}"], stdout=file, check=True)

    def _stage(self, size: int) -> float:
        path = self._here / "up"
        raw = random.randbytes(size)
        path.write_bytes(raw)
        sha = hashlib.sha256(raw).hexdigest()
        snapshot = Snapshot(sha[:16], {"up": (sha, 0o644, str(path))})
        return _timed(lambda: self._connector.stage(snapshot, lambda done, total: None))

    def _cat_up(self, size: int) -> None:
        with (self._here / "up").open("rb") as file:
            subprocess.run([*self._ssh, f"cat > {self._far}/up"], stdin=file, check=True)

    def _there(self, script: str) -> None:
        subprocess.run([*self._ssh, script], check=True, stdout=subprocess.DEVNULL)


def _timed(action: Callable[[], object]) -> float:
    begin = time.perf_counter()
    action()
    return time.perf_counter() - begin


def _best(action: Callable[[], object]) -> float:
    return min(_timed(action) for _ in range(TIMES))


@contextmanager
def _counted() -> Iterator[list[str]]:
    """The verbs the agent is asked meanwhile."""
    calls: list[str] = []
    call, begin = AgentClient.call, AgentClient.begin

    def counted_call(self: AgentClient, content: Any, *rest: Any, **named: Any) -> Any:
        calls.append(content["verb"])
        return call(self, content, *rest, **named)

    def counted_begin(self: AgentClient, content: Any, *rest: Any, **named: Any) -> Any:
        calls.append(content["verb"])
        return begin(self, content, *rest, **named)

    AgentClient.call, AgentClient.begin = counted_call, counted_begin  # type: ignore[method-assign]
    try:
        yield calls
    finally:
        AgentClient.call, AgentClient.begin = call, begin  # type: ignore[method-assign]


def _less(name: str, ours: float, against: str, theirs: float) -> Figure:
    return Figure(name, ours, "s", against, theirs, ours / theirs, "<= 1", ours <= theirs)


def _rate(name: str, size: int, ours: float, theirs: float, least: float | None) -> Figure:
    ratio = theirs / ours
    target = f">= {least:g}" if least else ""
    mine, other = size / ours / 1e6, size / theirs / 1e6
    return Figure(
        name, mine, "MB/s", "ssh cat", other, ratio, target, least is None or ratio >= least
    )
