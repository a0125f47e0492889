"""What this host is: facts that ask nobody and cost nothing."""

import os
import shutil
from typing import Any, Dict, Mapping


def facts(environ: Mapping[str, str]) -> Dict[str, Any]:
    """The facts that the verb ``probe`` tells of the host itself."""
    uname = os.uname()
    return {
        "host": uname.nodename,
        "system": "%s %s %s" % (uname.sysname, uname.release, uname.machine),
        "cores": os.cpu_count(),
        "sbatch": shutil.which("sbatch", path=environ.get("PATH")),
    }
