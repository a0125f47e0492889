"""How a SLURM site is asked what it allows, and what its words mean. No I/O.

One small script asks everything, each command under a time limit of its own, between lines that no command prints; so one
errand learns it all, and what a site refuses to tell is missing alone.
"""

import re
import shlex
from typing import Any, Dict, List, Mapping, NamedTuple, Optional, Tuple

from xpm.agent.limits import Association, Nodes, Partition, Qos, SiteLimits

EACH_S = 30
_ASSOCIATION = (
    "User,DefaultAccount,Cluster,Account,Partition,QOS,DefaultQOS,"
    "MaxJobs,MaxSubmit,MaxWall,MaxTRES,GrpTRES"
)
_QOS = "Name,Flags,MaxWall,MaxJobsPU,MaxSubmitPU,MaxTRES,MaxTRESPU,GrpTRES"
_COMMANDS = (
    # -a: hidden partitions, and those of other groups, so that a refusal can say so
    ("config", ["scontrol", "show", "config"]),
    ("partitions", ["scontrol", "-a", "-o", "show", "partition"]),
    ("nodes", ["sinfo", "-a", "-h", "-e", "-o", "%R|%D|%c|%m|%G"]),
    ("licenses", ["scontrol", "-o", "show", "lic"]),
    ("groups", ["id", "-Gn"]),
    ("associations", ["sacctmgr", "-nP", "show", "user", "@ME", "withassoc", "format=" + _ASSOCIATION]),
    ("qos", ["sacctmgr", "-nP", "show", "qos", "format=" + _QOS]),
)  # fmt: skip
COUNT = sum(argv[0] != "id" for _, argv in _COMMANDS)
"""How many commands ask the scheduler."""
_MARK = re.compile(r"^%xpm (\w+) (\S+)$", re.MULTILINE)

Section = NamedTuple("Section", [("status", int), ("text", str)])
"""What one command said, its errors included."""


def command() -> List[str]:
    """What asks everything at once."""
    lines = ["me=$(id -un)"]
    for name, argv in _COMMANDS:
        words = " ".join('"$me"' if word == "@ME" else shlex.quote(word) for word in argv)
        lines += [
            "echo; echo %%xpm %s begin" % name,
            "timeout %d %s 2>&1" % (EACH_S, words),
            "rc=$?; echo; echo %%xpm %s $rc" % name,
        ]
    return ["sh", "-c", "\n".join(lines).replace("%%", "%")]


def parse(text: str, at: float) -> SiteLimits:
    """What the site allows, out of what the script printed; unknown where a command failed."""
    found = _sections(text)
    said = {name: each.text for name, each in found.items() if each.status == 0}
    config = parse_config(said.get("config"))
    accounting = config.pop("has_accounting")
    mine: Optional[Tuple[Association, ...]] = None
    qos: Optional[Tuple[Qos, ...]] = None
    if accounting is not False:
        mine = parse_associations(said.get("associations"), str(config["cluster"] or ""))
        qos = parse_qos(said.get("qos"))
    return SiteLimits(
        at=at,
        problems=tuple(_problems(found, accounting)),
        has_accounting=accounting,
        max_submit=_max_submit(mine, qos),
        partitions=parse_partitions(said.get("partitions")),
        nodes=parse_nodes(said.get("nodes")),
        licenses=parse_licenses(said.get("licenses")),
        groups=parse_groups(said.get("groups")),
        associations=mine,
        qos=qos,
        **config,
    )


def _sections(text: str) -> Dict[str, Section]:
    found: Dict[str, Section] = {}
    began: Dict[str, int] = {}
    for mark in _MARK.finditer(text):
        name, word = mark.groups()
        if word == "begin":
            began[name] = mark.end()
        elif name in began and word.isdigit():
            found[name] = Section(int(word), text[began[name] : mark.start()].strip("\n"))
    return found


def _problems(found: Mapping[str, Section], accounting: Optional[bool]) -> List[str]:
    """What was not told, and why."""
    problems = []
    for name, argv in _COMMANDS:
        if accounting is False and argv[0] == "sacctmgr":
            continue
        section = found.get(name)
        if section is None or section.status:
            lines = section.text.strip().splitlines() if section else []
            words = lines[-1] if lines else "no answer"
            problems.append("%s: %s" % (" ".join(argv[:4]).replace("@ME", "").rstrip(), words))
    return problems


