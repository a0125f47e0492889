"""Words for a login shell whose kind nobody knows: sh, bash, zsh, csh, fish."""

import re
import shlex
from collections.abc import Sequence

_PLAIN = re.compile(r"[A-Za-z0-9_./-]+")
"""What no shell changes: ``shlex`` also leaves ``=x``, which zsh looks up, and ``%1`` and ``@`` alone."""


def command_line(argv: Sequence[str]) -> str:
    """One line that a shell takes for these words."""
    return " ".join(each if _PLAIN.fullmatch(each) else _quoted(each) for each in argv)


def _quoted(word: str) -> str:
    shown = shlex.quote(word)
    return shown if shown != word else f"'{word}'"
