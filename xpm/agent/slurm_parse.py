"""What SLURM's commands answer, as values. Exit codes first; noise around the answer is expected."""

import re
from typing import Dict, List, NamedTuple, Optional, Union

Accepted = NamedTuple("Accepted", [("batch_id", str)])
"""The submission is in the queue."""

Refused = NamedTuple("Refused", [("message", str)])
"""A definite no: asking the same again gives the same."""

Later = NamedTuple("Later", [("message", str), ("limit", str)])
"""A definite no for now: a quota is full, the controller takes no jobs. ``limit`` names what made it too many, if that did."""

Unclear = NamedTuple("Unclear", [("message", str)])
"""Nobody knows whether it was accepted; only a look-up by name tells."""

Answer = Union[Accepted, Refused, Later, Unclear]


class Row(NamedTuple):
    """One batch job; an element of an array has the array's id and its index, ``A_k``."""

    batch_id: str
    state: str
    reason: str
    name: str
    start: str = ""
    """When it started or is expected to, on the site's clock; "" or N/A when nobody knows."""
    partition: str = ""
    """Where it runs or waits: one, or several with commas; "" when it was not asked for."""


ARRAY_SIZE = "MaxArraySize"
"""The limit on the indices of an array: its highest is one less."""

_ID = re.compile(r"^([0-9]+)(?:;[\w.-]+)?$")
_QUOTA = "Job violates accounting/QOS policy"
_LIMIT = re.compile(r"\b((?:Assoc|QOS)\w+)")
_ARRAY = "Invalid job array specification"
_LATER = (
    "temporarily unable to accept job",
    "too many jobs",
    "Unable to contact slurm controller (connect failure)",
    "Connection refused",
    "No route to host",
    "Name or service not known",
    "Communication connection failure",
    "Unable to establish control machine address",
    "encode failed",
    "I/O error writing script/environment",
    "Plugin initialization failed",
    "standby mode",
    "Requested nodes are busy",
    "presently disabled",
    "Unable to process configuration file",
    "Could not establish a configuration source",
)
"""Nothing was sent, or slurmctld said no before it took the job. What may also go wrong with an *answer* is not here."""
_UNCLEAR = (
    "timed out",
    "Zero Bytes were transmitted",
    "Unexpected message received",
    "Unspecified error",
    "Resource temporarily unavailable",
    "send failure",
    "receive failure",
    "shutdown failure",
    "Incomplete packet",
    "Insane message length",
    "Header lengths are longer than data received",
    "authentication",
    "decode failed",
    "Connection reset",
    "Broken pipe",
    "Transport endpoint",
    "Network is unreachable",
    "Interrupted system call",
)
"""The request may have arrived. slurm_errno.c's words for its messages, and the system's for connections."""
TIMED_OUT = 124
"""timeout(1)'s exit code."""
KILLED = range(129, 193)
"""What sh says of signals. Above are sbatch's own exit(-1) and the like: 255 for an option it cannot read."""
NOT_STARTED = (125, 126, 127)
"""What timeout(1) and sh say when there was nothing to start."""


def submitted(status: Optional[int], out: str, err: str) -> Answer:
    """What sbatch answered.

    Args:
        status: its exit code; None when it could not be started or was killed.
        out: its standard output; wrappers may print before the id, and digits in a banner are not one.
        err: its standard error.
    """
    lines = [line.strip() for line in out.splitlines() if line.strip()]
    message = _message(err) or _message(out)
    if status == 0:
        match = _ID.match(lines[-1]) if lines else None
        return Accepted(match.group(1)) if match else Unclear(message or "sbatch printed no id")
    if status is None or status == TIMED_OUT or status < 0 or status in KILLED:
        return Unclear(message or "sbatch did not end")
    if status in NOT_STARTED:
        return Later(message or "sbatch cannot be started", "")
    if not message:  # sbatch never says no without a word; a full disk swallows words
        return Unclear("sbatch ended with exit code %d, without a word" % status)
    if any(each in err for each in _UNCLEAR):
        return Unclear(message)
    if _QUOTA in err:
        # the line before names the limit (slurm.conf(5)); only a limit on how many may be queued passes by itself
        limit = _LIMIT.search(err)
        name = limit.group(1) if limit else "MaxSubmitJobs"
        return Later(message, name) if "Submit" in name else Refused(message)
    if _ARRAY in err:
        return Later(message, ARRAY_SIZE)
    if any(each in err for each in _LATER):
        return Later(message, "")
    return Refused(message)


def queue(status: Optional[int], out: str) -> Optional[List[Row]]:
    """The rows of squeue; None when it did not answer: no news. Lines of another shape are a banner's.

    While an element of an array is pending, its raw id may be the array's own; once it runs, it has one of its own. What
    stays are the array's id and the index.
    """
    if status != 0:
        return None
    rows = []
    for line in out.splitlines():
        fields = line.strip().split("|", 8)
        if len(fields) == 9 and fields[0].isdigit():
            batch_id = "%s_%s" % (fields[1], fields[2]) if fields[2].isdigit() else fields[0]
            rows.append(Row(batch_id, fields[3], fields[4], fields[8], fields[6], fields[5]))
    return rows


def array_of(batch_id: str) -> str:
    """What sbatch called it: the id of a job, or of the array it is an element of."""
    return batch_id.partition("_")[0]


def by_name(rows: List[Row]) -> Dict[str, str]:
    """The newest batch job, or array, of each name."""
    found: Dict[str, str] = {}
    for row in rows:
        number = array_of(row.batch_id)
        found[row.name] = max(number, found.get(row.name, "0"), key=int)
    return found


def _message(text: str) -> str:
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    told = [re.sub(r"^sbatch: (error: )?", "", line) for line in lines]
    return "; ".join(told[-3:])
