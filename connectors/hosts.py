"""Hosts: how bytes reach the machine a connector lives on.

A host opens a byte stream to a command there; that is all it does. Its failures come as ``xpm.errors.HostProblem``,
told apart by who can act: the network (``HostUnreachable``), host keys (``HostKeyProblem``), a login
(``LoginNeeded``). The command's own failures are read from its output by xpm/connectors/bootstrap.py.
"""

from collections.abc import Sequence
from typing import Protocol

STDERR_KEPT = 8192
END_S = 10.0
"""How long a command whose output has ended may take to end itself, on a host that is busy."""
LAST_WORDS_S = 5.0
"""How long what it said last may take to be read here."""


class Stream(Protocol):
    """Both directions of one running command. One thread reads, one at a time writes, any may close."""

    def read(self, size: int) -> bytes:
        """The next bytes, at most so many; waits for some; b"" when the command or the link ended."""

    def write(self, data: bytes) -> None:
        """Send all these bytes.

        Raises:
            HostUnreachable: the command or the link ended.
        """

    def close(self) -> None:
        """End both directions; a read that waits returns b""."""

    def stderr(self) -> str:
        """The last 8 KiB the command wrote to its standard error; all of it once ``read`` has told the end."""

    def exit_status(self) -> int | None:
        """How the command ended; None when it did not end, or when nobody can tell."""


class Host(Protocol):
    """A machine, or a way to it."""

    @property
    def name(self) -> str:
        """What the user calls it."""

    def open(self, argv: Sequence[str]) -> Stream:
        """Start a command there. Connects first when there is no connection."""

    def close(self) -> None:
        """End the connection and every stream on it."""
