"""Bringing a whole cluster up, and taking it down without a trace."""

from __future__ import annotations

import shutil
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path

from . import accounting, checks, network, nodes, pythons, slurm, ssh
from .base import (
    CLUSTER_NODES,
    COMPUTE,
    CONTROLLER,
    HOSTS,
    NODES,
    Cluster,
    Fail,
    locked,
    run,
    start,
    wait_until,
)
from .slurmconf import render
from .state import Options, load, save

PROXY = "proxy"


@dataclass(frozen=True, slots=True)
class Request:
    """What the command line of `up` says; None where it says nothing."""

    accounting: bool | None
    proctrack: str | None
    settings: tuple[str, ...]
    packages: str | None


def up(cluster: Cluster, request: Request) -> bool:
    """Bring a cluster up; return False when it was up already."""
    with locked(cluster):
        current = load(cluster)
        if current and current.complete and _is_running(cluster):
            _refuse_other_options(current, request)
            return False
        try:
            checks.demand(accounting=request.accounting is not False)
            _clear(cluster)
            options = _choose(cluster, request)
            _build(cluster, options)
        except BaseException:
            print(slurm.complaints(cluster), file=sys.stderr, end="")
            _clear(cluster)
            cluster.root.rmdir()
            raise
        save(cluster, replace(options, complete=True))
        return True


def down(cluster: Cluster) -> bool:
    """End everything; return False when nothing was there."""
    if not cluster.root.exists() and not nodes.marked(cluster):
        return False
    with locked(cluster):
        _clear(cluster)
        cluster.root.rmdir()
    return True


def start_services(cluster: Cluster, node: str) -> None:
    """Start what runs on a node that is connected, except accounting and slurmctld."""
    if node in HOSTS:
        ssh.start_server(cluster, node)
    if node in CLUSTER_NODES:
        slurm.start_munge(cluster, node)
    if node in COMPUTE:
        slurm.wait_for_munge(cluster, node)
        slurm.start_slurmd(cluster, node)


def start_controller(cluster: Cluster, options: Options) -> None:
    """Start accounting, when wanted, then slurmctld."""
    if options.accounting:
        accounting.start_database(cluster)
    slurm.wait_for_munge(cluster, CONTROLLER)
    if options.accounting:
        accounting.start(cluster)
    slurm.start_service(cluster, "slurmctld")


def _choose(cluster: Cluster, request: Request) -> Options:
    proctrack = request.proctrack or ("cgroup" if checks.has_freezer() else "linuxproc")
    if proctrack == "cgroup" and not checks.has_freezer():
        raise Fail("--proctrack cgroup: the cgroup v1 freezer cannot be mounted: use linuxproc")
    options = Options(
        accounting=request.accounting is not False,
        proctrack=proctrack,
        settings=request.settings,
        packages=request.packages,
        network=network.choose(cluster),
        pythons=tuple(pythons.discover()),
    )
    render(options)  # which refuses what is no setting
    return options


def _build(cluster: Cluster, options: Options) -> None:
    save(cluster, options)
    ssh.make_keys(cluster, options)
    nodes.start_holder(cluster)
    slurm.write_configuration(cluster, options)
    slurm.make_munge_key(cluster)
    network.start_switch(cluster)
    for node in NODES:
        nodes.start_node(cluster, options, node)
    _start_proxy(cluster)
    with ThreadPoolExecutor(len(NODES)) as pool:
        for done in [pool.submit(_settle, cluster, options, node) for node in NODES]:
            done.result()
    for node in HOSTS:
        ssh.wait_for_server(cluster, node)
    slurm.wait_until_usable(cluster)
    wait_until("the proxy", 10, lambda: nodes.pid_of(cluster, PROXY) is not None)


def _settle(cluster: Cluster, options: Options, node: str) -> None:
    nodes.wait_for_node(cluster, node)
    network.connect(cluster, options, node)
    start_services(cluster, node)
    if node == CONTROLLER:
        start_controller(cluster, options)


def _start_proxy(cluster: Cluster) -> None:
    entry = Path(__file__).parents[1] / "testcluster"
    argv: list[str | Path] = [sys.executable, entry, "--root", cluster.root, "_proxy"]
    start(cluster, argv, cluster.logs / "proxy.log")


def _is_running(cluster: Cluster) -> bool:
    return all(nodes.pid_of(cluster, name) for name in (nodes.HOLDER, PROXY))


def _refuse_other_options(current: Options, request: Request) -> None:
    """Fail when the running cluster is not the one asked for."""
    asked = {
        "accounting": request.accounting,
        "proctrack": request.proctrack,
        "settings": request.settings or None,
        "packages": request.packages,
    }
    for name, value in asked.items():
        has = getattr(current, name)
        if value is not None and value != has:
            raise Fail(f"a cluster is up with {name} {has}, not {value}: `testcluster down` first")


def _clear(cluster: Cluster) -> None:
    """End all processes, links, cgroups and files of the cluster, whatever state it is in."""
    _thaw_and(cluster, "")
    nodes.kill_all(cluster)
    network.disconnect_all(cluster)
    _thaw_and(cluster, 'find "$group" -depth -type d -exec rmdir {} +')
    _unmount_below(cluster.root)
    for path in cluster.root.iterdir():
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        else:
            path.unlink()


def _thaw_and(cluster: Cluster, then: str) -> None:
    """Wake what SLURM has frozen, which no signal could end; then do something about its cgroup."""
    script = f"""\
mount -t tmpfs none /mnt && mount -t cgroup -o freezer none /mnt 2>/dev/null || exit 0
group=/mnt/{cluster.freezer_group}
[ -d $group ] || exit 0
for state in $(find $group -name freezer.state); do echo THAWED >$state; done
{then}
"""
    deadline_tries = 50
    for _ in range(deadline_tries):
        argv = ["unshare", "--mount", "sh", "-c", script]
        if subprocess.run(argv, capture_output=True, check=False).returncode == 0:
            return


def _unmount_below(root: Path) -> None:
    """Undo mounts that should not be there: nothing of ours is mounted in this namespace."""
    lines = Path("/proc/self/mountinfo").read_text().splitlines()
    points = [line.split()[4] for line in lines if line.split()[4].startswith(f"{root}/")]
    for point in reversed(points):
        run(["umount", "-l", point])
