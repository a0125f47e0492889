"""SLURM's daemons: starting, disturbing and waiting for them."""

from __future__ import annotations

import os
from pathlib import Path

from .base import CLUSTER_NODES, COMPUTE, CONTROLLER, SERVICE_IDS, Cluster, Fail, wait_until
from .nodes import HOLDER, daemon, in_node, listens, pid_of, service_pid
from .slurmconf import render
from .state import Options

SIGNALS = {"freeze": "STOP", "thaw": "CONT"}
ALARMING = ("error", "fatal", "cannot", "failed", "denied")
PORTS = {"slurmctld": 6817, "slurmdbd": 6819}


def store_of(cluster: Cluster) -> Path:
    """Return the store's path as seen from outside the holder's mount namespace."""
    return Path(f"/proc/{pid_of(cluster, HOLDER)}/root{cluster.store}")


def write_configuration(cluster: Cluster, options: Options) -> None:
    """Write /etc/slurm, which all nodes of the cluster share."""
    folder = store_of(cluster) / "slurm"
    for name, text in render(options).items():
        beside = folder / f".{name}"
        beside.write_text(text)
        beside.replace(folder / name)


def make_munge_key(cluster: Cluster) -> None:
    """Make the secret by which the nodes trust each other."""
    key = store_of(cluster) / "munge.key"
    key.write_bytes(os.urandom(128))
    key.chmod(0o400)


def start_munge(cluster: Cluster, node: str) -> None:
    """Start munged in a node."""
    words = ["/usr/sbin/munged", "--foreground", "--num-threads=2"]
    daemon(cluster, node, "munged", *words, user_id=SERVICE_IDS["munge"])


def wait_for_munge(cluster: Cluster, node: str) -> None:
    """Return when munged answers."""
    socket = Path("run/munge/munge.socket.2")
    wait_until(f"munged on {node}", 10, lambda: (_root(cluster, node) / socket).exists())


def start_slurmd(cluster: Cluster, node: str) -> None:
    """Start slurmd in a compute node."""
    daemon(cluster, node, "slurmd", "/usr/sbin/slurmd", "-D", "-N", node)


def start_service(cluster: Cluster, name: str) -> None:
    """Start slurmctld or slurmdbd; return when it takes connections."""
    if service_pid(cluster, CONTROLLER, name) is None:
        daemon(cluster, CONTROLLER, name, f"/usr/sbin/{name}", "-D")

    def is_ready() -> bool:
        if service_pid(cluster, CONTROLLER, name) is None and _has_ended(cluster, name):
            raise Fail(f"{name} ended: {tail(cluster, CONTROLLER, name)}")
        return listens(cluster, CONTROLLER, PORTS[name])

    wait_until(f"start of {name}", 30, is_ready)


def stop_service(cluster: Cluster, name: str, hard: bool = False) -> None:
    """End slurmctld or slurmdbd, letting it save its state unless `hard`."""
    pid = service_pid(cluster, CONTROLLER, name)
    if pid is None:
        return
    # A frozen one must be woken to hear it; one that has just ended cannot be.
    kill = f"kill -{'KILL' if hard else 'TERM'} {pid}; kill -CONT {pid}; :"
    in_node(cluster, CONTROLLER, "sh", "-c", kill)
    wait_until(f"end of {name}", 30, lambda: service_pid(cluster, CONTROLLER, name) is None)


def signal_service(cluster: Cluster, name: str, verb: str) -> None:
    """Freeze or thaw slurmctld or slurmdbd."""
    pid = service_pid(cluster, CONTROLLER, name)
    if pid is None:
        raise Fail(f"{name} is not running: `testcluster {name} start`")
    in_node(cluster, CONTROLLER, "kill", f"-{SIGNALS[verb]}", str(pid))


def wait_until_usable(cluster: Cluster, nodes: tuple[str, ...] = COMPUTE) -> None:
    """Return when jobs can run on the given nodes."""

    def is_idle() -> bool:
        try:
            said = in_node(cluster, CONTROLLER, "sinfo", "-h", "-N", "-o", "%N %T")
        except Fail:
            return False
        states = dict(line.split() for line in said.splitlines())
        usable = {"idle", "mixed", "allocated"}
        return all(states.get(node) in usable for node in nodes)

    wait_until(f"nodes {' '.join(nodes)} ready for jobs", 60, is_idle, every_s=0.1)


def announce_nodes(cluster: Cluster) -> None:
    """Have each slurmd report now to a slurmctld that has restarted; by itself it takes 4 s."""
    for node in COMPUTE:
        pid = service_pid(cluster, node, "slurmd")
        if pid is not None:
            in_node(cluster, node, "kill", "-HUP", str(pid))


def tail(cluster: Cluster, node: str, name: str) -> str:
    """Return the end of a service's log."""
    log = cluster.logs / node / f"{name}.log"
    return log.read_text(errors="replace")[-1500:] if log.exists() else "(no log)"


def complaints(cluster: Cluster) -> str:
    """Return what the logs of a cluster that did not come up complain about."""
    lines = []
    for log in sorted(cluster.logs.glob("**/*.log")):
        said = log.read_text(errors="replace").splitlines()
        bad = [line for line in said if any(word in line.lower() for word in ALARMING)]
        lines += [f"{log.relative_to(cluster.logs)}: {line}\n" for line in bad[-5:]]
    return "".join(lines)


def _root(cluster: Cluster, node: str) -> Path:
    assert node in CLUSTER_NODES
    return Path(f"/proc/{pid_of(cluster, node)}/root")


def _has_ended(cluster: Cluster, name: str) -> bool:
    """Say whether a service wrote its pid down, then went away."""
    return (_root(cluster, CONTROLLER) / "run/svc" / name).exists()
