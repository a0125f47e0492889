"""SLURM's words for the state of a job, as one total table: what each lets us conclude.

Sources: squeue(1) "JOB STATE CODES", https://slurm.schedmd.com/job_state_codes.html. A word that is not here changes
nothing: it is a newer SLURM's, and its record will speak for the job.
"""

from typing import Dict, NamedTuple

PENDING = "pending"
RUNNING = "running"
OVER = "over"
UNHEARD = "unheard"

Meaning = NamedTuple("Meaning", [("phase", str), ("state", str), ("cause", str)])
"""``phase`` of the batch job; once it is over without a record of ours, the ``state`` and ``cause`` of the attempt."""

_MAY_START = Meaning(PENDING, "", "")
_MAY_RUN = Meaning(RUNNING, "", "")

# PREEMPTED, REQUEUED and REVOKED are on their way back into the queue, or leave it and are then gone.
STATES: Dict[str, Meaning] = {
    "PENDING": _MAY_START,
    "CONFIGURING": _MAY_START,
    "REQUEUED": _MAY_START,
    "REQUEUE_FED": _MAY_START,
    "REQUEUE_HOLD": _MAY_START,
    "SPECIAL_EXIT": _MAY_START,
    "RESV_DEL_HOLD": _MAY_START,
    "PREEMPTED": _MAY_START,
    "REVOKED": _MAY_START,
    "POWER_UP_NODE": _MAY_START,
    "EXPEDITING": _MAY_START,
    "RUNNING": _MAY_RUN,
    "COMPLETING": _MAY_RUN,
    "SUSPENDED": _MAY_RUN,
    "STOPPED": _MAY_RUN,
    "SIGNALING": _MAY_RUN,
    "STAGE_OUT": _MAY_RUN,
    "RESIZING": _MAY_RUN,
    "UPDATE_DB": _MAY_RUN,
    "RECONFIG_FAIL": _MAY_RUN,
    "COMPLETED": Meaning(OVER, "lost", "lost"),
    "FAILED": Meaning(OVER, "failed", "exit"),
    "LAUNCH_FAILED": Meaning(OVER, "failed", "launch"),
    "BOOT_FAIL": Meaning(OVER, "failed", "node_fail"),
    "NODE_FAIL": Meaning(OVER, "failed", "node_fail"),
    "OUT_OF_MEMORY": Meaning(OVER, "failed", "oom"),
    "TIMEOUT": Meaning(OVER, "failed", "timeout"),
    "DEADLINE": Meaning(OVER, "failed", "timeout"),
    "CANCELLED": Meaning(OVER, "cancelled", "cancelled"),
}

UNKNOWN = Meaning(UNHEARD, "", "")


def meaning(word: str) -> Meaning:
    """What a state says. ``CANCELLED by 1000`` and the like count by their first word."""
    return STATES.get(word.split(" ")[0].rstrip("+"), UNKNOWN)


def is_over(word: str) -> bool:
    """Whether a batch job in this state counts no more."""
    return meaning(word).phase == OVER
