"""The environment a task runs in: the batch script's, without what a nested srun or sbatch would misread.

Slurm's commands take options from SLURM_*, SBATCH_*, SALLOC_* and SRUN_*. A task that calls ``srun`` or ``sbatch`` would
inherit the binding, distribution or array options of the job around it, silently. So those go, and only
facts stay: which job this is, where it runs and what it was given.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Dict, Mapping, Optional


_OPTIONS = ("SLURM_", "SBATCH_", "SALLOC_", "SRUN_")
_FACTS = frozenset(
    """
    SLURM_CONF SLURM_CLUSTER_NAME SLURM_TMPDIR SLURMD_NODENAME SLURM_RESTART_COUNT
    SLURM_JOB_ID SLURM_JOBID SLURM_JOB_NAME SLURM_JOB_PARTITION SLURM_JOB_ACCOUNT SLURM_JOB_QOS
    SLURM_JOB_NODELIST SLURM_NODELIST SLURM_JOB_NUM_NODES SLURM_NNODES SLURM_JOB_GPUS
    SLURM_JOB_CPUS_PER_NODE SLURM_CPUS_ON_NODE SLURM_CPUS_PER_TASK
    SLURM_JOB_START_TIME SLURM_JOB_END_TIME SLURM_ARRAY_JOB_ID SLURM_ARRAY_TASK_ID
    """.split()
)
_SITE = frozenset(("SLURM_CONF",))


def task_environment(
    environ: Mapping[str, str], in_slurm: bool, batch_id: Optional[str]
) -> Dict[str, str]:
    """What the task gets of these variables, and its batch job's id as XPM_BATCH_ID."""
    facts = _FACTS if in_slurm else _SITE
    kept = {
        name: value
        for name, value in environ.items()
        if name in facts or not name.startswith(_OPTIONS)
    }
    kept.pop("XPM_BATCH_ID", None)
    if batch_id:
        kept["XPM_BATCH_ID"] = batch_id
    if in_slurm and "SLURM_CPUS_PER_TASK" in environ:
        # srun inherits --cpus-per-task in some versions only (22.05 to 23.02.4 do not)
        kept["SRUN_CPUS_PER_TASK"] = environ["SLURM_CPUS_PER_TASK"]
    return kept
