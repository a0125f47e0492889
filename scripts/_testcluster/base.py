"""The names, places and errors that all parts of the test cluster share."""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import os
import subprocess
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

MARK = "XPM_TESTCLUSTER_MARK"
DEFAULT_ROOT = "/run/xpm-testcluster"

LOGIN = "login1"
CONTROLLER = "ctl"
TOWER = "tower"
COMPUTE = ("c1", "c2")
CLUSTER_NODES = (LOGIN, CONTROLLER, *COMPUTE)
NODES = (*CLUSTER_NODES, TOWER)
# What the laptop can reach, by the name ssh knows it under.
HOSTS = {LOGIN: "testcluster", TOWER: TOWER}

USER = "alice"
USER_ID = 2001
SERVICE_IDS = {"munge": 901, "slurm": 902, "mysql": 903, "sshd": 904}

PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


class Fail(Exception):
    """Something the person who typed the command can act on."""


@dataclass(frozen=True, slots=True)
class Cluster:
    """Where one cluster lives: everything about it follows from its root."""

    root: Path

    @property
    def ident(self) -> str:
        """Tell this cluster from others in the names of links and cgroups."""
        return hashlib.sha256(os.fsencode(self.root)).hexdigest()[:8]

    @property
    def store(self) -> Path:
        """The shared tmpfs; it is there only in the holder's mount namespace and the nodes'."""
        return self.root / "store"

    @property
    def pids(self) -> Path:
        """Outer process ids, one file each: the holder, the proxy and each node."""
        return self.root / "pids"

    @property
    def logs(self) -> Path:
        """One folder per node, which is that node's /var/log."""
        return self.root / "log"

    @property
    def ssh(self) -> Path:
        """Keys of the hosts."""
        return self.root / "ssh"

    @property
    def state_file(self) -> Path:
        """What `up` was asked for; exists when `up` has completed."""
        return self.root / "state.json"

    @property
    def control(self) -> Path:
        """The proxy's control socket."""
        return self.root / "proxy.sock"

    @property
    def freezer_group(self) -> str:
        """The cgroup of this cluster, relative to the freezer's mount point."""
        return f"xpm-testcluster-{self.ident}"

    def environment(self) -> dict[str, str]:
        """Return the environment by which `down` recognises our processes."""
        return {MARK: str(self.root), "PATH": PATH, "LANG": "C.UTF-8"}


def run(
    argv: Sequence[str | Path], stdin: str | None = None, check: bool = True, called: str = ""
) -> str:
    """Run a command to its end; return what it printed, or fail with what it complained about."""
    done = subprocess.run(
        [str(word) for word in argv], input=stdin or "", capture_output=True, text=True, check=False
    )
    if check and done.returncode:
        said = (done.stderr.strip() or done.stdout.strip())[-2000:]
        name = called or " ".join(map(str, argv))
        raise Fail(f"`{name}` exited {done.returncode}: {said}")
    return done.stdout


def start(cluster: Cluster, argv: Sequence[str | Path], log: Path) -> int:
    """Start a process that outlives us and that `down` will find; return its pid."""
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("ab") as out:
        process = subprocess.Popen(
            [str(word) for word in argv],
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=out,
            start_new_session=True,
            cwd="/",
            env=cluster.environment(),
        )
    pid = process.pid
    process.returncode = 0  # its end is nobody's business here: no warning when forgotten
    return pid


def wait_until(
    what: str, timeout_s: float, ready: Callable[[], bool], every_s: float = 0.02
) -> None:
    """Return as soon as `ready()`; fail, naming what was waited for, after the timeout."""
    deadline = time.monotonic() + timeout_s
    while not ready():
        if time.monotonic() > deadline:
            raise Fail(f"{what}: not after {timeout_s:g} s")
        time.sleep(every_s)


@contextlib.contextmanager
def locked(cluster: Cluster) -> Iterator[None]:
    """Hold the cluster against other commands that change it, making its root when missing."""
    while True:
        cluster.root.mkdir(parents=True, exist_ok=True, mode=0o755)
        handle = os.open(cluster.root, os.O_RDONLY | os.O_DIRECTORY)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX)
            if _is_still(cluster.root, handle):
                yield
                return
        finally:
            os.close(handle)


def _is_still(path: Path, handle: int) -> bool:
    """Say whether the path still names what we locked: a `down` may have removed it meanwhile."""
    try:
        return os.path.samestat(path.stat(), os.fstat(handle))
    except FileNotFoundError:
        return False
