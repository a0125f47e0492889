"""Why SLURM does not start a job, in words: every reason, what it means for the job, what to do about it.

Sources: job_state_reason.c and https://slurm.schedmd.com/job_reason_codes.html. Most names are composed (``QOSGrpCpuLimit``,
``AssocMaxGRESPerJob``), so they are read rather than listed. A reason that is not known only waits.

A *fatal* reason means that the job will never start as it was asked for. Then it is ended here: SLURM would keep it for
ever. Since slurmctld may say so in passing (it shows PartitionConfig before it knows better), it counts when two
good answers agree, except where SLURM itself has put the job aside for good (``certain``).
"""

import re
import time
from typing import Any, Dict, Iterable, Mapping, NamedTuple, Optional, Tuple

WAITING = "waiting"
LATER = "later"
FATAL = "fatal"
ROUND_S = 300.0

Reason = NamedTuple(
    "Reason",
    [
        ("word", str),  # as SLURM said it
        (
            "kind",
            str,
        ),  # WAITING: by itself; LATER: somebody has to do something; FATAL: it never starts
        ("words", str),
        ("fix", str),
        ("cause", str),  # of the attempt that ends by a fatal one
        ("certain", bool),
    ],
)

_RELEASE = "`scontrol release` lets it go"
_ASK_ADMIN = "the site's administrators know more"
_TIME = "lower `time:`, or name a partition or QOS that allows it"
_RESOURCES = "ask for less, or name another partition, account or QOS"
_LOGIN = "do they wait for something on the nodes?"
_MEND = "mend the launcher in the profile"

_NAMED: Dict[str, Tuple[str, str, str]] = {
    "None": (WAITING, "", ""),
    "AccountingPolicy": (WAITING, "a limit of your account or QOS is reached", ""),
    "AccountNotAllowed": (FATAL, "its account may not use its partition", "name another `account:`"),
    "AssociationJobLimit": (WAITING, "your account runs as many jobs as it may", ""),
    "AssociationResourceLimit": (WAITING, "your account has reached a limit", ""),
    "AssociationTimeLimit": (WAITING, "your account has used up its time", _ASK_ADMIN),
    "BadConstraints": (FATAL, "no node can ever satisfy what it asks for", _RESOURCES),
    "BeginTime": (WAITING, "its time to begin has not come (--begin, or SLURM has requeued it)", ""),
    "BurstBufferOperation": (LATER, "its burst buffer failed", _ASK_ADMIN),
    "BurstBufferResources": (WAITING, "waits for room in the burst buffer", ""),
    "BurstBufferStageIn": (WAITING, "its burst buffer is being filled", ""),
    "Cleaning": (WAITING, "its earlier run is being cleaned up", ""),
    "Constraints": (WAITING, "no node satisfies what it asks for now", ""),
    "DeadLine": (FATAL, "it cannot end before its deadline", "lower `time:`"),
    "Dependency": (WAITING, "waits for another batch job", ""),
    "DependencyNeverSatisfied": (FATAL, "the batch job it waits for will never satisfy it", "run the plan again"),
    "FedJobLock": (WAITING, "waits for the clusters of its federation", ""),
    "FrontEndDown": (WAITING, "a front end is down", ""),
    "InactiveLimit": (WAITING, "it was inactive for too long", ""),
    "InvalidAccount": (FATAL, "its account is not valid any more", "name another `account:`"),
    "InvalidQOS": (FATAL, "its QOS is not valid any more", "name another `qos:`"),
    "JobArrayTaskLimit": (WAITING, "its array runs as many at once as it may", ""),
    "JobHeldAdmin": (LATER, "an administrator holds it", _ASK_ADMIN),
    "JobHeldUser": (LATER, "it is held", _RELEASE),
    "JobHoldMaxRequeue": (FATAL, "SLURM has requeued it as often as it may, and holds it", _ASK_ADMIN),
    "JobLaunchFailure": (LATER, "it could not be launched", _ASK_ADMIN),
    "Licenses": (WAITING, "waits for a licence that others hold", ""),
    "MaxMemPerLimit": (FATAL, "asks for more memory than a node or core may have", "lower `mem:`"),
    "MaxPoweredUpNodes": (WAITING, "as many nodes are powered up as may be", ""),
    "MpiPortsBusy": (WAITING, "waits for free MPI ports", ""),
    "NodeDown": (WAITING, "a node it needs is down", ""),
    "NonZeroExitCode": (WAITING, "its last run ended with an error", ""),
    "NvidiaImexChannels": (WAITING, "waits for an IMEX channel", ""),
    "OutOfMemory": (WAITING, "its last run was out of memory", ""),
    "PartitionConfig": (WAITING, "its partition does not take it now", ""),
    "PartitionDown": (WAITING, "its partition is down", ""),
    "PartitionInactive": (WAITING, "its partition takes no jobs now", ""),
    "PartitionNodeLimit": (LATER, "its partition has not as many nodes now", "ask for fewer `nodes:`"),
    "PartitionTimeLimit": (FATAL, "asks for more time than its partition allows", _TIME),
    "PowerNotAvail": (WAITING, "waits for power", ""),
    "PowerReserved": (WAITING, "the power it needs is reserved", ""),
    "Priority": (WAITING, "others come first", ""),
    "Prolog": (WAITING, "its node is being prepared", ""),
    "QOSJobLimit": (WAITING, "your QOS runs as many jobs as it may", ""),
    "QOSNotAllowed": (FATAL, "its account or partition does not allow its QOS", "name another `qos:`"),
    "QOSResourceLimit": (WAITING, "your QOS has reached a limit", ""),
    "QOSTimeLimit": (WAITING, "your QOS has used up its time", _ASK_ADMIN),
    "QOSUsageThreshold": (LATER, "you have used too much for this QOS", "name another `qos:`, or wait"),
    "RaisedSignal": (WAITING, "its last run was killed by a signal", ""),
    "ReqNodeNotAvail": (WAITING, "the nodes it needs are down or reserved", ""),
    "Reservation": (WAITING, "waits for its reservation to begin", ""),
    "ReservationDeleted": (FATAL, "its reservation is gone", _MEND),
    "ReservationInvalid": (FATAL, "its reservation is not valid", _MEND),
    "Resources": (WAITING, "waits for free nodes", ""),
    "SchedDefer": (WAITING, "starts with the next round of the scheduler", ""),
    "SystemFailure": (LATER, "SLURM failed", _ASK_ADMIN),
    "TimeLimit": (WAITING, "its last run was out of time", ""),
    # SLURM's free texts
    "Nodes required for job are DOWN": (WAITING, "the nodes it needs are down, drained or reserved", ""),
    "launch failed requeued held": (FATAL, "its node could not launch it, and SLURM holds it", _ASK_ADMIN),
    "launch failure limit exceeded requeued held": (FATAL, "nodes could not launch it, and SLURM holds it", _ASK_ADMIN),
    "user env retrieval failed requeued held": (FATAL, "your login files did not end in time, and SLURM holds it", _LOGIN),
    "job requeued in held state": (LATER, "it is held after a requeue", _RELEASE),
}  # fmt: skip

