"""A task never outlives its runner: the kernel kills its process group when the runner dies, however it dies.

The runner holds the writing end of a pipe nobody writes to. The task's process asks to be signalled when something
happens to the reading end (fcntl(2), O_ASYNC), by SIGKILL, to its whole group: the pipe closes with the runner. An
orphan would go on writing into a job's folder while the next attempt starts. Linux only; elsewhere there is no such
guarantee.
"""

import fcntl
import os
import signal

_SET_SIGNAL = getattr(fcntl, "F_SETSIG", None)


class Lifeline:
    """The two ends, made before the fork."""

    def __init__(self) -> None:
        self._ends = os.pipe()
        self._runner = os.getpid()

    def hold(self) -> None:
        """In the runner: keep the end whose closing kills. Nothing to do but to live."""
        os.close(self._ends[0])

    def tie(self) -> None:
        """In the task's process, once it leads its group."""
        reading, writing = self._ends
        os.close(writing)
        if _SET_SIGNAL is not None:
            fcntl.fcntl(reading, fcntl.F_SETOWN, -os.getpid())
            fcntl.fcntl(reading, _SET_SIGNAL, signal.SIGKILL)
            flags = fcntl.fcntl(reading, fcntl.F_GETFL)
            fcntl.fcntl(reading, fcntl.F_SETFL, flags | os.O_ASYNC)
        if os.getppid() != self._runner:  # it died before we were tied
            os._exit(1)
