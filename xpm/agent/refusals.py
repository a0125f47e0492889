"""A request the agent does not fulfil, in the words of wire/messages.py."""

from typing import Any, Dict

from xpm.wire import disks


class Refusal(Exception):
    """Why a request is not fulfilled, and what to do.

    Args:
        kind: ``usage`` (the request is wrong), ``site`` (this host lacks something), ``disk`` (full or away: it
            heals), ``busy`` or ``defect``.
        message: what was attempted and what came back.
        hint: what to do.
    """

    def __init__(self, kind: str, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.kind = kind
        self.message = message
        self.hint = hint

    def reply(self) -> Dict[str, Any]:
        """The reply that says so."""
        return {"error": {"kind": self.kind, "message": self.message, "hint": self.hint}}


def usage(message: str, hint: str = "") -> Refusal:
    """The request is wrong."""
    return Refusal("usage", message, hint)


def site(message: str, hint: str = "") -> Refusal:
    """This host lacks something."""
    return Refusal("site", message, hint)


def disk(error: OSError, root: str) -> Refusal:
    """The workspace's disk is full, read-only or away: patience."""
    return Refusal("disk", disks.words(error, root), disks.hint(error))
