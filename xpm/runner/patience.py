"""Patience with a disk: what a run must read or write is tried again while the disk is full, slow or away."""

from __future__ import annotations

import errno
import sys
import time

from xpm.wire import disks

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Callable, TypeVar

    T = TypeVar("T")

LONG_S = 300.0
SHORT_S = 10.0
PASSING = (errno.EFBIG, errno.EAGAIN, errno.ENOMEM, errno.ENOLCK, errno.ENFILE, errno.EMFILE)
"""Troubles of a machine that pass by themselves, besides those of disks."""
REFUSED = (errno.EACCES, errno.EPERM)
"""Troubles that rarely do: a file server that is about to learn who we are."""


def patience_s(error: OSError) -> float:
    """How long to try again."""
    if disks.heals(error) or error.errno in PASSING:
        return LONG_S
    return SHORT_S if error.errno in REFUSED else 0.0


def patiently(
    work: Callable[[], T],
    sleep: Callable[[float], object] = time.sleep,
    whatever: bool = False,
) -> T:
    """What some work gives, as soon as the disk lets it; it must be fit to be done again. Says once that it waits.

    Args:
        work: what is to be done.
        sleep: waits.
        whatever: too much is at stake to ask whether this trouble passes.

    Raises:
        OSError: the disk did not, for some minutes, or this does not pass.
    """
    waited, pause = 0.0, 0.5
    while True:
        try:
            return work()
        except OSError as error:
            if waited >= (LONG_S if whatever else patience_s(error)):
                raise
            if not waited:
                sys.stderr.write("xpm: %s; trying again\n" % error)
        sleep(pause)
        waited += pause
        pause = min(15.0, pause * 2)
