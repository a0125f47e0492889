"""What this host is and allows: its facts, and Slurm's limits where there is Slurm. Read-only, a few commands."""

import os
import re
import shutil
import subprocess
from typing import Any, Dict, List, Mapping, Optional

from xpm.agent import machine

COMMAND_S = 30.0


def facts(environ: Mapping[str, str]) -> Dict[str, Any]:
    """The facts that the verb ``probe`` tells."""
    sbatch = shutil.which("sbatch", path=environ.get("PATH"))
    uname = os.uname()
    found: Dict[str, Any] = {
        "host": uname.nodename,
        "system": "%s %s %s" % (uname.sysname, uname.release, uname.machine),
        "cores": machine.cores(),
        "memory_mib": machine.memory_mib(),
        "gpus": [each.id for each in machine.gpus(environ)],
        "logout": logout(environ),
        "sbatch": sbatch,
        "slurm": None,
    }
    config = _run(["scontrol", "show", "config"], environ) if sbatch else None
    if config is not None:
        partitions = _run(["scontrol", "show", "partition", "-o"], environ)
        found["slurm"] = {**parse_config(config), "partitions": parse_partitions(partitions or "")}
    return found


def logout(environ: Mapping[str, str]) -> Dict[str, Optional[bool]]:
    """Whether systemd ends a user's processes when they log out here; None: it does not say, or is not there.

    ``kills`` is its setting for all (KillUserProcesses), ``lingers`` the exception made for this user
    (``loginctl enable-linger``).
    """
    manager = (
        "org.freedesktop.login1",
        "/org/freedesktop/login1",
        "org.freedesktop.login1.Manager",
    )
    kills = _run(["busctl", "get-property", *manager, "KillUserProcesses"], environ)
    user = str(os.getuid())
    lingers = _run(["loginctl", "show-user", user, "--property=Linger"], environ)
    return {"kills": _truth(kills), "lingers": _truth(lingers)}


def _truth(text: Optional[str]) -> Optional[bool]:
    words = (text or "").replace("=", " ").split()
    return {"yes": True, "true": True, "no": False, "false": False}.get(words[-1] if words else "")


def parse_config(text: str) -> Dict[str, Any]:
    """Limits out of ``scontrol show config``."""
    values = dict(re.findall(r"^(\w+)\s*=\s*(.*?)\s*$", text, re.MULTILINE))
    storage = values.get("AccountingStorageType", "")
    return {
        "version": values.get("SLURM_VERSION"),
        "cluster": values.get("ClusterName"),
        "message_timeout_s": _number(values.get("MessageTimeout")),
        "max_array_size": _number(values.get("MaxArraySize")),
        "min_job_age_s": _number(values.get("MinJobAge")),
        "kill_wait_s": _number(values.get("KillWait")),
        "requeue": values.get("JobRequeue") == "1",
        "accounting": bool(storage) and not storage.endswith("/none") and storage != "(null)",
    }


def parse_partitions(text: str) -> Dict[str, Dict[str, Any]]:
    """Partitions out of ``scontrol show partition -o``."""
    found = {}
    for line in text.splitlines():
        values = dict(re.findall(r"(\w+)=(\S*)", line))
        if "PartitionName" not in values:
            continue
        found[values["PartitionName"]] = {
            "default": values.get("Default") == "YES",
            "state": values.get("State"),
            "max_time_s": parse_time(values.get("MaxTime", "")),
            "max_nodes": _number(values.get("MaxNodes")),
            "nodes": _number(values.get("TotalNodes")),
            "cpus": _number(values.get("TotalCPUs")),
        }
    return found


def parse_time(text: str) -> Optional[int]:
    """Seconds of ``[days-]hours:minutes:seconds``; None for UNLIMITED and whatever else."""
    match = re.match(r"^(?:(\d+)-)?(\d+):(\d+):(\d+)$", text)
    if match is None:
        return None
    days, hours, minutes, seconds = (int(each or 0) for each in match.groups())
    return ((days * 24 + hours) * 60 + minutes) * 60 + seconds


def _number(text: Optional[str]) -> Optional[int]:
    match = re.match(r"^\d+", text or "")
    return int(match.group(0)) if match else None


def _run(argv: List[str], environ: Mapping[str, str]) -> Optional[str]:
    path = shutil.which(argv[0], path=environ.get("PATH"))
    if path is None:
        return None
    try:
        done = subprocess.run(
            [path, *argv[1:]],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env=dict(environ),
            timeout=COMMAND_S,
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    return done.stdout.decode("utf-8", "replace") if done.returncode == 0 else None
