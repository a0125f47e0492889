"""Whether a process noted in a file still runs: pid, start time and boot, so that a recycled pid deceives nobody."""

import os
import re
import time
from typing import Any, Dict, List, Optional

HOST = os.uname().nodename  # as gethostname(2) says it
SILENT_S = 300.0
"""A process that touches a file of its own does so more often than this, or is thought gone by other machines."""
_STARTED = 19  # field 22 of proc(5) stat, counted after the command's closing parenthesis
_SESSION = 3


def identity(pid: Optional[int] = None) -> Dict[str, Any]:
    """What to note of a process (this one by default) to recognise it later."""
    pid = os.getpid() if pid is None else pid
    return {"host": HOST, "pid": pid, "started": started(pid), "boot": boot()}


def is_alive(noted: Dict[str, Any], seen_at: Optional[float] = None) -> Optional[bool]:
    """Whether a noted process still runs; None when that cannot be told from here.

    Args:
        noted: its ``identity``.
        seen_at: when it last touched a file of its own, if it does so now and then.
    """
    if noted.get("host") != HOST:
        return None
    if noted.get("boot") != boot():
        return None if _is_of_a_namesake(seen_at) else False
    pid = int(noted.get("pid") or 0)
    if pid <= 0:
        return False
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return noted.get("started") is None
    if _state(pid) in ("Z", "X"):
        return False
    return noted.get("started") is None or started(pid) == noted["started"]


def is_gone(noted: Dict[str, Any], seen_at: Optional[float] = None) -> bool:
    """Whether a noted process, perhaps another user's, has certainly ended; ``seen_at`` as for ``is_alive``."""
    if noted.get("host") != HOST:
        return False
    if noted.get("boot") != boot():
        return not _is_of_a_namesake(seen_at)
    pid = int(noted.get("pid") or 0)
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return True
    except PermissionError:
        pass  # there is one, of another user
    since = started(pid)  # None where /proc hides other users' processes
    return pid > 0 and since is not None and since != noted.get("started")


def _is_of_a_namesake(seen_at: Optional[float]) -> bool:
    """Whether what another boot has noted is of another machine of our name: since we were started, it was seen just now.

    A name is all that machines can be told apart by: /etc/machine-id is the same in clones, and new at each boot where
    there is no disk, which would keep alive for ever what ran before a restart.
    """
    since = _booted_at()
    now = time.time()
    return (
        seen_at is not None
        and since is not None
        and seen_at > since
        and abs(now - seen_at) < SILENT_S
    )


def has_session(sid: int) -> bool:
    """Whether any process is left in the session that this process led."""
    return bool(session_members(sid))


def session_members(sid: int) -> "list[int]":
    """The processes of a session, zombies left out; [] where /proc cannot tell."""
    try:
        names = os.listdir("/proc")
    except OSError:
        return []
    found = []
    for name in names:
        fields = _fields(int(name)) if name.isdigit() else []
        if fields and fields[0] not in ("Z", "X") and int(fields[_SESSION]) == sid:
            found.append(int(name))
    return found


def started(pid: int) -> Optional[int]:
    """When a process started, in clock ticks since boot; None where that is not told."""
    fields = _fields(pid)
    return int(fields[_STARTED]) if fields else None


def boot() -> Optional[str]:
    """Which boot of this machine this is."""
    if not _BOOT:
        _BOOT.append(_read("/proc/sys/kernel/random/boot_id").strip() or None)
    return _BOOT[0]


def booted() -> str:
    """When this machine was started, in UTC, for people."""
    at = _booted_at()
    if at is None:
        return "an unknown time"
    return time.strftime("%Y-%m-%d %H:%M UTC", time.gmtime(at))


_BOOT: List[Optional[str]] = []


def _booted_at() -> Optional[int]:
    match = re.search(r"^btime (\d+)$", _read("/proc/stat"), re.MULTILINE)
    return int(match.group(1)) if match else None


def _state(pid: int) -> str:
    fields = _fields(pid)
    return fields[0] if fields else ""


def _fields(pid: int) -> "list[str]":
    # the command's name may hold spaces and parentheses: the last ")" ends it
    return _read("/proc/%d/stat" % pid).rpartition(")")[2].split()


def _read(path: str) -> str:
    try:
        with open(path, encoding="utf-8", errors="replace") as file:
            return file.read()
    except OSError:
        return ""
