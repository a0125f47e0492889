"""What a disk that fails means: whether that heals by itself, and how to say it.

A disk that is full, over its quota, read-only or away is trouble of the place, never of a job: who meets it waits and
tries again.
"""

import errno
import os

TYPE_CHECKING = False  # importing typing would cost each job milliseconds
if TYPE_CHECKING:
    from typing import Optional

_WORDS = {
    errno.ENOSPC: "is full",
    errno.EDQUOT: "is full (quota)",
    errno.EROFS: "is read-only",
    errno.EIO: "cannot be read or written (I/O error)",
    errno.ESTALE: "is away (stale)",
    errno.ENODEV: "is not there",
    errno.ENXIO: "is not there",
    errno.ENOTCONN: "is not there",
    errno.ETIMEDOUT: "does not answer",
    errno.EHOSTDOWN: "does not answer",
    errno.EHOSTUNREACH: "does not answer",
}
_WHOLE = (errno.ENOSPC, errno.EDQUOT, errno.EROFS)
"""What is wrong with a whole file system, as long as that is there."""
_HINTS = {
    errno.ENOSPC: "make room there; it goes on by itself then",
    errno.EDQUOT: "make room there (`quota -s` tells how much you may use); it goes on by itself then",
}
_HINT = "is its disk mounted, and well? it goes on by itself then"


def heals(error: "BaseException") -> bool:
    """Whether this is the trouble of a disk that may be well again without a change of ours."""
    return isinstance(error, OSError) and error.errno in _WORDS


def words(error: "OSError", path: "Optional[str]" = None, is_here: bool = True) -> str:
    """What is wrong with which disk: ``/scratch is full (quota)``.

    Args:
        error: what came back.
        path: where, unless the error knows better.
        is_here: whether that is on this machine, whose file systems are known.
    """
    where = error.filename if isinstance(error.filename, str) else path
    said = _WORDS.get(error.errno or 0)
    if said and where:
        return "%s %s" % (mount_of(where) if is_here and error.errno in _WHOLE else where, said)
    return "%s (%s)" % (error.strerror or error, where) if where else str(error.strerror or error)


def hint(error: "OSError") -> str:
    """What to do about it."""
    return _HINTS.get(error.errno or 0, _HINT)


def mount_of(path: str) -> str:
    """The file system a path lies on, by the folder where it is mounted."""
    here = os.path.abspath(path)
    try:
        while not os.path.ismount(here) and here != os.path.dirname(here):
            here = os.path.dirname(here)
    except OSError:
        return path
    return here
