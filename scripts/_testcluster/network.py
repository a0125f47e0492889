"""Links: the nodes' own network, and one wire from each reachable node to this machine."""

from __future__ import annotations

import json
from pathlib import Path

from .base import CLUSTER_NODES, HOSTS, TOWER, Cluster, run, wait_until
from .nodes import HOLDER, pid_of
from .rootfs import NETWORK_ADDRESSES
from .state import Options

# The last number of the wire's two ends: here, and in the node.
WIRES = {"login1": (1, 2), TOWER: (5, 6)}


def choose(cluster: Cluster) -> int:
    """Pick the number of a /24 which no interface of this machine uses."""
    taken = _addresses()
    first = int(cluster.ident, 16)
    for step in range(512):
        number = (first + step) % 512
        prefix = f"198.{18 + number // 256}.{number % 256}."
        if not any(address.startswith(prefix) for address in taken):
            return number
    return first % 512


def start_switch(cluster: Cluster) -> None:
    """Make the bridge to which the cluster's nodes are wired."""
    bridge = "link add switch type bridge forward_delay 0 stp_state 0\nlink set switch up\n"
    _ip_in(pid_of(cluster, HOLDER), bridge)


def connect(cluster: Cluster, options: Options, node: str) -> None:
    """Wire a node that has just started."""
    pid, holder = pid_of(cluster, node), pid_of(cluster, HOLDER)
    inside = ""
    if node in CLUSTER_NODES:
        add = f"link add eth0 netns {pid} type veth peer name {node} netns {holder}\n"
        run(["ip", *add.split()])
        _ip_in(holder, f"link set {node} master switch up\n")
        address = options.address(NETWORK_ADDRESSES[node])
        inside += f"addr add {address}/25 dev eth0\nlink set eth0 up\n"
        inside += _without_delayed_acks(address, options.address(128))
    if node in WIRES:
        here, there = (options.address(last) for last in WIRES[node])
        name = _wire_name(cluster, node)
        _forget(name)
        commands = f"link add {name} type veth peer name up0 netns {pid}\n"
        commands += f"addr add {here}/30 dev {name}\nlink set {name} up\n"
        run(["ip", "-batch", "-"], stdin=commands)
        inside += f"addr add {there}/30 dev up0\nlink set up0 up\n"
    _ip_in(pid, inside)


def isolate(cluster: Cluster, node: str) -> None:
    """Take a node's plug out of the switch: it goes on, and sees its files, but nobody reaches it."""
    _ip_in(pid_of(cluster, HOLDER), f"link set {node} down\n")


def rejoin(cluster: Cluster, node: str) -> None:
    """Put the plug back."""
    _ip_in(pid_of(cluster, HOLDER), f"link set {node} up\n")


def disconnect_all(cluster: Cluster) -> None:
    """Take away what is left of the wires on this machine."""
    for node in HOSTS:
        _forget(_wire_name(cluster, node))


def _without_delayed_acks(address: str, network: str) -> str:
    """Return commands that spare SLURM 40 ms for most of its messages.

    It writes length, then body, without TCP_NODELAY: `sacctmgr` took 0.36 s, and takes 0.005 s.
    """
    local = f"local {address} dev eth0 table local proto kernel scope host"
    subnet = f"{network}/25 dev eth0 proto kernel scope link"
    return "".join(f"route replace {route} src {address} quickack 1\n" for route in (local, subnet))


def _wire_name(cluster: Cluster, node: str) -> str:
    return f"xtc{cluster.ident}{node[0]}"


def _forget(name: str) -> None:
    """Remove an interface; the kernel may be just about to do it by itself."""
    if _exists(name):
        run(["ip", "link", "del", name], check=False)
        wait_until(f"end of the link {name}", 10, lambda: not _exists(name))


def _exists(name: str) -> bool:
    return Path("/sys/class/net", name).exists()


def _ip_in(pid: int | None, commands: str) -> None:
    run(["nsenter", "-t", str(pid), "--net", "ip", "-batch", "-"], stdin=commands)


def _addresses() -> list[str]:
    links = json.loads(run(["ip", "-json", "address"]) or "[]")
    return [address["local"] for link in links for address in link.get("addr_info", [])]
