"""Why Slurm wants a batch job to end: slurmstepd says so in the job's own output, just before it sends SIGTERM.

``slurmstepd: error: *** JOB 4 ON c1 CANCELLED AT 2026-11-24T21:43:24 DUE TO TIME LIMIT ***`` (seen under 22.05; later
versions add ``DUE to SIGNAL Terminated`` where 22.05 says nothing). squeue does not tell: it answers COMPLETING.
"""

from __future__ import annotations

import os
import re

_WORDS = re.compile(
    r"\*\*\* (?:JOB|STEP) (\d+)\S* ON \S+ CANCELLED AT \S+(?: DUE TO ([^*]+?))? \*\*\*",
    re.IGNORECASE,
)
MOST = 65536


class Stepd:
    """Listens to slurmstepd from now on: what the output held before is of earlier runs.

    Args:
        job: the batch job it must speak of (SLURM_JOB_ID): the elements of an array may share their output.
        descriptor: that of the output.
    """

    def __init__(self, job: str, descriptor: int = 2) -> None:
        self._job = job
        self._path = "/proc/self/fd/%d" % descriptor
        self._from = _size(self._path)

    def reason(self) -> str:
        """The last word: ``TIME LIMIT``, ``PREEMPTION``, ``JOB REQUEUE``, ...; ``CANCELLED`` without a reason; or ""."""
        try:
            with open(self._path, "rb") as file:
                file.seek(max(self._from, _size(self._path) - MOST))
                text = file.read(MOST).decode("utf-8", "replace")
        except OSError:
            return ""
        return reason(text, self._job)


def reason(text: str, job: str) -> str:
    """The reason that some output of slurmstepd gives last for the end of a job."""
    found = [why or "CANCELLED" for number, why in _WORDS.findall(text) if number == job]
    return found[-1].upper() if found else ""


def _size(path: str) -> int:
    try:
        return os.stat(path).st_size
    except OSError:
        return 0
