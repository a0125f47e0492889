"""Compute nodes and what may be done from there: not everywhere may a job submit others.

Where they cannot (no sbatch on them, or the site lets only login nodes submit: AllocNodes, a job_submit plugin), the first
job that tries notes that for all, in ``.xpm/nodes.json``; others then do not try again and again, and what waits for a job
waits for a laptop too. After a day it is tried once more.
"""

import os
from typing import Any, Dict, Optional

from xpm.agent import processes, reading, slurm_parse
from xpm.wire import files
from xpm.wire.workspace import FORMAT, Layout

DAY_S = 86400.0
_DENIED = ("Access/permission denied", "compute node", "submit host", "login node")
"""What is said of where a job is submitted from, not of the job; the first are slurm_errno.c's words."""


def is_inside() -> bool:
    """Whether this process runs in a batch job, which ends soon and takes its processes with it."""
    return bool(os.environ.get("SLURM_JOB_ID"))


def is_barred_by(status: int, message: str) -> bool:
    """Whether an sbatch that failed on a compute node says that it always will there."""
    words = message.lower()
    return status in slurm_parse.NOT_STARTED or any(each.lower() in words for each in _DENIED)


def bar(layout: Layout, message: str, now: float) -> None:
    """Note that jobs cannot submit."""
    content = {"format": FORMAT, "at": now, "host": processes.HOST, "said": message}
    files.write(_path(layout), files.dump(content))


def barred(layout: Layout, now: float) -> Optional[str]:
    """Why jobs cannot submit, in SLURM's words; None as far as is known they can."""
    content: Dict[str, Any] = reading.load(_path(layout)) or {}
    if not 0 <= now - float(content.get("at") or 0.0) < DAY_S:
        return None
    return str(content.get("said") or "no word of why")


def _path(layout: Layout) -> str:
    return os.path.join(layout.own, "nodes.json")