_CAUSES = {
    "DependencyNeverSatisfied": "dependency",
    "JobHoldMaxRequeue": "launch",
    "launch failed requeued held": "launch",
    "launch failure limit exceeded requeued held": "launch",
    "user env retrieval failed requeued held": "launch",
}
_CERTAIN = frozenset(_CAUSES)
"""SLURM has held the job, or will never look at it again."""

_COMPOSED = re.compile(
    r"^(?P<owner>Assoc|QOS)?(?P<what>Grp|Max|Min)(?P<thing>Bb|Billing|Cpu|Energy|Gres|Jobs?|License|Mem|Memory|Node|"
    r"SubmitJobs?|Unknown|Wall|WallDuration)(?P<minutes>Run(?:Minutes|Mins)|Minutes|NotSatisfied)?"
    r"(?P<per>PerJob|PerNode|PerUser|PerAccount)?(?:Limit)?$",
    re.IGNORECASE,
)
_THINGS = {
    "bb": "burst buffer", "billing": "billing units", "cpu": "cores", "energy": "energy", "gres": "GPUs or other GRES",
    "job": "jobs", "jobs": "jobs", "license": "licences", "mem": "memory", "memory": "memory", "node": "nodes",
    "submitjob": "queued jobs", "submitjobs": "queued jobs", "unknown": "some resource", "wall": "time",
    "wallduration": "time",
}  # fmt: skip


def explain(said: str, kinds: Optional[Mapping[str, str]] = None) -> Reason:
    """A pending reason, as squeue tells it; ``kinds``: what some mean by the words of the profile."""
    reason = _explain(said)
    kind = (kinds or {}).get(plain(reason.word))
    return reason if kind is None else reason._replace(kind=kind, certain=False)


def plain(word: str) -> str:
    """A reason as it is compared: versions of SLURM write some with spaces, some with underscores."""
    return word.split(",")[0].strip().lower().replace("_", " ")


