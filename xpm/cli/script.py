"""Running a plan script here as ``__main__``, its failures told in the plan's own terms.

Of an exception's frames three kinds are told apart: the plan's, ours and the libraries'. Whose fault
it is follows from the innermost frame that is not a library's.
"""

import sys
import traceback
from collections.abc import Sequence
from pathlib import Path
from types import ModuleType

from xpm import _absent
from xpm._tracebacks import kind, trimmed
from xpm.errors import PlanProblem, XpmError


class PlanCrash(Exception):
    """The plan's own code raised; ``told`` is its traceback without our frames."""

    def __init__(self, told: str) -> None:
        self.told = told
        super().__init__(told)


def run_script(script: Path, arguments: Sequence[str]) -> None:
    """Run a script as ``python script arguments`` would, in this process.

    Raises:
        PlanProblem: it cannot be read, compiled or imported.
        PlanCrash: its code raised something else.
        XpmError: as raised by what it called of ours.
    """
    script = script.absolute()
    sys.argv = [str(script), *arguments]
    sys.path[0:0] = [str(script.parent)]
    main = ModuleType("__main__")
    main.__dict__.update(__file__=str(script), __builtins__=__builtins__, __cached__=None)
    sys.modules["__main__"] = main
    try:
        code = compile(script.read_bytes(), str(script), "exec", dont_inherit=True)
        exec(code, main.__dict__)
    except (XpmError, KeyboardInterrupt):
        raise
    except SyntaxError as error:
        raise _syntax(error, script) from error
    except ImportError as error:
        if _is_ours(error):
            raise
        raise _missing(error, script) from error
    except Exception as error:
        if _is_ours(error):
            raise
        _absent.explain(error)
        raise PlanCrash(trimmed(error)) from error


def _syntax(error: SyntaxError, script: Path) -> PlanProblem:
    return PlanProblem(
        "the plan does not import",
        on=f"Python {sys.version.split()[0]}",
        cause=f"{type(error).__name__}: {error.msg}" + _quoted(error.text),
        where=f"{error.filename or script}:{error.lineno or 1}",
        hint="mend that line; where it is right, run xpm with the Python it was written for",
    )


def _quoted(text: str | None) -> str:
    return f": {text.strip()}" if text and text.strip() else ""


def _missing(error: ImportError, script: Path) -> PlanProblem:
    where = f"{script}:1"
    for frame in _frames(error):
        if kind(frame.filename) == "plan":
            where = f"{frame.filename}:{frame.lineno}"
    hint = (
        f"install it for {sys.executable}, or import it inside `execute`, where only jobs need it"
    )
    if not isinstance(error, ModuleNotFoundError):
        hint = "check the spelling, and the version of what is installed"
    return PlanProblem("the plan does not import", cause=str(error), where=where, hint=hint)


def _is_ours(error: BaseException) -> bool:
    kinds = [kind(frame.filename) for frame in _frames(error)]
    last = [each for each in kinds if each != "library"][-1:]
    return last == ["ours"]


def _frames(error: BaseException) -> list[traceback.FrameSummary]:
    return list(traceback.extract_tb(error.__traceback__))
