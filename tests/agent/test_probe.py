"""What Slurm says of itself, read."""

from pathlib import Path

import pytest

from xpm.agent import probe

CONFIG = """\
Configuration data as of 2024-01-01T00:00:00
AccountingStorageType   = accounting_storage/slurmdbd
ClusterName             = mycluster
JobRequeue              = 1
KillWait                = 30 sec
MaxArraySize            = 1001
MessageTimeout          = 10 sec
MinJobAge               = 300 sec
SLURM_VERSION           = 22.05.8

Slurmctld(primary) at head is UP
"""
PARTITIONS = """\
PartitionName=cpu AllowGroups=ALL Default=YES MaxNodes=UNLIMITED MaxTime=1-02:03:04 State=UP TotalCPUs=8 TotalNodes=2
PartitionName=gpu AllowGroups=ALL Default=NO MaxNodes=4 MaxTime=UNLIMITED State=DOWN TotalCPUs=64 TotalNodes=1
"""


def test_limits_are_read_from_the_configuration() -> None:
    expected = {
        "version": "22.05.8",
        "cluster": "mycluster",
        "message_timeout_s": 10,
        "max_array_size": 1001,
        "min_job_age_s": 300,
        "kill_wait_s": 30,
        "requeue": True,
        "accounting": True,
    }

    assert expected == probe.parse_config(CONFIG)


def test_a_cluster_without_accounting_says_so() -> None:
    assert not probe.parse_config("AccountingStorageType = accounting_storage/none\n")["accounting"]
    assert not probe.parse_config("")["accounting"]


def test_partitions_are_read_with_their_limits() -> None:
    found = probe.parse_partitions(PARTITIONS)

    assert tuple(found["cpu"][key] for key in ("default", "state", "max_time_s", "max_nodes")) == (
        True,
        "UP",
        93784,
        None,
    )
    assert tuple(found["gpu"][key] for key in ("default", "state", "max_time_s", "max_nodes")) == (
        False,
        "DOWN",
        None,
        4,
    )


def test_what_cannot_be_read_is_left_out() -> None:
    assert probe.parse_partitions("No partitions in the system\n") == {}
    assert probe.parse_time("INVALID") is None


@pytest.mark.parametrize(
    ("busctl", "loginctl", "expected"),
    [
        ("echo 'b false'", "echo Linger=no", {"kills": False, "lingers": False}),
        ("echo 'b true'", "echo Linger=yes", {"kills": True, "lingers": True}),
        ("exit 1", "echo 'Failed to connect to bus' >&2; exit 1", {"kills": None, "lingers": None}),
        ("echo", "echo Linger=", {"kills": None, "lingers": None}),
    ],
)
def test_whether_jobs_survive_a_logout_is_told_by_systemd(
    busctl: str, loginctl: str, expected: dict[str, bool | None], tmp_path: Path
) -> None:
    for name, says in (("busctl", busctl), ("loginctl", loginctl)):
        (tmp_path / name).write_text(f"#!/bin/sh\n{says}\n")
        (tmp_path / name).chmod(0o755)

    assert probe.logout({"PATH": str(tmp_path)}) == expected


def test_a_machine_without_systemd_says_nothing_of_logouts(tmp_path: Path) -> None:
    assert probe.logout({"PATH": str(tmp_path)}) == {"kills": None, "lingers": None}
