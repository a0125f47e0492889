"""What the kernel says of processes: when they started, what they catch, who is in a group.

Linux's /proc; elsewhere every answer is "unknown" and the callers do without.
"""

from __future__ import annotations

import os
import signal

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import List, Optional

_STARTED = 19  # field 22 of proc(5) stat, counted after "pid (comm)"
_GROUP = 2


def started(pid: int) -> Optional[int]:
    """When a process started, in clock ticks since boot."""
    fields = _stat(pid)
    return int(fields[_STARTED]) if fields else None


def started_at(pid: int, now: float) -> Optional[float]:
    """When a process started, in seconds since 1970."""
    ticks = started(pid)
    uptime = _read("/proc/uptime").split()
    if ticks is None or not uptime:
        return None
    return now - float(uptime[0]) + ticks / os.sysconf("SC_CLK_TCK")


def boot() -> Optional[str]:
    """Which boot of this machine this is."""
    return _read("/proc/sys/kernel/random/boot_id").strip() or None


def catchers(group: int, signum: int) -> List[int]:
    """The members of a process group that have a handler for this signal."""
    return [pid for pid in _members(group) if _catches(pid, signum)]


def kill_group(group: int, signum: int) -> None:
    """Send a signal to whoever is left in a group."""
    try:
        os.killpg(group, signum)
    except (ProcessLookupError, PermissionError):
        # not a group yet, or not any more; macOS says EPERM for a group of zombies
        pass


def signal_name(signum: int) -> str:
    """SIGTERM for 15; the number where it has no name."""
    try:
        return signal.Signals(signum).name
    except ValueError:
        return "signal %d" % signum


def _members(group: int) -> List[int]:
    try:
        names = os.listdir("/proc")
    except OSError:
        return []
    found = []
    for name in names:
        fields = _stat(int(name)) if name.isdigit() else []
        if fields and int(fields[_GROUP]) == group:
            found.append(int(name))
    return found


def _catches(pid: int, signum: int) -> bool:
    for line in _read("/proc/%d/status" % pid).splitlines():
        if line.startswith("SigCgt:"):
            return bool(int(line.split()[1], 16) >> (signum - 1) & 1)
    return False


def _stat(pid: int) -> List[str]:
    # the command's name may hold spaces and parentheses: the last ")" ends it
    return _read("/proc/%d/stat" % pid).rpartition(")")[2].split()


def _read(path: str) -> str:
    try:
        with open(path, encoding="utf-8", errors="replace") as file:
            return file.read()
    except OSError:
        return ""
