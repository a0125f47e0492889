"""Where a job stands in a queue, in words: ``about 12th of 340 waiting in gpu``."""

from xpm.follow.standing import Standing
from xpm.words import starts

_ENDINGS = {1: "st", 2: "nd", 3: "rd"}


def told(standing: Standing | None) -> str:
    """The place of a job; empty when nobody knows."""
    if standing is None:
        return ""
    if standing.place == 1:
        return f"next in {standing.partition}"
    return f"about {ordinal(standing.place)} of {standing.of} waiting in {standing.partition}"


def placed(reason: str, standing: Standing | None) -> str:
    """A reason with the place behind it, before the expected start."""
    if standing is None:
        return reason
    why, found, start = reason.partition(starts.EXPECTED)
    parts = why.rstrip("; "), told(standing), found + start
    return "; ".join(part for part in parts if part)


def ordinal(number: int) -> str:
    """``1st``, ``12th``, ``103rd``."""
    is_teen = number % 100 in (11, 12, 13)
    return f"{number}{'th' if is_teen else _ENDINGS.get(number % 10, 'th')}"
