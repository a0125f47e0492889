"""What a site says of itself: read from what real ones printed, and unknown where one says nothing."""

import subprocess
from pathlib import Path

import pytest

from tests.pythons import interpreters
from xpm.agent import slurm_site
from xpm.agent.limits import Association, Nodes, Qos, SiteLimits

GOLDEN = Path(__file__).parents[1] / "golden" / "slurm"


def said(version: str, name: str = "site") -> SiteLimits:
    """What that site allows."""
    return slurm_site.parse((GOLDEN / version / f"{name}.txt").read_text(), at=7.0)


def test_a_real_site_is_read_whole() -> None:
    site = said("22.05")

    assert () == site.problems
    assert ("22.05.8", "testcluster", 7.0) == (site.version, site.cluster, site.at)
    assert (1001, None, 10000) == (site.max_array_size, site.max_array_tasks, site.max_job_count)
    assert (10, 300, 5, True) == (
        site.message_timeout_s, site.min_job_age_s, site.kill_wait_s, site.can_requeue,
    )  # fmt: skip
    assert (False, {"matlab": 2}) == (site.has_rewriting, site.licenses)
    assert ("alice",) == site.groups
    assert [("cpu", True, 3600, 600), ("short", False, 300, 60), ("gpu", False, 3600, 600)] == [
        (each.name, each.is_default, each.max_time_s, each.default_time_s)
        for each in site.partitions or ()
    ]
    assert Nodes("gpu", 1, 4, 4000, {"a100": 4}) in (site.nodes or ())


def test_a_real_site_tells_the_rights_of_its_user() -> None:
    site = said("22.05")

    assert (True, ("associations", "limits", "qos")) == (site.has_accounting, site.enforced)
    assert (
        Association(
            "lab",
            "",
            ("debug", "normal"),
            None,
            True,
            None,
            200,
            86400,
            {"cpu": 6, "mem": 3000},
            {},
        ),
    ) == site.associations
    assert (site.qos or ())[1] == Qos(
        "debug", ("DenyOnLimit", "OverPartQOS"), 1800, None, 3, {"mem": 2048, "node": 1},
        {"cpu": 4, "gres/gpu": 2}, {"cpu": 8},
    )  # fmt: skip
    assert 200 == site.max_submit


def test_a_site_without_accounting_is_whole_without_it() -> None:
    site = said("22.05", "site_without_accounting")

    assert (False, None, None, None) == (
        site.has_accounting, site.associations, site.qos, site.max_submit,
    )  # fmt: skip
    assert () == site.problems
    assert 3 == len(site.partitions or ())


def test_a_controller_that_is_away_says_nothing_and_that_is_told() -> None:
    site = said("22.05", "site_stopped")

    assert (None, None, None, None, None) == (
        site.version, site.partitions, site.nodes, site.licenses, site.max_array_size,
    )  # fmt: skip
    assert "scontrol show config: slurm_load_ctl_conf error: Unable to contact" in site.problems[0]


def test_a_newer_and_larger_site_is_read_too() -> None:
    site = said("24.05")
    cpu, gpu, old = site.partitions or ()

    assert (20001, 2000, 60, 60, False) == (
        site.max_array_size, site.max_array_tasks, site.message_timeout_s, site.min_job_age_s,
        site.can_requeue,
    )  # fmt: skip
    assert (604800, 4, 60, 240000, "part_cpu") == (
        cpu.max_time_s, cpu.max_nodes, cpu.max_cpus, cpu.max_mem_mib, cpu.qos,
    )  # fmt: skip
    assert (None, ("students",)) == (cpu.accounts, cpu.denied_accounts)
    assert (("lab", "physics"), ("scavenger",), ("gpuusers", "staff")) == (
        gpu.accounts, gpu.denied_qos, gpu.groups,
    )  # fmt: skip
    assert (None, 0, "DOWN") == (old.max_time_s, old.total_nodes, old.state)
    assert (True, {"matlab@flex": 12, "ansys": 1}) == (site.has_rewriting, site.licenses)
    assert ["lab", "lab", "physics"] == [each.account for each in site.associations or ()]
    assert 500 == site.max_submit


