"""Stopping a process for good, or for a while, just before the n-th change it makes to a file or process.

The audit hooks of Python see every such call of the real code: nothing is replaced.
"""

import os
import signal
import sys
from collections.abc import Callable

CHANGES = frozenset(
    ["os.link", "os.rename", "os.remove", "os.mkdir", "os.rmdir", "os.utime", "subprocess.Popen"]
)
WRITES = os.O_WRONLY | os.O_RDWR | os.O_CREAT


def stopped_at(work: Callable[[], object], number: int, how: signal.Signals) -> int | None:
    """Do some work in a fork that gets a signal before its n-th change.

    Returns:
        the pid of the fork, stopped and not reaped, for SIGSTOP; 0 when it was killed; None when there is no n-th change.
    """
    pid = os.fork()
    if pid == 0:
        code = 1
        try:
            _signal_at(number, how)
            work()
            code = 0
        finally:
            if code:
                sys.excepthook(*sys.exc_info())
            os._exit(code)
    _, status = os.waitpid(pid, os.WUNTRACED)
    if os.WIFSTOPPED(status):
        return pid
    if os.WIFSIGNALED(status):
        return 0
    assert os.WEXITSTATUS(status) == 0, "the work failed"
    return None


def go_on(pid: int) -> None:
    """Let a stopped fork end its work."""
    os.kill(pid, signal.SIGCONT)
    _, status = os.waitpid(pid, 0)
    assert status == 0, "the work failed"


def _signal_at(number: int, how: signal.Signals) -> None:
    seen = 0

    def hook(event: str, args: tuple[object, ...]) -> None:
        nonlocal seen
        if event in CHANGES or (event == "open" and _writes(args)):
            seen += 1
            if seen == number:
                os.kill(os.getpid(), how)

    sys.addaudithook(hook)


def _writes(args: tuple[object, ...]) -> bool:
    flags = args[2]
    return isinstance(flags, int) and bool(flags & WRITES)
