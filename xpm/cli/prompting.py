"""Asking at the terminal for what a login wants, between two frames of what else is shown there."""

import atexit
import os
import sys
import termios
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Protocol

import click

from xpm.connectors import asking
from xpm.connectors.asking import Asker
from xpm.errors import LoginNeeded


class Shown(Protocol):
    """Something that is redrawn in place."""

    def start(self) -> None:
        """Begin to draw."""

    def stop(self) -> None:
        """Draw no more."""


_shown: Shown | None = None


def install() -> None:
    """Let whoever is at the terminal of this command be asked."""
    asking.install(Terminal())


def shown(drawn: Shown | None) -> None:
    """Tell what is redrawn from now on; it stands still while somebody is asked."""
    global _shown  # one terminal, one drawing
    _shown = drawn


def is_foreground() -> bool:
    """Whether a person is at the terminal of this process, and this process in its foreground."""
    try:
        return sys.stderr.isatty() and os.tcgetpgrp(sys.stdin.fileno()) == os.getpgrp()
    except (OSError, ValueError):  # no terminal, or no stdin at all
        return False


class Terminal:
    """The person at the terminal."""

    def is_there(self) -> bool:
        """Whether this command runs in the foreground of a terminal."""
        return is_foreground()

    @contextmanager
    def terminal(self) -> Iterator[None]:
        """The terminal, with nothing redrawn and restored at the end of the process, whatever becomes of it."""
        drawn = _shown
        if drawn is not None:
            drawn.stop()
        file = sys.stdin.fileno()
        was = termios.tcgetattr(file)
        atexit.register(termios.tcsetattr, file, termios.TCSADRAIN, was)
        try:
            yield
        finally:
            termios.tcsetattr(file, termios.TCSADRAIN, was)
            atexit.unregister(termios.tcsetattr)
            if drawn is not None and drawn is _shown:
                drawn.start()

    def answer(self, title: str, prompts: Sequence[tuple[str, bool]]) -> Sequence[str]:
        """Show the title, then ask one after the other."""
        click.echo(title, err=True)
        try:
            return [
                str(click.prompt(text.rstrip(), hide_input=not echo, default="", show_default=False,
                                 prompt_suffix=" ", err=True))
                for text, echo in prompts
            ]  # fmt: skip
        except click.Abort as error:
            raise LoginNeeded(
                "waiting for login",
                cause="nobody answered",
                hint="the same command again asks again; `xpm login` logs in for all that follow",
            ) from error


_asker: type[Asker] = Terminal
