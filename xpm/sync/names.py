"""Which names and link targets of the far side may appear in a mirror: the far side is not trusted to write here.

A *name* is a relative path whose parts name files, and whose first part cannot be taken for our own ``.xpm`` folder
by any file system. A *link* is recreated only when, wherever it is followed from, it leads into the folders of jobs: its target
climbs first and descends after, so that other links on the way, which obey the same rule, cannot turn it outside.
"""

import posixpath
import re
import unicodedata
from collections.abc import Sequence

OWN = ".xpm"
_ORDINARY = re.compile(
    r"[A-Za-z0-9_][A-Za-z0-9_=+-]{0,99}(?:[./][A-Za-z0-9_][A-Za-z0-9_=+-]{0,49}){0,9}"
)
"""Most names, seen to be good at once: at most ten parts, none of which starts with a dot."""
MOST_PARTS = 64
MOST_BYTES = 255


def refusal(path: object) -> str | None:
    """Why a name cannot be used here; None when it can."""
    if not isinstance(path, str) or not path:
        return "not a name"
    if len(path) <= MOST_BYTES and _ORDINARY.fullmatch(path):
        return None
    parts = path.split("/")
    if len(parts) > MOST_PARTS:
        return f"deeper than {MOST_PARTS} folders"
    for part in parts:
        reason = _part_refusal(part)
        if reason:
            return reason
    if path == OWN:
        return "the name of our own folder"
    if parts[0] != OWN and _bare(parts[0]) == OWN:
        return f"too like {OWN}"
    return None


def folded(path: str) -> str:
    """The same for all names that a forgetful file system takes for one."""
    return "/".join(map(_bare, path.split("/")))


def shown(path: object) -> str:
    """A name made harmless for a terminal."""
    text = path if isinstance(path, str) else repr(path)
    return "".join(c if c.isprintable() else ascii(c)[1:-1] for c in text)[:300]


def local_target(task: str, job: str, path: str, target: object, workspace: str) -> str | None:
    """What a link of this job should point to here, relative to its own folder; None when it must not be made.

    Args:
        task: the job's task.
        job: the job.
        path: where the link lies in the job's folder; a good name.
        target: what it points to on the far side.
        workspace: the absolute path of the far side's workspace.
    """
    if not isinstance(target, str) or not target or "\0" in target or len(target) > 4096:
        return None
    folder = ["jobs", task, job, *path.split("/")[:-1]]
    if target.startswith("/"):
        root = workspace.rstrip("/") + "/"
        if not target.startswith(root):
            return None
        wanted = target[len(root) :].split("/")
    else:
        parts = target.split("/")
        climbs = _leading(parts)
        if climbs > len(folder):
            return None
        wanted = folder[: len(folder) - climbs] + parts[climbs:]
    wanted = [part for part in wanted if part not in ("", ".")]
    if len(wanted) < 3 or wanted[0] != "jobs" or any(_part_refusal(part) for part in wanted):
        return None
    return posixpath.relpath("/".join(wanted), "/".join(folder))


def _leading(parts: Sequence[str]) -> int:
    count = 0
    for part in parts:
        if part != "..":
            break
        count += 1
    return count


def _part_refusal(part: str) -> str | None:
    if part in ("", ".", ".."):
        return "not a path below the job's folder"
    if any(unicodedata.category(c) == "Cc" or c in _TURNS for c in part):
        return "control characters in its name"
    try:
        size = len(part.encode("utf-8"))
    except UnicodeEncodeError:
        return "its name is not UTF-8"
    return f"a name longer than {MOST_BYTES} bytes" if size > MOST_BYTES else None


def _bare(part: str) -> str:
    """A name as the most forgetful file system sees it: without case, marks and invisible characters."""
    plain = unicodedata.normalize("NFKD", part)
    kept = "".join(c for c in plain if unicodedata.category(c) not in ("Cf", "Mn"))
    return kept.casefold().rstrip(". ")


_TURNS = frozenset("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
"""Marks that turn the direction of writing, and so make a name look like another."""
