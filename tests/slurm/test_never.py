"""What can never run is refused before the site is asked, with every reason (law 9)."""

from pathlib import Path

import pytest

from xpm.agent import limits, never, slurm_site
from xpm.agent.limits import SiteLimits
from xpm.agent.slurm_request import asked

GOLDEN = Path(__file__).parents[1] / "golden" / "slurm"
SMALL = slurm_site.parse((GOLDEN / "22.05" / "site.txt").read_text(), at=0.0)
LARGE = slurm_site.parse((GOLDEN / "24.05" / "site.txt").read_text(), at=0.0)


def said(site: SiteLimits, *options: str) -> str:
    """Why this can never run there; "" when it may."""
    return never.table(never.objections(options, site))


@pytest.mark.parametrize(
    "options",
    [
        [],
        ["--partition=short", "--time=5"],
        ["--partition=cpu", "--time=60", "--cpus-per-task=4", "--mem=3000M"],
        ["--partition=gpu", "--gpus-per-node=a100:4"],
        ["--partition=gpu", "--gres=gpu:2,tmpdisk:5"],
        ["--partition=short,cpu", "--time=30"],  # one of them takes it
        ["--nodes=2", "--cpus-per-task=3", "--licenses=matlab:2"],
        ["--licenses=matlab:2|comsol:9"],
        ["--qos=debug", "--time=30"],
        ["--account=LAB"],
    ],
)
def test_what_may_run_is_not_objected_to(options: list[str]) -> None:
    assert "" == said(SMALL, *options)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--partition=nope"], "no such partition (there are cpu, gpu, short)"),
        (["--partition=cpu,shor"], "'shor' can never run it: there is no such partition, did you mean 'short'?"),
        (["--partition=short", "--time=6"], "time 6m, its limit is 5m"),
        (["--time=1-00"], "time 1d, its limit is 1h"),
        (["--partition=gpu", "--cpus-per-task=5"], "5 cores, its nodes have 4"),
        (["--mem=4001M"], "4001 MiB, its nodes have 4000 MiB"),
        (["--mem=4G"], "4096 MiB, its nodes have 4000 MiB"),
        (["--cpus-per-task=4", "--mem-per-cpu=1001M"], "4004 MiB, its nodes have 4000 MiB"),
        (["--gpus-per-node=5"], "5 GPUs, its nodes have 4"),
        (["--gres=gpu:h100:1"], "1 GPUs of type 'h100', its nodes have a100"),
        (["--nodes=2", "--gpus=8"], "only 1 of its nodes has 1 cores with 4 GPUs"),
        (["--nodes=3"], "3 nodes, its limit is 2"),
        (["--licenses=matlab:3"], "3 of licence 'matlab' can never be had, there are 2"),
        (["--licenses=matlap"], "the site has no licence 'matlap', did you mean 'matlab'?"),
        (["--account=physics"], "you have no account 'physics' (there are lab)"),
        (["--qos=long"], "account 'lab' has no QOS 'long'"),
        (["--qos=debug", "--time=31"], "time 31m, QOS 'debug' allows 30m"),
        (["--qos=debug", "--nodes=2"], "node=2, QOS 'debug' allows 1"),
        (["--nodes=2", "--cpus-per-task=4"], "cpu=8, account 'lab' allows 6"),
        (["--mem=3500M"], "mem=3500 MiB, account 'lab' allows 3000 MiB"),
        (["--qos=debug", "--gpus-per-node=3"], "gres/gpu=3, QOS 'debug' allows 2"),
    ],
)  # fmt: skip
def test_what_can_never_run_is_refused_with_its_reason(options: list[str], words: str) -> None:
    assert words in said(SMALL, *options)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--cpus-per-task=61"], "61 cores, its limit is 60"),
        (["--mem=240001M"], "240001 MiB, its limit is 240000 MiB"),
        (["--account=students"], "account 'students' may not use it"),
        (["--partition=gpu", "--qos=scavenger"], "QOS 'scavenger' may not use it"),
        (["--partition=gpu", "--time=49:00:00"], "time 2d1h, its limit is 2d; time 2d1h, QOS 'normal' allows 2d"),
        (["--partition=gpu", "--account=physics", "--nodes=3"], "node=3, account 'physics' allows 2"),
        (["--partition=gpu", "--nodes=3", "--gpus-per-node=a100:4"], "gres/gpu=12, account 'lab' allows 8"),
        (["--partition=old", "--nodes=1"], "1 nodes, its limit is 0"),
        (["--partition=gpu", "--gpus-per-node=t4:2"], "2 GPUs of type 't4', its nodes have 1"),
    ],
)  # fmt: skip
def test_a_larger_site_refuses_by_its_own_rules(options: list[str], words: str) -> None:
    assert words in said(LARGE, *options)


