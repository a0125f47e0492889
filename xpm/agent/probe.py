"""What this host is, and what it does to the processes of who logs out."""

import os
import shutil
from typing import Any, Dict, Mapping, Optional

from xpm.agent import machine


def facts(environ: Mapping[str, str]) -> Dict[str, Any]:
    """The facts that the verb ``probe`` tells of the host itself."""
    uname = os.uname()
    return {
        "host": uname.nodename,
        "system": "%s %s %s" % (uname.sysname, uname.release, uname.machine),
        "cores": machine.cores(),
        "memory_mib": machine.memory_mib(),
        "sbatch": shutil.which("sbatch", path=environ.get("PATH")),
    }


def of_a_plain_host(environ: Mapping[str, str]) -> Dict[str, Any]:
    """What only matters where we start the jobs ourselves; asks a few programs."""
    return {"gpus": [each.id for each in machine.gpus(environ)], "logout": logout(environ)}


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
    kills = machine.told(["busctl", "get-property", *manager, "KillUserProcesses"], environ)
    user = str(os.getuid())
    lingers = machine.told(["loginctl", "show-user", user, "--property=Linger"], environ)
    return {"kills": _truth(kills), "lingers": _truth(lingers)}


def _truth(text: str) -> Optional[bool]:
    words = text.replace("=", " ").split()
    return {"yes": True, "true": True, "no": False, "false": False}.get(words[-1] if words else "")