# ----------------------------------------------------------------------------- sections


def parse_config(text: Optional[str]) -> Dict[str, Any]:
    """Fields of SiteLimits out of ``scontrol show config``."""
    values = dict(re.findall(r"^(\w+)\s*=\s*(.*?)\s*$", text or "", re.MULTILINE))
    scheduler = dict(re.findall(r"(\w+)=(\w+)", values.get("SchedulerParameters", "")))
    storage, requeue = values.get("AccountingStorageType"), values.get("JobRequeue")
    enforced = values.get("AccountingStorageEnforce")
    return {
        "version": values.get("SLURM_VERSION"),
        "cluster": values.get("ClusterName"),
        "max_array_size": _number(values.get("MaxArraySize")),
        "max_array_tasks": _number(scheduler.get("max_array_tasks")),
        "max_job_count": _number(values.get("MaxJobCount")),
        "message_timeout_s": _number(values.get("MessageTimeout")),
        "min_job_age_s": _number(values.get("MinJobAge")),
        "kill_wait_s": _number(values.get("KillWait")),
        "can_requeue": None if requeue is None else requeue == "1",
        "has_rewriting": _has_plugins(values),
        "hides_jobs": _hides_jobs(values),
        "has_accounting": None if storage is None else storage.endswith("slurmdbd"),
        "enforced": None if enforced is None else tuple(_words(enforced) or ()),
    }


def _has_plugins(values: Mapping[str, str]) -> Optional[bool]:
    said = [values.get(name) for name in ("JobSubmitPlugins", "CliFilterPlugins")]
    told = [each for each in said if each is not None]
    return any(each not in ("", "(null)") for each in told) if told else None


def _hides_jobs(values: Mapping[str, str]) -> Optional[bool]:
    """Whether squeue shows to a user less than all jobs: PrivateData, or labels (mcs(5))."""
    private = values.get("PrivateData")
    if private is None:
        return None
    words = {each.strip().lower() for each in private.split(",")}
    labels = re.split(r"[,:]", values.get("MCSParameters", "").lower())
    return bool(words & {"jobs", "all"}) or "privatedata" in labels


def parse_partitions(text: Optional[str]) -> Optional[Tuple[Partition, ...]]:
    """Partitions out of ``scontrol -o show partition``; None when it was not told."""
    if text is None:
        return None
    found = []
    for line in text.splitlines():
        values = dict(re.findall(r"(\w+)=(\S*)", line))
        if "PartitionName" in values:
            found.append(_partition(values))
    return tuple(found)


def _partition(values: Mapping[str, str]) -> Partition:
    return Partition(
        name=values["PartitionName"],
        is_default=values.get("Default") == "YES",
        state=values.get("State", ""),
        max_time_s=seconds(values.get("MaxTime")),
        default_time_s=seconds(values.get("DefaultTime")),
        max_nodes=_number(values.get("MaxNodes")),
        total_nodes=_number(values.get("TotalNodes")),
        max_cpus=_number(values.get("MaxCPUsPerNode")),
        max_mem_mib=_number(values.get("MaxMemPerNode")),
        qos=None if values.get("QoS", "N/A") in ("N/A", "(null)", "") else values["QoS"],
        accounts=_words(values.get("AllowAccounts")),
        denied_accounts=_words(values.get("DenyAccounts")) or (),
        allowed_qos=_words(values.get("AllowQos")),
        denied_qos=_words(values.get("DenyQos")) or (),
        groups=_words(values.get("AllowGroups")),
    )


def parse_nodes(text: Optional[str]) -> Optional[Tuple[Nodes, ...]]:
    """Nodes out of sinfo, one row for those that are alike."""
    if text is None:
        return None
    found = []
    for line in text.splitlines():
        fields = line.strip().split("|", 4)
        if len(fields) == 5 and fields[1].isdigit():
            cpus, mem = _number(fields[2]), _number(fields[3])
            found.append(Nodes(fields[0], int(fields[1]), cpus, mem, gpus(fields[4])))
    return tuple(found)


def gpus(text: str) -> Dict[str, int]:
    """GPUs by type out of a GRES list: ``gpu:a100:4(S:0-1),gpu:2,fpga:1``."""
    found: Dict[str, int] = {}
    for each in re.sub(r"\([^)]*\)", "", text).split(","):
        name, _, rest = each.strip().partition(":")
        if name != "gpu":
            continue
        type_, _, count = rest.rpartition(":")
        if not count.isdigit():
            type_, count = rest, "1"  # gpu, gpu:a100
        found[type_] = found.get(type_, 0) + int(count)
    return found


