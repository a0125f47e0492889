"""Names that come over the wire, checked before they become paths."""

import os
import re
from typing import List

from xpm.agent.refusals import usage

_TASK = re.compile(r"^[A-Za-z0-9_][A-Za-z0-9._+-]{0,199}$")
_JOB = re.compile(r"^[0-9a-f]{64}$")
_SNAPSHOT = re.compile(r"^[A-Za-z0-9][A-Za-z0-9._-]{0,127}$")


def task_id(text: object) -> str:
    """A task's id, which names a folder."""
    return _matching(_TASK, text, "a task's id")


def job_id(text: object) -> str:
    """A job's id: 64 hex digits."""
    return _matching(_JOB, text, "a job's id")


def sha256(text: object) -> str:
    """The name of a blob."""
    return _matching(_JOB, text, "a sha256")


def snapshot_id(text: object) -> str:
    """The name of a code snapshot."""
    return _matching(_SNAPSHOT, text, "a snapshot's id")


def attempt(number: object) -> int:
    """An attempt's number, from 1 on."""
    if not isinstance(number, int) or isinstance(number, bool) or number < 1:
        raise usage("not the number of an attempt: %r" % (number,))
    return number


def below(text: object) -> List[str]:
    """The parts of a relative path that stays below its folder."""
    parts = text.split("/") if isinstance(text, str) else []
    if not parts or any(part in ("", ".", "..") or "\0" in part for part in parts):
        raise usage("not a path below its folder: %r" % (text,))
    return parts


def open_below(folder: int, relative: object) -> int:
    """A descriptor of a file below an open folder, for reading; links are not followed.

    Raises:
        OSError: there is no such file, or it (or a folder on its way) is a link.
    """
    parts = below(relative)
    here = folder
    try:
        for part in parts[:-1]:
            inner = os.open(part, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW, dir_fd=here)
            if here != folder:
                os.close(here)
            here = inner
        # not blocking: opening a FIFO would wait for its writer
        return os.open(parts[-1], os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK, dir_fd=here)
    finally:
        if here != folder:
            os.close(here)


def _matching(pattern: "re.Pattern[str]", text: object, what: str) -> str:
    if not isinstance(text, str) or not pattern.match(text) or text.endswith("\n"):
        raise usage("not %s: %r" % (what, text))
    return text
