"""What is typed to SLURM: argument lists, no I/O."""

import shlex
from typing import List, Sequence

FORMAT = "%A|%F|%K|%T|%r|%V|%S|%e|%j"
"""JobID, array's id, index, state, reason, submit, start, end, name: no widths, so nothing is cut (P10)."""


def sbatch(submission: str, folder: str, workspace: str, options: Sequence[str]) -> List[str]:
    """Submit the script on standard input.

    All is on the command line, which beats SBATCH_* variables and #SBATCH lines (sbatch(1)). The log is appended to:
    a requeue would truncate it.
    """
    return [
        "sbatch",
        "--parsable",
        "--job-name=" + submission,
        "--open-mode=append",
        "--output=" + folder + "/log",
        "--chdir=" + workspace,
        "--export=ALL",
        *options,
    ]


def script(python: str, travel: str, workspace: str, submission: str, setup: Sequence[str]) -> str:
    """The batch script: the profile's lines, then the runner in place of the shell, so that signals reach it."""
    command = " ".join(map(shlex.quote, [python, travel, "run", workspace, submission]))
    return "\n".join(["#!/bin/sh", *setup, "exec " + command, ""])


def squeue() -> List[str]:
    """All my jobs in one query, finished ones too as long as slurmctld remembers them (MinJobAge)."""
    return ["squeue", "--me", "-h", "-r", "-t", "all", "-o", FORMAT]


def scancel(batch_ids: Sequence[str]) -> List[str]:
    """Cancel batch jobs; unknown ones are no error (scancel(1))."""
    return ["scancel", *batch_ids]
