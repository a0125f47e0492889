"""What a profile says of a cluster against what the cluster tells."""

from pathlib import Path

import pytest

from tests.launchers.profile import write
from xpm.agent import limits
from xpm.agent.limits import Association, Nodes, Partition, Qos, SiteLimits
from xpm.launchers.claims import differences
from xpm.launchers.profiles import load_profiles

PROFILE = """\
version: 1
connectors:
  c:
    kind: slurm
    ssh: {{host: h}}
    workspace: ~/xpm
    slurm: {slurm}
    partitions: {partitions}
"""
NOTHING: dict[str, int] = {}
CPU = Partition("cpu", True, "UP", 86400, None, 4, 9, None, None, None, None, (), None, (), None)
SITE = limits.UNKNOWN._replace(
    at=1.0,
    partitions=(CPU, CPU._replace(name="gpu", max_time_s=None, max_nodes=None)),
    nodes=(Nodes("cpu", 4, 64, 256000, {}), Nodes("gpu", 2, 32, 128000, {"a100": 4, "v100": 2})),
    licenses={"matlab@flex": 3},
    associations=(Association("lab", "", (), None, True, None, None, None, NOTHING, NOTHING),),
    qos=(Qos("normal", (), None, None, None, NOTHING, NOTHING, NOTHING),),
)


def told(slurm: str, partitions: str, site: SiteLimits, tmp_path: Path) -> list[str]:
    text = PROFILE.format(slurm=slurm, partitions=partitions)
    tree = load_profiles(write(tmp_path, text)).tree.table("connectors").table("c")
    return [str(each).replace(f"{tmp_path}/", "") for each in differences(tree, site, "c")]


@pytest.mark.parametrize(
    ("slurm", "partitions", "words"),
    [
        ("{account: lab, licenses: {matlab: matlab@flex}}",
         "{cpu: {time: 1d, nodes: 4, cpus: 64, mem: 250GB}, big: {name: gpu, gpus: {a100-80: {per_node: 4, name: a100}}}}",
         []),
        ("{account: lap}", "{}", ["7:13: connectors.c.slurm.account: you have no account 'lap', did you mean 'lab'?"]),
        ("{licenses: {m: matlab}}", "{}",
         ["7:24: connectors.c.slurm.licenses.m: the site has no licence 'matlab', did you mean 'matlab@flex'?"]),
        ("{}", "{gpus: {}}", ["8:24: connectors.c.partitions.gpus: the site has no partition 'gpus', did you mean 'gpu'?"]),
        ("{}", "{cpu: {time: 2d, cpus: 128, qos: [{name: norml}]}}",
         ["8:24: connectors.c.partitions.cpu.time: 2d is said here, the site has 1d",
          "8:34: connectors.c.partitions.cpu.cpus: 128 is said here, the site has 64",
          "8:52: connectors.c.partitions.cpu.qos: the site has no QOS 'norml', did you mean 'normal'?"]),
        ("{}", "{gpu: {gpus: {a100-80: 4, v100: 4}, account: other}}",
         ["8:53: connectors.c.partitions.gpu.account: you have no account 'other' (yours: lab)",
          "8:31: connectors.c.partitions.gpu.gpus.a100-80: its nodes have no GPU 'a100-80', did you mean 'a100'?",
          "8:43: connectors.c.partitions.gpu.gpus.v100: 4 of a node are said here, the site has 2"]),
        ("{gpu_type_in: constraint}", "{gpu: {gpus: {v100-32: 4}}}", []),
    ],
)  # fmt: skip
def test_what_the_site_contradicts_is_told_with_its_place(
    slurm: str, partitions: str, words: list[str], tmp_path: Path
) -> None:
    found = told(slurm, partitions, SITE, tmp_path)

    assert [each.removeprefix("launchers.yaml:") for each in found] == words


def test_what_the_site_does_not_tell_contradicts_nothing(tmp_path: Path) -> None:
    wild = "{nobody: {time: 99d, cpus: 9999, gpus: {z: 99}, qos: [{name: q}], account: x}}"

    assert told("{account: y, licenses: {m: n}}", wild, limits.UNKNOWN, tmp_path) == []
