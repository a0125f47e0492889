"""Whether the kernel killed for want of memory in our control group."""

from __future__ import annotations

import os

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Iterator, Optional

_MOUNT = "/sys/fs/cgroup"


def oom_kills(membership: str = "/proc/self/cgroup", mount: str = _MOUNT) -> Optional[int]:
    """How many processes of our control group were killed for memory so far; None where nobody counts."""
    for path in _counters(_read(membership), mount):
        for line in _read(path).splitlines():
            name, _, value = line.partition(" ")
            if name == "oom_kill":
                return int(value)
    return None


def _counters(membership: str, mount: str) -> Iterator[str]:
    for line in membership.splitlines():
        number, _, rest = line.partition(":")
        controllers, _, group = rest.partition(":")
        group = group.lstrip("/")
        if number == "0" and not controllers:  # cgroup v2, also beside v1
            yield os.path.join(mount, group, "memory.events")
            yield os.path.join(mount, "unified", group, "memory.events")
        elif "memory" in controllers.split(","):
            yield os.path.join(mount, "memory", group, "memory.oom_control")
            yield os.path.join(
                mount, "memory", "memory.oom_control"
            )  # a container shows its own only


def _read(path: str) -> str:
    try:
        with open(path, encoding="utf-8", errors="replace") as file:
            return file.read()
    except OSError:
        return ""
