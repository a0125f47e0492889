"""The text of SLURM's configuration files."""

from __future__ import annotations

from .base import COMPUTE, CONTROLLER, Fail
from .rootfs import GPU_NODE, GPUS
from .state import Options

CPUS = 4
MEMORY_MB = 4000

# Fast enough for tests; what users see of it is as on a real cluster, MinJobAge included.
BASE = {
    "ClusterName": "testcluster",
    "SlurmctldHost": CONTROLLER,
    "SlurmUser": "slurm",
    "AuthType": "auth/munge",
    # A requeued job waits this long, plus one second.
    "AuthInfo": "cred_expire=10",
    "MpiDefault": "none",
    "StateSaveLocation": "/var/spool/slurmctld",
    "SlurmdSpoolDir": "/var/spool/slurmd",
    "SlurmctldPidFile": "/run/slurmctld.pid",
    "SlurmdPidFile": "/run/slurmd.pid",
    "SlurmdParameters": "config_overrides",
    "SwitchType": "switch/none",
    "TaskPlugin": "task/none",
    "ReturnToService": "2",
    "SlurmdTimeout": "20",
    "SlurmctldTimeout": "20",
    "KillWait": "5",
    "MinJobAge": "300",
    "SchedulerType": "sched/backfill",
    "SchedulerParameters": (
        "sched_interval=1,bf_interval=2,batch_sched_delay=0,sched_min_interval=100000"
    ),
    # All partitions have the same tier, so nothing is preempted until a test raises one.
    "PreemptType": "preempt/partition_prio",
    "PreemptMode": "REQUEUE",
    "SelectType": "select/cons_tres",
    "SelectTypeParameters": "CR_Core_Memory",
    "DefMemPerCPU": "200",
    "JobAcctGatherType": "jobacct_gather/linux",
    "JobAcctGatherFrequency": "task=1",
    "JobAcctGatherParams": "OverMemoryKill",
    "GresTypes": "gpu",
    "Licenses": "matlab:2",
    # So that accounting may be switched without restarting every slurmd.
    "DebugFlags": "NO_CONF_HASH",
    "SlurmctldDebug": "info",
    "SlurmdDebug": "info",
}

ACCOUNTING = {
    "AccountingStorageType": "accounting_storage/slurmdbd",
    "AccountingStorageHost": CONTROLLER,
    "AccountingStorageEnforce": "associations,limits,qos",
    "AccountingStorageTRES": "gres/gpu",
}

NODES_AND_PARTITIONS = f"""\
NodeName=DEFAULT CPUs={CPUS} Sockets=1 CoresPerSocket={CPUS} ThreadsPerCore=1 \
RealMemory={MEMORY_MB} State=UNKNOWN
NodeName={",".join(node for node in COMPUTE if node != GPU_NODE)}
NodeName={GPU_NODE} Gres=gpu:a100:{GPUS}
PartitionName=cpu Nodes={",".join(COMPUTE)} Default=YES MaxTime=60 DefaultTime=10 State=UP
PartitionName=short Nodes={",".join(COMPUTE)} MaxTime=5 DefaultTime=1 State=UP
PartitionName=gpu Nodes={GPU_NODE} MaxTime=60 DefaultTime=10 State=UP
"""

# v1 is written out since looking for it fails where nothing is mounted on /sys/fs/cgroup.
CGROUP = "CgroupPlugin=cgroup/v1\nCgroupMountpoint=/sys/fs/cgroup\n"

GRES = f"AutoDetect=off\nNodeName={GPU_NODE} Name=gpu Type=a100 File=/dev/nvidia[0-{GPUS - 1}]\n"

SLURMDBD = f"""\
AuthType=auth/munge
DbdHost={CONTROLLER}
SlurmUser=slurm
StorageType=accounting_storage/mysql
StorageHost=localhost
StorageUser=slurm
StorageLoc=slurm_acct_db
DebugLevel=info
PidFile=/run/slurmdbd.pid
"""


def render(options: Options) -> dict[str, str]:
    """Return the content of every file of /etc/slurm that all may read."""
    values = BASE | {"ProctrackType": f"proctrack/{options.proctrack}"}
    if options.accounting:
        values |= ACCOUNTING
    for setting in options.settings:
        key, equals, value = setting.partition("=")
        if not equals or not key.isalnum():
            raise Fail(f"--set {setting}: write KEY=VALUE, as in slurm.conf")
        same = [known for known in values if known.lower() == key.lower()]
        values |= {(same[0] if same else key): value}
    lines = [f"{key}={value}\n" for key, value in values.items()]
    text = "".join(lines) + NODES_AND_PARTITIONS
    return {"slurm.conf": text, "cgroup.conf": CGROUP, "gres.conf": GRES}
