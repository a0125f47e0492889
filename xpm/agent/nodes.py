"""Compute nodes and what may be done from there: not everywhere may a job submit others."""

import os


def is_inside() -> bool:
    """Whether this process runs in a batch job, which ends soon and takes its processes with it."""
    return bool(os.environ.get("SLURM_JOB_ID"))
