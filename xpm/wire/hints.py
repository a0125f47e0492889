"""What to do about an end, computed from what was asked for and what was used: the words both sides use."""

TYPE_CHECKING = False  # importing typing would cost each job milliseconds
if TYPE_CHECKING:
    from typing import Any, Mapping, Optional

MORE = {"oom": ("more memory", "mem"), "timeout": ("more time", "time")}
"""What a new attempt may be given after such an end."""
UNITS = ("kB", "MB", "GB", "TB")


def for_oom(request: "Mapping[str, Any]", used_kib: "Optional[int]") -> str:
    """After too much memory.

    Args:
        request: the one in force.
        used_kib: the most that was seen in use; None: nobody looked.
    """
    mem_mib = (request.get("resources") or {}).get("mem_mib")
    used = " at %s" % size(used_kib) if used_kib else ""
    asked = size(mem_mib * 1024) if mem_mib else "no amount of memory"
    asked = "asked for %s, was killed%s" % (asked, used)
    return "%s: raise `mem`%s, or make the task need less" % (asked, _of_launcher(request))


def for_timeout(request: "Mapping[str, Any]", elapsed_s: "Optional[float]" = None) -> str:
    """After too much time."""
    time_s = (request.get("resources") or {}).get("time_s")
    if time_s:
        hit = "hit its limit of %s" % duration(time_s)
    elif elapsed_s:
        hit = "hit the limit of its place after %s" % duration(elapsed_s)
    else:
        hit = "hit the limit of its place"
    if request.get("resumable"):
        rest = ", save more often, or allow more attempts (`retry: timeout:`)"
    else:
        rest = ", or make it a ResumableTask"
    return "%s: raise `time`%s%s" % (hit, _of_launcher(request), rest)


def with_more(cause: str, job: str) -> str:
    """What to type to give a job another attempt after it had too little."""
    what, key = MORE[cause]
    return "with %s: `xpm retry %s --set %s=...`" % (what, job, key)


def size(kib: float) -> str:
    """An amount of memory, for people: decimal, as profiles write it."""
    value = kib * 1.024
    for unit in UNITS[:-1]:
        if value < 999.95:
            return _number(value, unit)
        value /= 1000.0
    return _number(value, UNITS[-1])


def duration(seconds: float) -> str:
    """A time, for people: its two largest units."""
    left = round(seconds)
    parts = []
    for name, length in (("d", 86400), ("h", 3600), ("min", 60), ("s", 1)):
        count, left = divmod(left, length)
        if count:
            parts.append("%d %s" % (count, name))
    return " ".join(parts[:2]) or "0 s"


def _number(value: float, unit: str) -> str:
    text = "%.1f" % value
    return "%s %s" % (text[:-2] if text.endswith(".0") else text, unit)


def _of_launcher(request: "Mapping[str, Any]") -> str:
    name = request.get("launcher")
    return " in the launcher %s" % name if name else ""
