"""What this machine has: cores, memory and GPUs, as far as this login may use them."""

import os
import re
import shutil
import subprocess
from typing import Iterable, List, Mapping, NamedTuple, Optional

COMMAND_S = 30.0

Gpu = NamedTuple(
    "Gpu",
    [
        ("id", str),  # as CUDA_VISIBLE_DEVICES has it
        ("name", str),  # the same whoever asks, whatever the number
    ],
)


def cores(root: str = "/") -> int:
    """The cores that this process and its children may use: affinity, and the quota of its cgroup."""
    has_affinity = hasattr(os, "sched_getaffinity")
    there = len(os.sched_getaffinity(0)) if has_affinity else os.cpu_count() or 1
    quotas = [_cores_of_quota(text) for text in _limits(root, "cpu", "cpu.max")]
    for quota, period in zip(
        _limits(root, "cpu", "cpu.cfs_quota_us"), _limits(root, "cpu", "cpu.cfs_period_us")
    ):
        quotas.append(_cores_of_quota("%s %s" % (quota, period)))
    return max(1, min([there] + [quota for quota in quotas if quota is not None]))


def memory_mib(root: str = "/") -> Optional[int]:
    """The memory of this machine, or of our cgroup when that is less; None where nobody tells."""
    text = _text(os.path.join(root, "proc/meminfo"))
    match = re.search(r"^MemTotal:\s+(\d+) kB", text, re.MULTILINE)
    found = [int(match.group(1)) // 1024] if match else []
    for name in ("memory.max", "memory.limit_in_bytes"):
        found += [int(each) >> 20 for each in _limits(root, "memory", name) if each.isdigit()]
    return min(found) if found else None


def gpus(environ: Mapping[str, str]) -> List[Gpu]:
    """The GPUs that nvidia-smi lists, but for those that CUDA_VISIBLE_DEVICES of this login hides."""
    argv = ["nvidia-smi", "--query-gpu=index,uuid", "--format=csv,noheader"]
    found = parse_gpus(told(argv, environ).splitlines())
    shown = environ.get("CUDA_VISIBLE_DEVICES")
    if shown is None:
        return found
    wanted = [each.strip() for each in shown.split(",")]
    return [each for each in found if each.id in wanted or each.name in wanted]


def parse_gpus(lines: Iterable[str]) -> List[Gpu]:
    """The GPUs of lines like ``0, GPU-8c2f...``."""
    matches = (re.match(r"^\s*(\d+)\s*,\s*(\S+)\s*$", line) for line in lines)
    return [Gpu(match.group(1), match.group(2)) for match in matches if match]


def told(argv: List[str], environ: Mapping[str, str]) -> str:
    """What a program prints; "" when there is none, or it fails."""
    path = shutil.which(argv[0], path=environ.get("PATH"))
    if path is None:
        return ""
    try:
        done = subprocess.run(
            [path, *argv[1:]],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env=dict(environ),
            timeout=COMMAND_S,
        )
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return done.stdout.decode("utf-8", "replace") if done.returncode == 0 else ""


def _cores_of_quota(text: str) -> Optional[int]:
    """Whole cores of ``quota period``, at least one; None for ``max`` and -1."""
    words = text.split()
    if len(words) != 2 or not all(word.isdigit() for word in words) or not int(words[1]):
        return None
    return max(1, int(words[0]) // int(words[1]))


def _limits(root: str, controller: str, name: str) -> List[str]:
    """What this file says in our cgroup and in those around it, in both versions of cgroups."""
    texts = (_text(os.path.join(folder, name)) for folder in _cgroups(root, controller))
    return [text.strip() for text in texts if text]


def _cgroups(root: str, controller: str) -> List[str]:
    found = []
    for line in _text(os.path.join(root, "proc/self/cgroup")).splitlines():
        _, controllers, path = [*line.split(":", 2), "", ""][:3]
        if controllers and controller not in controllers.split(","):
            continue
        base = os.path.join(root, "sys/fs/cgroup", controllers and controller)
        parts = [part for part in path.split("/") if part not in ("", "..")]
        found += [os.path.join(base, *parts[:n]) for n in range(len(parts), -1, -1)]
    return found


def _text(path: str) -> str:
    try:
        with open(path, encoding="utf-8", errors="replace") as file:
            return file.read()
    except OSError:  # another kernel, or not ours to read: it sets no limit that we know of
        return ""
