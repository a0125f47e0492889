"""Tracebacks as the user should see them: from their own first line on, without ours."""

from __future__ import annotations

import os
import sys
import traceback
from types import TracebackType

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Optional

_OURS = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))


def print_error(error: BaseException) -> str:
    """Print an error to stderr, without the frames that led from us to the task; what was printed."""
    trace = trimmed(error.__traceback__)
    text = "".join(traceback.format_exception(type(error), error, trace))
    print(text, end="", file=sys.stderr, flush=True)  # noqa: T201 (this is the task's log)
    return text


def trimmed(trace: Optional[TracebackType]) -> Optional[TracebackType]:
    """A traceback from the first frame that is neither ours nor the import system's; all of it if there is none."""
    here = trace
    while here is not None and _is_ours(here.tb_frame.f_code.co_filename):
        here = here.tb_next
    return here or trace


def where(error: BaseException, project: str) -> str:
    """The innermost line of the project's files that led to the error, as ``plan.py:12``; empty when none did."""
    if (
        isinstance(error, SyntaxError)
        and error.filename
        and error.filename.startswith(project + os.sep)
    ):
        return "%s:%s" % (os.path.relpath(error.filename, project), error.lineno)
    found = ""
    trace = error.__traceback__
    while trace is not None:
        path = trace.tb_frame.f_code.co_filename
        if path.startswith(project + os.sep):
            found = "%s:%d" % (os.path.relpath(path, project), trace.tb_lineno)
        trace = trace.tb_next
    return found


def _is_ours(path: str) -> bool:
    return path.startswith((_OURS + os.sep, "<frozen "))
