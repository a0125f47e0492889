"""Asking the person at the terminal for what a login wants: a password, a code.

Nobody is asked unless a command in the foreground of a terminal has said that it can (``install``), and never twice
for one host in the life of a process: a wrong answer counts at the host, and some ban whoever repeats it.
"""

import threading
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import Protocol


class Asker(Protocol):
    """A person who may be asked."""

    def is_there(self) -> bool:
        """Whether this process has a terminal, and is in its foreground, now."""

    def terminal(self) -> AbstractContextManager[None]:
        """The terminal for whoever asks, undisturbed by what else is shown there."""

    def answer(self, title: str, prompts: Sequence[tuple[str, bool]]) -> Sequence[str]:
        """What is answered to each of these prompts; a false one hides what is typed."""


class Nobody:
    """There is nobody to ask."""

    def is_there(self) -> bool:
        """No."""
        return False

    def terminal(self) -> AbstractContextManager[None]:
        """Nothing to wait for."""
        return nullcontext()

    def answer(self, title: str, prompts: Sequence[tuple[str, bool]]) -> Sequence[str]:
        """No answers."""
        return [""] * len(prompts)


_lock = threading.Lock()
_asker: Asker = Nobody()
_asked: set[str] = set()
_asking = threading.Event()


def install(asker: Asker) -> None:
    """From now on, this one may be asked."""
    global _asker  # one terminal, one process
    with _lock:
        _asker = asker
        _asked.clear()


def is_there() -> bool:
    """Whether there is somebody who sees what happens."""
    return _asker.is_there()


def is_asking() -> bool:
    """Whether somebody is being asked, and takes their time."""
    return _asking.is_set()


@contextmanager
def undisturbed() -> Iterator[Asker]:
    """Whom to ask, with the terminal to themselves meanwhile."""
    asker = _asker
    _asking.set()
    try:
        with asker.terminal():
            yield asker
    finally:
        _asking.clear()


def may_ask(host: str) -> bool:
    """Whether to ask for this host now: somebody is there, and was not asked for it before."""
    with _lock:
        if host in _asked or not _asker.is_there():
            return False
        _asked.add(host)
        return True


_nobody: type[Asker] = Nobody
