"""Tracebacks as the author of a plan wants them: of an exception's frames, those that are the plan's or a library's."""

import sysconfig
import traceback
from pathlib import Path

import xpm

_OURS = tuple({str(Path(folder)) + "/" for folder in xpm.__path__})
_PATHS = sysconfig.get_paths()
_LIBRARIES = tuple(
    {f"{_PATHS[key]}/" for key in ("stdlib", "platstdlib", "purelib", "platlib")} | {"<frozen"}
)


def trimmed(error: BaseException) -> str:
    """The traceback as Python prints it, causes included, without our frames."""
    whole = traceback.TracebackException.from_exception(error)
    _trim(whole, set())
    return "".join(whole.format()).rstrip()


def kind(filename: str) -> str:
    """Whose a file is: ``"ours"``, ``"library"`` or ``"plan"``."""
    if filename.startswith(_OURS):
        return "ours"
    return "library" if filename.startswith(_LIBRARIES) else "plan"


def _trim(told: traceback.TracebackException, seen: set[int]) -> None:
    seen.add(id(told))
    kept = [frame for frame in told.stack if kind(frame.filename) != "ours"]
    told.stack = traceback.StackSummary.from_list(kept)
    for other in (told.__cause__, told.__context__):
        if other is not None and id(other) not in seen:
            _trim(other, seen)
