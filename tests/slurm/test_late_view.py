"""Nodes that see each other's files late, as over NFS: each has the workspace through a FUSE file system with a cache of its own.

Names looked for in vain, attributes and entries are believed for six seconds; locks are each node's own.
"""

import shutil
from collections.abc import Iterator

import pytest

from tests.main_job import plans
from tests.main_job.laptop import Laptop

pytestmark = [
    pytest.mark.cluster,
    pytest.mark.skipif(shutil.which("bindfs") is None, reason="needs bindfs"),
]
NODES = ("login1", "c1", "c2")
CACHES = "allow_other,entry_timeout=6,negative_timeout=6,attr_timeout=6"
PLAN = """
with experiment("main", "late") as xp:
    above = [Step(number=number, seconds=0.1).submit() for number in range(4)]
    for number in range(4, 12):
        Step(number=number, seconds=0.1, after=[above[number % 4]]).submit()
"""


@pytest.fixture
def late(laptop: Laptop) -> Iterator[Laptop]:
    """A laptop whose workspace each node of the cluster sees through a cache."""
    real, seen = f"/home/alice/{laptop.name}.real", f"/home/alice/{laptop.name}"
    laptop.there(f"mkdir {real} {seen}")
    device = "test -e /dev/fuse || mknod -m 666 /dev/fuse c 10 229"
    for node in NODES:
        mount = f"{device}; bindfs -o {CACHES} {real} {seen}"
        laptop.cluster.on(node, "sh", "-c", mount, user="root")
    yield laptop
    laptop.there("scancel --me || true")
    for node in NODES:
        laptop.cluster.on(node, "umount", "-l", seen, user="root")


def test_nodes_that_see_each_others_files_late_lose_and_double_nothing(late: Laptop) -> None:
    plan = late.write("project/plan.py", (plans.HEAD + PLAN).replace("{name}", late.name))

    ran = late.xpm("run", str(plan))

    assert ran.returncode == 0, ran.stderr
    assert sorted(f"step{number}" for number in range(12)) == late.effects()
    assert {1} == {job["attempt"] for job in late.status()["jobs"]}
