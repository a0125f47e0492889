"""What this host is and has: facts for a person, asked for rarely."""

import os
import shutil
import subprocess
from typing import Any, Dict, List, Mapping, Optional

from xpm.agent import machine

COMMAND_S = 30.0


def facts(environ: Mapping[str, str]) -> Dict[str, Any]:
    """The facts that the verb ``probe`` tells of the host itself."""
    uname = os.uname()
    return {
        "host": uname.nodename,
        "system": "%s %s %s" % (uname.sysname, uname.release, uname.machine),
        "cores": machine.cores(),
        "memory_mib": machine.memory_mib(),
        "gpus": [each.id for each in machine.gpus(environ)],
        "logout": logout(environ),
        "sbatch": shutil.which("sbatch", path=environ.get("PATH")),
    }


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
