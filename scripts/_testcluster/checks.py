"""What this machine must offer before a cluster can be built on it."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from pathlib import Path

from .base import PATH, Fail

PACKAGE_OF = {
    "sshd": "openssh-server",
    "ssh-keygen": "openssh-client",
    "munged": "munge",
    "slurmctld": "slurm-wlm",
    "slurmd": "slurm-wlm",
    "sbatch": "slurm-wlm",
    "ip": "iproute2",
    "unshare": "util-linux",
    "setpriv": "util-linux",
}
ACCOUNTING_PACKAGE_OF = {
    "slurmdbd": "slurmdbd",
    "mariadbd": "mariadb-server-core",
    "mariadb": "mariadb-client-core",
}
INSTALL = "run `scripts/system-packages` as root"


def problem(accounting: bool = True) -> str | None:
    """Say what keeps a cluster from running here, with what to do; None when all is well."""
    if not Path("/etc/debian_version").exists():
        return "needs Debian (or a system made from it): use a Debian 12 machine or container"
    wanted = PACKAGE_OF | (ACCOUNTING_PACKAGE_OF if accounting else {})
    missing = sorted({pkg for exe, pkg in wanted.items() if not shutil.which(exe, path=PATH)})
    if missing:
        return f"packages are missing ({' '.join(missing)}): {INSTALL}"
    if not _may_unshare():
        return (
            "this machine does not permit namespaces or mounts, even to root: "
            "in a container, start it with `--privileged`"
        )
    return None


def demand_root() -> None:
    """Fail unless we are root."""
    if os.geteuid() != 0:
        raise Fail("needs root, for namespaces and mounts: run it with sudo")


def demand(accounting: bool) -> None:
    """Fail unless a cluster can be built here."""
    found = problem(accounting)
    if found:
        raise Fail(found)


def has_freezer() -> bool:
    """Say whether the cgroup v1 freezer can be mounted, which SLURM needs to track processes."""
    with tempfile.TemporaryDirectory(prefix="xpm-testcluster-") as folder:
        mount = ["mount", "-t", "cgroup", "-o", "freezer", "none", folder]
        return _succeeds(["unshare", "--mount", *mount])


def _may_unshare() -> bool:
    namespaces = ["--mount", "--uts", "--ipc", "--net", "--pid", "--cgroup", "--fork"]
    return _succeeds(["unshare", *namespaces, "mount", "-t", "tmpfs", "none", "/mnt"])


def _succeeds(argv: list[str]) -> bool:
    return subprocess.run(argv, capture_output=True, check=False).returncode == 0
