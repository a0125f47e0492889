"""How much of a project is code: the limits of what is sent."""

from collections.abc import Sequence
from dataclasses import dataclass

MOST_BYTES = 200 * 1024 * 1024
MOST_FILES = 20_000


@dataclass(frozen=True, slots=True)
class Limits:
    """What of a project travels, besides what its ignore files say."""

    bytes: int = MOST_BYTES
    files: int = MOST_FILES
    each: int | None = None
    """The largest file that travels, bytes; larger ones stay at home, and it is said."""
    exclude: Sequence[str] = ()
    """Patterns of what stays at home, in the language of .gitignore."""
