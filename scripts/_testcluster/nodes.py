"""Nodes as namespaces: starting, entering and ending them."""

from __future__ import annotations

import os
import signal
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from . import storage
from .base import (
    CLUSTER_NODES,
    MARK,
    PATH,
    TOWER,
    USER,
    USER_ID,
    Cluster,
    Fail,
    run,
    start,
    wait_until,
)
from .rootfs import init_script
from .state import Options

HOLDER = "holder"


def start_holder(cluster: Cluster) -> None:
    """Start the process that owns what nodes share; return when all is in place."""
    cluster.pids.mkdir(exist_ok=True)
    entry = Path(__file__).parents[1] / "testcluster"
    program: list[str | Path] = [sys.executable, entry, "--root", cluster.root, "_hold"]
    unshare = ["unshare", "--mount", "--net", "--propagation", "private", "--"]
    log = cluster.logs / "holder.log"
    pid = start(cluster, [*unshare, *program], log)

    def is_ready() -> bool:
        if not _is_alive(pid):
            raise Fail(f"cannot prepare the nodes' files: {log.read_text()[-2000:]}")
        return (cluster.pids / HOLDER).exists()

    wait_until("the nodes' files", 60, is_ready)


def hold(cluster: Cluster, options: Options) -> None:
    """Be the holder."""
    storage.build(cluster, options)
    # Ready only after the exec: while that goes on, a process has no environment to be known by.
    ready = cluster.pids / HOLDER
    wait = f"echo $$ >{ready}.new && mv {ready}.new {ready} && while :; do sleep 86400; done"
    os.execvp("sh", ["sh", "-c", wait])


def start_node(cluster: Cluster, options: Options, node: str) -> None:
    """Begin to start a node, without its services; `wait_for_node` tells when it is there."""
    (cluster.pids / node).unlink(missing_ok=True)
    script = cluster.root / f"{node}.init"
    script.write_text(init_script(cluster, options, node))
    join = ":"
    if options.proctrack == "cgroup" and node in CLUSTER_NODES:
        join = f"echo $$ >{cluster.store}/freezer/{cluster.freezer_group}/{node}/cgroup.procs"
    namespaces = (
        "--mount --uts --ipc --net --pid --cgroup --fork --kill-child --propagation private"
    )
    shell = f"{join} && exec unshare {namespaces} -- bash {script}"
    holder = _demand_pid(cluster, HOLDER)
    argv = ["nsenter", "-t", str(holder), "--mount", "--", "sh", "-c", shell]
    start(cluster, argv, cluster.logs / f"{node}.log")


def wait_for_node(cluster: Cluster, node: str) -> None:
    """Return when a node's pid 1 has its own root."""

    def is_ready() -> bool:
        pid = pid_of(cluster, node)
        return pid is not None and Path(f"/proc/{pid}/root/run/ready").exists()

    try:
        wait_until(f"start of node {node}", 20, is_ready)
    except Fail as failure:
        said = (cluster.logs / f"{node}.log").read_text()[-2000:]
        raise Fail(f"{failure}: {said}") from None


def stop_node(cluster: Cluster, options: Options, node: str) -> None:
    """Cut the power of a node."""
    pid = pid_of(cluster, node)
    if pid is None:
        return
    os.kill(pid, signal.SIGKILL)
    wait_until(f"end of node {node}", 20, lambda: not _is_alive(pid))
    (cluster.pids / node).unlink(missing_ok=True)
    if options.proctrack == "cgroup" and node in CLUSTER_NODES:
        group = f"{cluster.store}/freezer/{cluster.freezer_group}/{node}"
        remove = f"find {group} -mindepth 1 -depth -type d -exec rmdir {{}} +"
        run(["nsenter", "-t", str(_demand_pid(cluster, HOLDER)), "--mount", "sh", "-c", remove])


def pid_of(cluster: Cluster, name: str) -> int | None:
    """Return the pid, out here, of the holder, the proxy or a node; None when it is not running."""
    try:
        pid = int((cluster.pids / name).read_text())
    except (FileNotFoundError, ValueError):
        return None
    return pid if is_ours(cluster, pid) else None


def is_ours(cluster: Cluster, pid: int) -> bool:
    """Say whether a process belongs to this cluster: pids are reused."""
    try:
        environment = Path(f"/proc/{pid}/environ").read_bytes().split(b"\0")
    except OSError:
        return False
    return f"{MARK}={cluster.root}".encode() in environment


def enter(cluster: Cluster, node: str) -> list[str]:
    """Return the words that make a command run in a node, as root, in an empty environment."""
    pid = _demand_pid(cluster, node)
    kinds = ["--mount", "--uts", "--ipc", "--net", "--pid", "--cgroup"]
    # nsenter keeps our working directory unless told otherwise: it would show a place out here.
    return ["nsenter", "-t", str(pid), *kinds, f"--wd=/proc/{pid}/root", "--", "env", "-i"]