@pytest.mark.parametrize(
    ("gres", "gpus"),
    [
        ("(null)", {}),
        ("gpu:a100:4(S:0-1),nvme:1", {"a100": 4}),
        ("gpu:v100:2(S:0,2),gpu:t4:1", {"v100": 2, "t4": 1}),
        ("gpu:3", {"": 3}),
        ("gpu", {"": 1}),
        ("gpu:1g.10gb:7(S:0)", {"1g.10gb": 7}),
        ("gpu:a100:2(IDX:0-1),gpu:a100:2(IDX:2-3)", {"a100": 4}),
        ("shard:8,mps:100", {}),
    ],
)
def test_gpus_are_counted_by_type(gres: str, gpus: dict[str, int]) -> None:
    assert gpus == slurm_site.gpus(gres)


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("05:00", None), ("01:00:00", 3600), ("7-00:00:00", 604800), ("UNLIMITED", None), ("NONE", None)],
)  # fmt: skip
def test_times_are_read(text: str, seconds: "int | None") -> None:
    assert seconds == slurm_site.seconds(text)


@pytest.mark.parametrize("text", ["", "bash: scontrol: command not found\n", "%xpm config begin\n"])
def test_a_site_that_says_nothing_is_unknown_and_that_is_told(text: str) -> None:
    site = slurm_site.parse(text, at=1.0)

    assert (None, None, None) == (site.version, site.partitions, site.associations)
    assert "scontrol show config: no answer" in site.problems


def test_a_command_that_is_missing_leaves_the_others(tmp_path: Path) -> None:
    (tmp_path / "sinfo").write_text("#!/bin/sh\necho 'cpu|2|4|100|(null)'\n")
    (tmp_path / "sinfo").chmod(0o755)
    environ = {"PATH": f"{tmp_path}:/nowhere"}
    for name in ("sh", "id", "timeout"):
        (tmp_path / name).symlink_to(f"/usr/bin/{name}")

    done = subprocess.run(
        slurm_site.command(), env=environ, capture_output=True, text=True, check=False
    )
    site = slurm_site.parse(done.stdout, at=1.0)

    assert (Nodes("cpu", 2, 4, 100, {}),) == site.nodes
    assert site.groups
    assert site.partitions is None
    assert any("sacctmgr" in each for each in site.problems)


@pytest.mark.host
@pytest.mark.parametrize("python", interpreters((3, 6)))
def test_old_pythons_read_the_same(python: str) -> None:
    code = (
        "import sys\n"
        "from xpm.agent import limits, never, slurm_site\n"
        "site = slurm_site.parse(open(sys.argv[1]).read(), 7.0)\n"
        "assert limits.parse(limits.dump(site)) == site\n"
        "print(never.table(never.objections(['--partition=short', '--time=10'], site)))\n"
    )
    path = str(GOLDEN / "22.05" / "site.txt")

    done = subprocess.run([python, "-c", code, path], capture_output=True, text=True, check=True)

    assert "partition 'short' can never run it: time 10m, its limit is 5m\n" == done.stdout


@pytest.mark.parametrize(
    ("config", "hides"),
    [
        ("", None),
        ("PrivateData             = none\nMCSParameters           = (null)\n", False),
        ("PrivateData             = accounts,nodes,usage\n", False),
        ("PrivateData             = accounts,jobs,usage\n", True),
        ("PrivateData             = jobs\n", True),
        ("PrivateData             = all\n", True),
        ("PrivateData = none\nMCSParameters = enforced,select,privatedata:a|b\n", True),
        ("PrivateData = none\nMCSParameters = ondemand,ondemandselect\n", False),
    ],
)
def test_whether_users_see_each_others_jobs(config: str, hides: bool | None) -> None:
    assert hides is slurm_site.parse_config(config)["hides_jobs"]


def test_sites_that_were_captured_show_the_jobs_of_all() -> None:
    assert said("22.05").hides_jobs is False
