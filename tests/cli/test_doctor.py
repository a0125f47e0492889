"""``xpm doctor``: what the facts of a place mean, and how it is told."""

import errno
import json
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

from tests.cli.commands import xpm
from xpm.agent import limits
from xpm.agent.limits import Nodes, Partition
from xpm.cli import doctor
from xpm.cli.doctor import Finding, examine
from xpm.cli.probe_job import ProbeJob
from xpm.connectors.local_host import LocalHost
from xpm.connectors.specs import SshSpec, SshTarget
from xpm.wire import disks

MACHINE = {
    "host": "n1", "system": "Linux 6.1 x86_64", "cores": 8, "memory_mib": 15625, "sbatch": None
}  # fmt: skip
HOST = Finding("host", "ok", "n1, Linux 6.1 x86_64: 8 cores, 16.4 GB")


def partition(name: str, state: str = "UP", max_time_s: int | None = None) -> Partition:
    unknown = {**dict.fromkeys(Partition._fields), "denied_accounts": (), "denied_qos": ()}
    row = {**unknown, "name": name, "state": state, "max_time_s": max_time_s}
    return Partition(**{**row, "is_default": name == "cpu"})  # type: ignore[arg-type]


def slurm(**known: object) -> list[Finding]:
    site = limits.UNKNOWN._replace(at=1.0, version="23.11.4")._replace(**known)  # type: ignore[arg-type]
    return examine({**MACHINE, "limits": limits.dump(site), "asking": False}, "slurm")


@pytest.mark.parametrize(
    ("kills", "lingers", "verdicts"),
    [
        (True, False, ["bad"]),
        (True, True, ["ok"]),
        (False, None, ["ok"]),
        (True, None, []),
        (None, None, []),
    ],
)
def test_a_host_that_ends_jobs_at_logout_is_bad_unless_they_linger(
    kills: bool | None, lingers: bool | None, verdicts: list[str]
) -> None:
    logout = {"kills": kills, "lingers": lingers}

    found = examine({**MACHINE, "gpus": ["0", "1"], "logout": logout}, "ssh")

    assert [HOST, Finding("gpus", "ok", "0, 1")] == found[:2]
    assert verdicts == [each.verdict for each in found if each.topic == "logout"]
    assert all("enable-linger" in each.do for each in found if each.verdict == "bad")


def test_a_login_node_without_kind_slurm_is_warned_of() -> None:
    found = examine({**MACHINE, "sbatch": "/usr/bin/sbatch"}, "ssh")

    assert ["ok", "ok", "warn"] == [each.verdict for each in found]
    assert "`kind: slurm`" in found[-1].do


def test_a_cluster_tells_its_version_arrays_accounting_and_partitions() -> None:
    found = slurm(
        has_accounting=False,
        max_array_size=1001,
        partitions=(partition("cpu", max_time_s=172800), partition("old", "DOWN")),
        nodes=(Nodes("cpu", 4, 32, 125000, {"a100": 2}),),
    )

    assert [
        HOST,
        Finding("slurm", "ok", "SLURM 23.11.4, without accounting"),
        Finding("arrays", "ok", "MaxArraySize 1001"),
        Finding(
            "partition",
            "ok",
            "cpu (default): at most 2 d; 4 nodes with 32 cores, 131.1 GB, 2 GPUs a100",
        ),
    ] == found[:-1]
    assert ("warn", "old: no limits told; it is DOWN") == (found[-1].verdict, found[-1].what)


def test_what_a_cluster_does_not_say_is_a_warning_with_what_to_do() -> None:
    silent = examine({**MACHINE, "limits": None, "asking": True}, "slurm")
    partly = slurm(problems=("sacctmgr: denied",))

    assert [("slurm", "warn")] == [(each.topic, each.verdict) for each in silent[1:]]
    assert ["ok", "warn"] == [each.verdict for each in partly[1:]]
    assert all(each.do for each in (*silent, *partly) if each.verdict != "ok")


def test_a_cluster_without_a_partition_is_bad() -> None:
    assert "bad" == slurm(partitions=())[-1].verdict


def test_this_machine_is_examined_without_a_profile(tmp_path: Path) -> None:
    told = xpm("doctor", "local", "--json", home=tmp_path)

    found = json.loads(told.out)
    verdicts = [each["verdict"] for each in found["findings"]]
    assert (int("bad" in verdicts), "") == (told.code, told.err)
    assert (1, "local", "local") == (found["schema"], found["connector"], found["kind"])
    assert ["login", "host", "gpus"] == [each["topic"] for each in found["findings"][:3]]
    assert not (tmp_path / ".xpm").exists()


def test_an_unknown_connector_is_refused_with_the_nearest(tmp_path: Path) -> None:
    told = xpm("doctor", "locl", home=tmp_path)

    assert (2, "") == (told.code, told.out)
    assert "unknown connector 'locl', did you mean 'local'?" in told.err


@pytest.mark.parametrize(
    ("at_terminal", "answer", "sent"), [(False, None, True), (True, "y", True), (True, "n", False)]
)
def test_who_is_at_a_terminal_is_asked_before_a_job_is_sent(
    monkeypatch: pytest.MonkeyPatch, at_terminal: bool, answer: str | None, sent: bool
) -> None:
    asked: list[str] = []

    def confirm(text: str, **_: object) -> bool:
        asked.append(text)
        return answer == "y"

    monkeypatch.setattr("sys.stdin", SimpleNamespace(isatty=lambda: at_terminal))
    monkeypatch.setattr("click.confirm", confirm)
    job = ProbeJob("$HOME/xpm", ["--account=lab", "--time=600"], [], None, "cpu")

    assert sent == doctor.is_agreed(job)
    assert asked == (["send a job of a minute (--account=lab --time=1)?"] if at_terminal else [])


@pytest.mark.parametrize(
    ("workspace", "said"),
    [
        ("/etc/hostname/ws", "Not a directory"),
        ("$NO_SUCH_VARIABLE/ws", "$NO_SUCH_VARIABLE is not defined there"),
        ("/proc/ws", "/proc/ws"),
    ],
)
def test_a_workspace_that_cannot_be_opened_is_told_once_in_its_own_words(
    workspace: str, said: str
) -> None:
    spec = SshSpec("box", SshTarget("box"), workspace, sys.executable)

    found = [each for each in doctor.look(spec, "ssh", LocalHost("box")) if each.verdict == "bad"]

    assert ["workspace"] == [each.topic for each in found]
    assert said in found[0].what
    assert "workspace:" in found[0].do


def test_a_disk_of_the_far_side_is_not_looked_for_among_ours() -> None:
    full = OSError(errno.ENOSPC, "No space left on device", "/scratch/of/another/machine")

    assert disks.words(full, is_here=False) == "/scratch/of/another/machine is full"
