"""What our control group says of memory: whether the kernel killed for want of it, how much was used at most.

cgroup v2 counts in ``memory.events`` and ``memory.peak`` (Linux 5.19), v1 in ``memory.oom_control`` and
``memory.max_usage_in_bytes``.
"""

from __future__ import annotations

import os

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Iterator, Optional

_MOUNT = "/sys/fs/cgroup"


def oom_kills(membership: str = "/proc/self/cgroup", mount: str = _MOUNT) -> Optional[int]:
    """How many processes of our control group were killed for memory so far; None where nobody counts."""
    for folder in _folders(_read(membership), mount):
        for name in ("memory.events", "memory.oom_control"):
            for line in _read(os.path.join(folder, name)).splitlines():
                word, _, value = line.partition(" ")
                if word == "oom_kill":
                    return int(value)
    return None


def peak_kib(membership: str = "/proc/self/cgroup", mount: str = _MOUNT) -> Optional[int]:
    """The most memory that our control group has used; None where nobody counts."""
    for folder in _folders(_read(membership), mount):
        for name in ("memory.peak", "memory.max_usage_in_bytes"):
            text = _read(os.path.join(folder, name)).strip()
            if text.isdigit():
                return int(text) // 1024
    return None


def _folders(membership: str, mount: str) -> Iterator[str]:
    for line in membership.splitlines():
        number, _, rest = line.partition(":")
        controllers, _, group = rest.partition(":")
        group = group.lstrip("/")
        if number == "0" and not controllers:  # cgroup v2, also beside v1
            yield os.path.join(mount, group)
            yield os.path.join(mount, "unified", group)
        elif "memory" in controllers.split(","):
            yield os.path.join(mount, "memory", group)
            yield os.path.join(mount, "memory")  # a container shows its own only


def _read(path: str) -> str:
    try:
        with open(path, encoding="utf-8", errors="replace") as file:
            return file.read()
    except OSError:
        return ""