def parse_licenses(text: Optional[str]) -> Optional[Dict[str, int]]:
    """How many there are of each licence, out of ``scontrol -o show lic``."""
    if text is None:
        return None
    return {
        name: int(total) for name, total in re.findall(r"LicenseName=(\S+)\s+Total=(\d+)", text)
    }


def parse_groups(text: Optional[str]) -> Optional[Tuple[str, ...]]:
    """The groups of the user, out of ``id -Gn``."""
    lines = (text or "").strip().splitlines()
    return tuple(lines[-1].split()) if lines else None


def parse_associations(text: Optional[str], cluster: str) -> Optional[Tuple[Association, ...]]:
    """The user's associations with this cluster, out of sacctmgr."""
    if text is None:
        return None
    found = []
    for line in text.splitlines():
        fields = line.strip().split("|")
        if len(fields) != len(_ASSOCIATION.split(",")) or fields[2] not in (cluster, ""):
            continue
        _, default, _, account, partition, qos, default_qos, jobs, submit, wall, tres, grp = fields
        found.append(
            Association(
                account=account,
                partition=partition,
                qos=_words(qos) or (),
                default_qos=default_qos or None,
                is_default=account == default,
                max_jobs=_number(jobs),
                max_submit=_number(submit),
                max_wall_s=seconds(wall),
                max_tres=tres_of(tres),
                grp_tres=tres_of(grp),
            )
        )
    return tuple(found)


def parse_qos(text: Optional[str]) -> Optional[Tuple[Qos, ...]]:
    """All QOS, out of sacctmgr."""
    if text is None:
        return None
    found = []
    for line in text.splitlines():
        fields = line.strip().split("|")
        if len(fields) == len(_QOS.split(",")):
            name, flags, wall, jobs, submit, tres, user, grp = fields
            limits = tuple(map(tres_of, (tres, user, grp)))
            flagged = _words(flags) or ()
            found.append(Qos(name, flagged, seconds(wall), _number(jobs), _number(submit), *limits))
    return tuple(found)


def _max_submit(
    mine: Optional[Tuple[Association, ...]], qos: Optional[Tuple[Qos, ...]]
) -> Optional[int]:
    """How many jobs may be queued under the default account and its default QOS."""
    said = []
    for each in mine or ():
        if each.is_default and not each.partition:
            name = each.default_qos or (each.qos[0] if len(each.qos) == 1 else "")
            said += [each.max_submit, *(q.max_submit for q in qos or () if q.name == name)]
    numbers = [number for number in said if number is not None]
    return min(numbers) if numbers else None


# -------------------------------------------------------------------------------- words


def seconds(text: Optional[str]) -> Optional[int]:
    """Seconds of ``[days-]hours:minutes:seconds``; None for UNLIMITED and whatever else."""
    match = re.match(r"^(?:(\d+)-)?(\d+):(\d+):(\d+)$", text or "")
    if match is None:
        return None
    days, hours, minutes, rest = (int(each or 0) for each in match.groups())
    return ((days * 24 + hours) * 60 + minutes) * 60 + rest


def tres_of(text: str) -> Dict[str, int]:
    """Resources by name out of ``cpu=4,mem=2G,gres/gpu:a100=2``; memory in MiB."""
    found: Dict[str, int] = {}
    for name, count, unit in re.findall(r"([\w/:@.-]+)=(\d+)([KMGTP]?)\w*", text):
        found[name] = int(count) if name != "mem" else int(int(count) * _MIB[unit])
    return found


_MIB = {"": 1, "K": 1 / 1024, "M": 1, "G": 1024, "T": 1024**2, "P": 1024**3}


def _number(text: Optional[str]) -> Optional[int]:
    """The number a value starts with (``30 sec``); None for UNLIMITED and the like."""
    match = re.match(r"^\d+", text or "")
    return int(match.group(0)) if match else None


def _words(text: Optional[str]) -> Optional[Tuple[str, ...]]:
    """The words of a list; None for ALL, and for none."""
    if text is None or text in ("ALL", "N/A", "(null)", "none", ""):
        return None
    return tuple(text.split(","))
