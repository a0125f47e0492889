"""What is typed to SLURM: argument lists, no I/O."""

import shlex
from typing import Dict, List, Optional, Sequence

FORMAT = "%A|%F|%K|%T|%r|%P|%S|%e|%j"
"""JobID, array's id, index, state, reason, partition, start, end, name: no widths, so nothing is cut."""


def sbatch(
    submission: str,
    folder: str,
    workspace: str,
    options: Sequence[str],
    indices: Sequence[int],
    throttle: Optional[int] = None,
) -> List[str]:
    """Submit the script on standard input; as an array of these indices, or as a plain job when there are none.

    ``throttle``: how many elements can run at once at the most, whatever SLURM has free: a hint for it.

    All is on the command line, which beats SBATCH_* variables and #SBATCH lines (sbatch(1)). The log is appended to:
    a requeue would truncate it.
    """
    limit = "%%%d" % throttle if throttle and throttle < len(indices) else ""
    return [
        "sbatch",
        "--parsable",
        "--job-name=" + submission,
        "--open-mode=append",
        "--output=" + folder + ("/log.%a" if indices else "/log"),
        "--chdir=" + workspace,
        "--export=ALL",
        *options,
        *(["--array=" + ranges(indices) + limit] if indices else []),
    ]


def script(setup: Sequence[str], argv: Sequence[str]) -> str:
    """The batch script: the profile's lines, then the runner in place of the shell, so that signals reach it."""
    command = " ".join(map(shlex.quote, argv))
    return "\n".join(["#!/bin/sh", *setup, "exec " + command, ""])


def environment(name: str, log: str, workspace: str, options: Sequence[str]) -> List[str]:
    """Submit the script on standard input as the job that makes an environment."""
    return [
        "sbatch",
        "--parsable",
        "--job-name=xpm.env." + name[:12],
        "--open-mode=append",
        "--output=" + log,
        "--chdir=" + workspace,
        "--export=ALL",
        "--no-requeue",
        *options,
    ]


def squeue() -> List[str]:
    """All my jobs in one query, finished ones too as long as slurmctld remembers them (MinJobAge)."""
    return ["squeue", "--me", "-h", "-r", "-t", "all", "-o", FORMAT]


def scancel(batch_ids: Sequence[str]) -> List[str]:
    """Cancel batch jobs; unknown ones are no error (scancel(1)). Elements of one array are named together."""
    arrays: Dict[str, List[int]] = {}
    plain: List[str] = []
    for each in batch_ids:
        array, _, index = each.partition("_")
        if index:
            arrays.setdefault(array, []).append(int(index))
        else:
            plain.append(each)
    return ["scancel", *plain, *("%s_[%s]" % (a, ranges(arrays[a])) for a in sorted(arrays))]


def ranges(indices: Sequence[int]) -> str:
    """Indices as SLURM writes them: ``0-3,7``."""
    spans: List[List[int]] = []
    for each in sorted(set(indices)):
        if spans and spans[-1][1] == each - 1:
            spans[-1][1] = each
        else:
            spans.append([each, each])
    return ",".join("%d" % a if a == b else "%d-%d" % (a, b) for a, b in spans)
