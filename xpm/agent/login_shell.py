"""Variables that only a login shell of this host has: SCRATCH, WORK and the like, which sites set in profile files."""

import subprocess
from typing import Dict, Iterable, List, Mapping

LIMIT_S = 30.0
_MARK = "%xpm-env"


def variables(names: Iterable[str], environ: Mapping[str, str]) -> Dict[str, str]:
    """The values of these: from this environment, else from a login shell's; those that nobody has are left out."""
    found = {name: environ[name] for name in names if name in environ}
    lacking = [name for name in names if name not in environ]
    if lacking:
        found.update(_told(lacking, environ))
    return found


def _told(names: List[str], environ: Mapping[str, str]) -> Dict[str, str]:
    try:
        done = subprocess.run(
            ["bash", "-lc", "echo; echo %s; env" % _MARK],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env=dict(environ),
            timeout=LIMIT_S,
        )
    except (
        OSError,
        subprocess.TimeoutExpired,
    ):  # no bash, or profile files that hang: nobody tells
        return {}
    lines = done.stdout.decode("utf-8", "replace").splitlines()
    told = dict(line.split("=", 1) for line in lines if "=" in line)
    return {name: told[name] for name in names if name in told}
