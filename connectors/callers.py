"""The way to an agent, as connectors use it."""

from collections.abc import Iterable, Iterator
from typing import Protocol

from xpm.wire import frames

Request = tuple[frames.Message, bytes]
"""What is asked, with its payload."""


class Caller(Protocol):
    """The way to an agent."""

    @property
    def life(self) -> int:
        """Changes whenever another agent answers."""

    @property
    def workspace(self) -> str:
        """The absolute path of the workspace there."""

    def call(self, content: frames.Message, payload: bytes = b"") -> tuple[frames.Message, bytes]:
        """The ``ok`` part of the reply, with its payload; raises ``XpmError`` for its ``error`` part."""

    def stream(
        self, contents: Iterable[frames.Message]
    ) -> Iterator[tuple[frames.Message, Iterator[bytes]]]:
        """The ``ok`` parts of the replies, in order, each with its payload as it arrives.

        Raises ``HostUnreachable`` as soon as the link breaks: what had arrived is the caller's to count.
        """

    def push(self, requests: Iterable[Request]) -> Iterator[frames.Message]:
        """Send requests with payloads, many under way at once; the ``ok`` parts of the replies, in order.

        Raises ``HostUnreachable`` as soon as the link breaks: those not answered may have taken effect.
        """

    def nudge(self) -> None:
        """Let an observe that waits answer at once."""

    def close(self) -> None:
        """End the connection."""
