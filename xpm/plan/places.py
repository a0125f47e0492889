"""Which line of the plan is speaking."""

from __future__ import annotations

import os
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import FrameType

Place = tuple[str, int]
"""A file and a line."""


def caller() -> Place:
    """The nearest line outside xpm (and typing, which calls ``Data[int](...)``): the one of the plan that asked."""
    frame: FrameType | None = sys._getframe(2)  # pyright: ignore[reportPrivateUsage]
    while frame is not None:
        name = frame.f_globals.get("__name__", "")
        if name[:4] != "xpm." and name != "typing":
            return frame.f_code.co_filename, frame.f_lineno
        frame = frame.f_back
    return "?", 0


def show(place: Place | None) -> str:
    """``plan.py:12``, relative to the current folder where that is shorter."""
    if place is None:
        return ""
    name, line = place
    cell = _cell(name)
    if cell:
        return f"cell {cell}, line {line}"
    if os.path.isabs(name):
        here = os.path.join(os.getcwd(), "")
        if name.startswith(here):
            name = name[len(here) :]
    return f"{name}:{line}"


def _cell(name: str) -> str:
    """``In[3]`` for the code of a cell of a notebook; nothing for a file."""
    shell = sys.modules["IPython"].get_ipython() if "IPython" in sys.modules else None
    if shell is None or os.path.exists(name):
        return ""
    try:
        label, number = shell.compile.format_code_name(name)
    except (AttributeError, TypeError, ValueError):  # of a file, or of another IPython
        return ""
    return number if label == "Cell" else ""
