"""The ssh servers of the nodes, and what a client needs to trust and use them."""

from __future__ import annotations

import shutil
from pathlib import Path

from .base import HOSTS, USER, Cluster, run, wait_until
from .nodes import daemon, listens, pid_of
from .state import Options

PORT = 2222

SSHD_CONFIG = """\
Port 22
HostKey /etc/ssh/host_key
UsePAM no
PasswordAuthentication no
KbdInteractiveAuthentication no
PrintMotd no
AcceptEnv LANG LC_*
Subsystem sftp internal-sftp
"""


def make_keys(cluster: Cluster, options: Options) -> None:
    """Make the user's key, a host key for each host, and the client's configuration."""
    cluster.ssh.mkdir(exist_ok=True)
    _make_key(cluster.root / "id_ed25519", f"{USER}@laptop")
    for node in HOSTS:
        _make_key(cluster.ssh / node, node)
    (cluster.root / "known_hosts").write_text(known_hosts(cluster, options))
    (cluster.root / "ssh_config").write_text(client_config(options, cluster.root))


def start_server(cluster: Cluster, node: str) -> None:
    """Start sshd in a node; return when it listens."""
    etc = Path(f"/proc/{pid_of(cluster, node)}/root/etc/ssh")
    etc.mkdir(exist_ok=True)
    (etc / "sshd_config").write_text(SSHD_CONFIG)
    shutil.copy(cluster.ssh / node, etc / "host_key")
    (etc / "host_key").chmod(0o600)
    daemon(cluster, node, "sshd", "/usr/sbin/sshd", "-D", "-e")


def wait_for_server(cluster: Cluster, node: str) -> None:
    """Return when sshd listens."""
    wait_until(f"sshd on {node}", 10, lambda: listens(cluster, node, 22))


def client_config(options: Options, folder: Path) -> str:
    """Return an ssh configuration whose files lie in `folder`."""
    common = f"""\
Host {" ".join(HOSTS.values())}
    HostName {options.door()}
    User {USER}
    IdentityFile {folder}/id_ed25519
    IdentitiesOnly yes
    UserKnownHostsFile {folder}/known_hosts
    GlobalKnownHostsFile /dev/null
    StrictHostKeyChecking yes
    BatchMode yes
"""
    ports = [f"Host {HOSTS[node]}\n    Port {port_of(node)}\n" for node in HOSTS]
    return "".join([*ports, common])


def known_hosts(cluster: Cluster, options: Options) -> str:
    """Return the hosts' true keys."""
    lines = []
    for node in HOSTS:
        kind, key, *_ = (cluster.ssh / f"{node}.pub").read_text().split()
        lines.append(f"[{options.door()}]:{port_of(node)} {kind} {key}\n")
    return "".join(lines)


def port_of(node: str) -> int:
    """Return the port of the proxy behind which a node's sshd is."""
    return PORT + list(HOSTS).index(node)


def _make_key(path: Path, comment: str) -> None:
    run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", comment, "-f", path])
