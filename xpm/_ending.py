"""How a plan started by plain Python ends when something went wrong: with words."""

import sys
from types import TracebackType

from xpm.errors import Defect, XpmError


def install() -> None:
    """Print our own errors as sentences and end with their code; spare somebody else's hook."""
    if sys.excepthook is sys.__excepthook__:
        sys.excepthook = _say


def _say(kind: type[BaseException], error: BaseException, traceback: TracebackType | None) -> None:
    if not isinstance(error, XpmError) or isinstance(error, Defect):
        sys.__excepthook__(kind, error, traceback)
        return
    sys.stderr.write(f"xpm: {error}\n")
    sys.stderr.flush()
    raise SystemExit(error.exit_code)