def _explain(said: str) -> Reason:
    word = said.strip().strip("()").strip()
    bare = word.split(",")[0].strip()
    key = _KEYS.get(plain(bare))
    if key is not None:
        kind, words, fix = _NAMED[key]
        return Reason(word, kind, words, fix, _CAUSES.get(key, "refused"), key in _CERTAIN)
    kind, words, fix = _composed(bare) or (WAITING, "", "")
    return Reason(word, kind, words, fix, "refused", False)


_KEYS = {each.lower(): each for each in _NAMED}


_TURN = frozenset(["priority", "resources"])


def awaits_turn(said: str, others: Iterable[str] = ()) -> bool:
    """Whether it waits for nothing but its turn; squeue joins the reasons of an array's elements by commas.

    ``others``: reasons that count as well, in lower case.
    """
    words = {each.strip().lower() for each in said.strip().strip("()").split(",")}
    return words <= _TURN.union(others)


def waiting(said: str, start: str) -> str:
    """Why it waits, in words, and when SLURM expects to start it, if it does."""
    return "; ".join(each for each in (in_words(said), expected(start)) if each)


def expected(start: str) -> str:
    """An expected start, as squeue tells it on the site's clock, in words; "" for none.

    Rounded, since SLURM corrects it by seconds all the time, and every word that changes travels.
    """
    try:
        at = time.mktime(time.strptime(start, "%Y-%m-%dT%H:%M:%S"))
    except (ValueError, OverflowError):
        return ""
    rounded = -(-at // ROUND_S) * ROUND_S
    return "SLURM expects to start it by " + time.strftime(
        "%Y-%m-%d %H:%M %z", time.localtime(rounded)
    )


def in_words(said: str) -> str:
    """Why it waits, in words, with SLURM's own word behind; "" when there is nothing to say."""
    reason = explain(said)
    if reason.word in ("", "None"):
        return ""
    if not reason.words:
        return reason.word
    told = "%s (%s)" % (reason.words, reason.word)
    return "%s: %s" % (told, reason.fix) if reason.fix else told


def ending(said: str) -> str:
    """The words that end a job with a fatal reason."""
    reason = explain(said)
    words = "SLURM would never start it: %s (%s)" % (
        reason.words or "so says the profile",
        reason.word,
    )
    return "%s\n%s" % (words, reason.fix) if reason.fix else words


def stuck_since(
    before: Mapping[str, float],
    rows: Iterable[Any],
    at: float,
    kinds: Optional[Mapping[str, str]] = None,
) -> Dict[str, float]:
    """Since which good answer each batch job has waited for a fatal reason.

    Args:
        before: the same, of the answer before.
        rows: batch_id, state and reason of each job.
        at: when this answer was asked for.
        kinds: as of ``explain``.
    """
    return {
        row.batch_id: before.get(row.batch_id, at)
        for row in rows
        if row.state == "PENDING" and explain(row.reason, kinds).kind == FATAL
    }


def _composed(bare: str) -> Optional[Tuple[str, str, str]]:
    """The kind, words and fix of a name made of parts."""
    found = _COMPOSED.match(bare)
    if found is None:
        return None
    owner = {"assoc": "account", "qos": "QOS"}.get((found.group("owner") or "qos").lower(), "QOS")
    thing = _THINGS[found.group("thing").lower()]
    what, per = found.group("what").lower(), (found.group("per") or "").lower()
    minutes = (found.group("minutes") or "").lower()
    if what == "min":
        return (
            FATAL,
            "asks for less than its %s wants of a job (%s)" % (owner, thing),
            "ask for more",
        )
    if what == "grp" and minutes == "minutes":
        return LATER, "your %s has used up its minutes of %s" % (owner, thing), _ASK_ADMIN
    if what == "grp" or minutes.startswith("run"):
        return WAITING, "your %s has reached its limit of %s" % (owner, thing), ""
    if thing in ("jobs", "queued jobs"):
        verb = "run" if thing == "jobs" else "queue"
        return WAITING, "you %s as many jobs as your %s allows" % (verb, owner), ""
    if per in ("peruser", "peraccount"):
        return WAITING, "your jobs have reached the limit of %s of your %s" % (thing, owner), ""
    fix = _TIME if thing == "time" else _RESOURCES
    each = {"pernode": "a node", "perjob": "a job"}.get(per, "a job")
    more = "minutes of " + thing if minutes else thing
    return FATAL, "asks for more %s than its %s allows %s" % (more, owner, each), fix
