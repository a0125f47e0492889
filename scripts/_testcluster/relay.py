"""Carrying signals to a command in a pid namespace, and its end back.

The command runs in a process group of its own, so that a signal sent to our group reaches it once.
"""

from __future__ import annotations

import contextlib
import os
import select
import signal
from collections.abc import Callable
from typing import NoReturn

from . import syscalls

HANDED_ON = {
    signal.SIGHUP,
    signal.SIGINT,
    signal.SIGQUIT,
    signal.SIGTERM,
    signal.SIGUSR1,
    signal.SIGUSR2,
    signal.SIGALRM,
    signal.SIGWINCH,
    signal.SIGTSTP,
    signal.SIGCONT,
}
WATCHED = HANDED_ON | {signal.SIGCHLD}


def run_in_new_namespace(command: Callable[[], NoReturn], linger: bool) -> int:
    """Run a command under a pid 1 of its own; return how it ended, as wait(2) tells it.

    When we are killed, so is everything inside, and it all ends with the command; unless `linger`.
    """
    signal.pthread_sigmask(signal.SIG_BLOCK, WATCHED)
    syscalls.unshare(syscalls.CLONE_NEWPID)
    reading, writing = os.pipe()
    init = os.fork()
    if init == 0:
        os.close(reading)
        _be_init(command, linger, writing)
    os.close(writing)
    _hand_signals_to(init, reading)
    said = os.read(reading, 32)
    if not linger:
        os.waitpid(init, 0)  # which is over when all inside have ended
    return int(said) if said else int(signal.SIGKILL)


def run_here(command: Callable[[], NoReturn]) -> int:
    """Run a command in the namespace we have entered; return how it ended."""
    signal.pthread_sigmask(signal.SIG_BLOCK, WATCHED)
    child = os.fork()
    if child == 0:
        _start(command)
    _take_terminal(child)
    return _hand_on_and_reap(child)


def end_like(status: int) -> int:
    """Return the exit code of an ended process, or die of the signal it died of."""
    if os.WIFSIGNALED(status):
        number = os.WTERMSIG(status)
        if number != signal.SIGKILL:
            signal.signal(number, signal.SIG_DFL)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {number})
        os.kill(os.getpid(), number)
    return os.WEXITSTATUS(status)


def _be_init(command: Callable[[], NoReturn], linger: bool, result: int) -> NoReturn:
    """Be pid 1: start the command, hand it signals, reap orphans, report its end."""
    try:
        if not linger:
            syscalls.die_with_parent(signal.SIGKILL)
        syscalls.mount_proc()
        child = os.fork()
        if child == 0:
            os.close(result)
            _start(command)
        _take_terminal(child)
        status = _hand_on_and_reap(child)
        os.write(result, str(status).encode())
        os.close(result)
        while linger and _reap_one():
            continue
    finally:
        os._exit(0)


def _start(command: Callable[[], NoReturn]) -> NoReturn:
    try:
        os.setpgid(0, 0)
        signal.pthread_sigmask(signal.SIG_SETMASK, set())
        command()
    finally:
        os._exit(127)


def _hand_on_and_reap(child: int) -> int:
    """Return how the child ended."""
    while True:
        info = signal.sigwaitinfo(WATCHED)
        if info.si_signo != signal.SIGCHLD:
            os.kill(child, info.si_signo)
            continue
        while (ended := _reap_if_any())[0]:
            if ended[0] == child:
                return ended[1]


def _reap_if_any() -> tuple[int, int]:
    try:
        return os.waitpid(-1, os.WNOHANG)
    except ChildProcessError:
        return 0, 0


def _reap_one() -> bool:
    try:
        os.waitpid(-1, 0)
    except ChildProcessError:
        return False
    return True


def _take_terminal(child: int) -> None:
    """Make the command the terminal's foreground, when we are, so that it may read from it."""
    with contextlib.suppress(PermissionError, ProcessLookupError):  # it has done so itself
        os.setpgid(child, child)
    if os.isatty(0) and os.tcgetpgrp(0) == os.getpgrp():
        signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTTOU})
        os.tcsetpgrp(0, child)


def _hand_signals_to(init: int, report: int) -> None:
    """Forward what we get, until pid 1 has reported the command's end, or has ended."""
    wake, waker = os.pipe()
    os.set_blocking(waker, False)
    signal.set_wakeup_fd(waker, warn_on_full_buffer=False)
    for number in HANDED_ON:
        signal.signal(number, lambda number, _: os.kill(init, number))
    signal.pthread_sigmask(signal.SIG_UNBLOCK, WATCHED)
    while report not in select.select([report, wake], [], [])[0]:
        os.read(wake, 64)
    signal.set_wakeup_fd(-1)