def command(cluster: Cluster, node: str, user: str, words: Sequence[str]) -> list[str]:
    """Return the argument list that runs a command in a node as a user, in the user's home."""
    home, uid = ("/root", 0) if user == "root" else (f"/home/{user}", USER_ID)
    if user not in ("root", USER):
        raise Fail(f"there is no user {user}: use root or {USER}")
    variables = {"HOME": home, "USER": user, "LOGNAME": user, "SHELL": "/bin/bash"}
    path = PATH if user == "root" else ":".join(storage.login_path())
    settings = [f"{key}={value}" for key, value in {**variables, "PATH": path}.items()]
    become = ["setpriv", f"--reuid={uid}", f"--regid={uid}", "--clear-groups", "--"]
    entry = enter(cluster, node)
    return [*entry, "-C", home, *settings, "LANG=C.UTF-8", *become, *words]


def in_node(cluster: Cluster, node: str, *words: str, stdin: str | None = None) -> str:
    """Run a command in a node, as root; return what it prints."""
    return run(command(cluster, node, "root", words), stdin=stdin, called=f"{node}: {words[0]}")


def daemon(cluster: Cluster, node: str, name: str, *words: str, user_id: int | None = None) -> None:
    """Start a service that belongs to the node's pid 1; its pid in there is in /run/svc/NAME."""
    group = "/sys/fs/cgroup/freezer/cgroup.procs"
    become = f"setpriv --reuid={user_id} --regid={user_id} --clear-groups --" if user_id else ""
    shell = (
        f"echo $$ >/run/svc/{name}; [ ! -e {group} ] || echo $$ >{group}; "
        f'exec {become} "$@" </dev/null >>/var/log/{name}.log 2>&1'
    )
    in_node(cluster, node, "setsid", "-f", "sh", "-c", shell, "sh", *words)


def service_pid(cluster: Cluster, node: str, name: str) -> int | None:
    """Return a running service's pid inside its node; None when it is not running."""
    pid = pid_of(cluster, node)
    try:
        inner = Path(f"/proc/{pid}/root/run/svc/{name}").read_text().strip()
        Path(f"/proc/{pid}/root/proc/{int(inner)}/stat").read_text()
    except (OSError, ValueError):
        return None
    return int(inner)


def listens(cluster: Cluster, node: str, port: int) -> bool:
    """Say whether something listens on a port of the node."""
    pid = pid_of(cluster, node)
    for table in ("tcp", "tcp6"):
        try:
            lines = Path(f"/proc/{pid}/net/{table}").read_text().splitlines()[1:]
        except OSError:
            return False
        if any(
            line.split()[1].endswith(f":{port:04X}") and line.split()[3] == "0A" for line in lines
        ):
            return True
    return False


def marked(cluster: Cluster) -> list[int]:
    """List all processes of this cluster that are outside nodes, and the nodes' pid 1."""
    pids = [int(path.name) for path in Path("/proc").iterdir() if path.name.isdigit()]
    return [pid for pid in pids if pid != os.getpid() and is_ours(cluster, pid)]


def kill_all(cluster: Cluster) -> None:
    """End every process of the cluster, nodes with all they run."""
    deadline = time.monotonic() + 20
    while pids := marked(cluster) or _marked_a_moment_later(cluster):
        for pid in pids:
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                continue
        if time.monotonic() > deadline:
            raise Fail(f"processes {pids} do not end")
        time.sleep(0.01)


def _marked_a_moment_later(cluster: Cluster) -> list[int]:
    """Look again: a process that was being started a moment ago had no mark yet."""
    time.sleep(0.03)
    return marked(cluster)


def hosts_or_all(host: str | None) -> list[str]:
    """Return the node names that a command's --host option means."""
    known = {"login1": "login1", "testcluster": "login1", TOWER: TOWER}
    if host is None:
        return ["login1", TOWER]
    if host not in known:
        raise Fail(f"there is no host {host}: use login1 or {TOWER}")
    return [known[host]]


def _demand_pid(cluster: Cluster, name: str) -> int:
    pid = pid_of(cluster, name)
    if pid is None:
        hint = (
            "`testcluster down`, then `up`" if name == HOLDER else f"`testcluster node-on {name}`"
        )
        raise Fail(f"{name} is not running: {hint}")
    return pid


def _is_alive(pid: int) -> bool:
    """Say whether a process runs; a zombie does not."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return False
    return stat.rpartition(")")[2].split()[0] not in ("Z", "X")