def test_a_qos_overrides_its_account_and_the_partitions_qos_overrides_both() -> None:
    assert "" == said(LARGE, "--partition=gpu", "--time=25:00:00")  # the account alone: one day
    assert "" == said(LARGE, "--cpus-per-task=60", "--nodes=4")
    assert "" == said(LARGE, "--qos=long", "--time=14-00:00:00")  # PartitionTimeLimit
    assert "time 15d, QOS 'long' allows 14d" in said(LARGE, "--qos=long", "--time=15-00")


def test_groups_that_may_not_use_a_partition_are_told() -> None:
    outsider = LARGE._replace(groups=("students",))

    assert "only groups gpuusers, staff may use it" in said(outsider, "--partition=gpu")
    assert "" == said(LARGE._replace(groups=None), "--partition=gpu")


def test_several_partitions_are_refused_in_a_table() -> None:
    assert (
        "no partition can ever run it\n"
        "    gpu: time 2h, its limit is 1h; 5 cores, its nodes have 4\n"
        "    short: time 2h, its limit is 5m; 5 cores, its nodes have 4"
    ) == said(SMALL, "--partition=short,gpu", "--time=120", "--cpus-per-task=5")


def test_an_unknown_site_refuses_nothing() -> None:
    options = ["--partition=nope", "--time=99999", "--licenses=none:5", "--account=x", "--qos=y"]

    assert "" == said(limits.UNKNOWN, *options)
    bare = SMALL._replace(nodes=None, licenses=None, associations=None, qos=None, enforced=None)
    assert "" == said(bare, "--mem=999G", "--licenses=x", "--account=x", "--qos=y")


def test_names_that_a_sites_plugins_may_know_are_left_to_sbatch() -> None:
    site = SMALL._replace(has_rewriting=True)

    assert "" == said(site, "--partition=auto", "--account=project")
    assert "its limit is 5m" in said(site, "--partition=short", "--time=10")


def test_without_enforcement_accounting_refuses_nothing() -> None:
    lax = SMALL._replace(enforced=())

    assert "" == said(lax, "--nodes=2", "--cpus-per-task=4", "--account=x")


@pytest.mark.parametrize(
    ("options", "field", "value"),
    [
        (["--time=90"], "time_s", 5400),
        (["--time=90:30"], "time_s", 5430),
        (["--time=1:00:00"], "time_s", 3600),
        (["--time=2-12"], "time_s", 216000),
        (["--time=UNLIMITED"], "time_s", None),
        (["--mem=0"], "mem_mib", 0),
        (["--mem=2048K"], "mem_mib", 2),
        (["--mem-per-gpu=1G", "--gpus-per-node=2"], "mem_mib", 2048),
        (["--gpus=a100:8", "--nodes=2"], "gpus", {"a100": 4}),
        (["--gpus-per-node=a100"], "gpus", {"a100": 1}),
        (["--gres=gpu"], "gpus", {}),
        (["--ntasks-per-node=2", "--cpus-per-task=3"], "cpus", 6),
        (["--licenses=a,b*2,c:3"], "licenses", {"a": 1, "b": 2, "c": 3}),
        (["--exclusive", "--hint=nomultithread"], "partitions", ()),
    ],
)
def test_options_are_read_as_sbatch_reads_them(
    options: list[str], field: str, value: object
) -> None:
    assert value == getattr(asked(options), field)
