"""What a machine has, told from the files and programs of machines that are not this one."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from xpm.agent import leases, machine
from xpm.agent.leases import Leases
from xpm.agent.machine import Gpu
from xpm.agent.room import Room
from xpm.decide.admit import WHOLE


def put(root: Path, **files: str) -> str:
    for name, text in files.items():
        path = root / name.replace("__", "/").replace("_DOT_", ".")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return str(root)


def test_memory_is_that_of_the_machine_or_of_the_cgroup(tmp_path: Path) -> None:
    root = put(
        tmp_path, proc__meminfo="MemTotal:       16384000 kB\n", proc__self__cgroup="0::/a/b\n"
    )
    assert machine.memory_mib(root) == 16000

    put(
        tmp_path,
        sys__fs__cgroup__a__memory_DOT_max=f"{2 << 30}\n",
        sys__fs__cgroup__a__b__memory_DOT_max="max\n",
    )
    assert machine.memory_mib(root) == 2048


def test_memory_of_an_older_cgroup(tmp_path: Path) -> None:
    root = put(
        tmp_path,
        proc__meminfo="MemTotal: 16384000 kB\n",
        proc__self__cgroup="5:cpu,cpuacct:/x\n4:memory:/user\n",
        sys__fs__cgroup__memory__user__memory_DOT_limit_in_bytes=f"{1 << 30}\n",
    )

    assert machine.memory_mib(root) == 1024


def test_cores_are_those_of_the_affinity_or_of_the_quota(tmp_path: Path) -> None:
    root = put(tmp_path, proc__self__cgroup="0::/\n", sys__fs__cgroup__cpu_DOT_max="max 100000\n")
    assert machine.cores(root) == len(os.sched_getaffinity(0))

    put(tmp_path, sys__fs__cgroup__cpu_DOT_max="150000 100000\n")
    assert machine.cores(root) == 1


def test_where_nobody_tells_memory_is_not_known(tmp_path: Path) -> None:
    assert machine.memory_mib(str(tmp_path)) is None


def test_gpus_are_those_of_nvidia_smi_that_the_login_may_see(tmp_path: Path) -> None:
    path = nvidia_smi(tmp_path, "0, GPU-aa\n1, GPU-bb\n[Not Supported]\n")

    assert machine.gpus({"PATH": path}) == [Gpu("0", "GPU-aa"), Gpu("1", "GPU-bb")]
    assert machine.gpus({"PATH": path, "CUDA_VISIBLE_DEVICES": "1"}) == [Gpu("1", "GPU-bb")]
    assert machine.gpus({"PATH": path, "CUDA_VISIBLE_DEVICES": "GPU-aa"}) == [Gpu("0", "GPU-aa")]
    assert machine.gpus({"PATH": path, "CUDA_VISIBLE_DEVICES": ""}) == []
    assert machine.gpus({"PATH": str(tmp_path / "nowhere")}) == []


def nvidia_smi(folder: Path, says: str) -> str:
    """A PATH with an nvidia-smi that says this."""
    program = folder / "bin" / "nvidia-smi"
    program.parent.mkdir(exist_ok=True)
    program.write_text(f"#!/bin/sh\ncat <<'END'\n{says}END\n")
    program.chmod(0o755)
    return f"{program.parent}:{os.environ['PATH']}"


def test_the_profile_goes_before_what_the_machine_tells(tmp_path: Path) -> None:
    environ = {"PATH": nvidia_smi(tmp_path, "0, GPU-aa\n1, GPU-bb\n")}

    assert Room({}, environ).gpus == [Gpu("0", "GPU-aa"), Gpu("1", "GPU-bb")]
    assert Room({"gpus": 1}, environ).gpus == [Gpu("0", "GPU-aa")]
    assert Room({"gpus": 0}, environ).gpus == []
    assert Room({"gpus": ["1"]}, environ).gpus == [Gpu("1", "GPU-bb")]
    assert [each.id for each in Room({"gpus": 3}, environ).gpus] == ["0", "1", "2"]
    assert Room({"cpus": 70, "mem_mib": 5}, environ).cores == 70


@pytest.mark.parametrize(
    ("capacity", "resources", "wanted"),
    [
        ({"cpus": 4}, {}, [("cores", 1, 4)]),
        ({"cpus": 4, "jobs": 9}, {}, []),
        ({"cpus": 4, "jobs": 9}, {"cpus": 3}, [("cores", 3, 4)]),
        ({"cpus": 4, "mem_mib": 100}, {"mem_mib": 7}, [("MiB of memory", 7, 100), ("cores", 1, 4)]),
        ({"cpus": 4, "gpus": 2}, {"gpus": 1}, [("GPUs", 1, 2), ("cores", 1, 4)]),
    ],
)
def test_what_a_job_takes_of_a_host(
    capacity: dict[str, int], resources: dict[str, int], wanted: list[tuple[str, int, int]]
) -> None:
    wants = Room(capacity, {}).wants({"resources": resources})

    assert [(w.what, w.count, w.total) for w in wants] == [*wanted, ("the whole host", 1, WHOLE)]


def test_a_device_is_leased_once_until_the_last_who_has_it_is_gone(tmp_path: Path) -> None:
    gpus = [Gpu("0", "a"), Gpu("1", "b")]
    mine, theirs = Leases([str(tmp_path)]), Leases([str(tmp_path)])

    lease = mine.lease(gpus, 1)
    assert lease is not None
    assert lease.gpus == [gpus[0]]
    assert theirs.lease(gpus, 2) is None
    assert theirs.taken(gpus) == [gpus[0]]
    run = subprocess.Popen(
        [sys.executable, "-c", "input()"], stdin=subprocess.PIPE, pass_fds=lease.descriptors
    )
    leases.release(lease)
    assert theirs.taken(gpus) == [gpus[0]]

    run.kill()
    run.communicate()

    assert theirs.taken(gpus) == []
    both = theirs.lease(gpus, 2)
    assert both is not None
    leases.release(both)


def test_a_lock_whose_file_was_cleaned_up_is_no_lease(tmp_path: Path) -> None:
    gpu = [Gpu("0", "a")]
    there = Leases([str(tmp_path)])
    first = there.lease(gpu, 1)
    assert first is not None
    leases.release(first)
    (tmp_path / "xpm-gpus" / "a").unlink()

    again = there.lease(gpu, 1)

    assert again is not None
    assert (tmp_path / "xpm-gpus" / "a").exists()
    assert (tmp_path / "xpm-gpus").stat().st_mode & 0o7777 == 0o1777
    assert (tmp_path / "xpm-gpus" / "a").stat().st_mode & 0o777 == 0o644
    leases.release(again)
