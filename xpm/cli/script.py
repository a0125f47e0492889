"""Running a plan script here as ``__main__``, its failures told in the plan's own terms.

Of an exception's frames three kinds are told apart: the plan's, ours and the libraries'. Whose fault
it is follows from the innermost frame that is not a library's.
"""

import sys
import sysconfig
import traceback
from collections.abc import Sequence
from pathlib import Path
from types import ModuleType

import xpm
from xpm.errors import PlanProblem, XpmError

_OURS = tuple({str(Path(folder)) + "/" for folder in xpm.__path__})
_PATHS = sysconfig.get_paths()
_LIBRARIES = tuple(
    {f"{_PATHS[key]}/" for key in ("stdlib", "platstdlib", "purelib", "platlib")} | {"<frozen"}
)


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
        raise PlanCrash(_trimmed(error)) from error


def _syntax(error: SyntaxError, script: Path) -> PlanProblem:
    return PlanProblem(
        "the plan does not import",
        on=f"Python {sys.version.split()[0]}",
        cause=f"{type(error).__name__}: {error.msg}" + _quoted(error.text),
        where=f"{error.filename or script}:{error.lineno or 1}",
    )


def _quoted(text: str | None) -> str:
    return f": {text.strip()}" if text and text.strip() else ""


def _missing(error: ImportError, script: Path) -> PlanProblem:
    where = f"{script}:1"
    for frame in _frames(error):
        if _kind(frame.filename) == "plan":
            where = f"{frame.filename}:{frame.lineno}"
    hint = (
        f"install it for {sys.executable}, or import it inside `execute`, where only jobs need it"
    )
    if not isinstance(error, ModuleNotFoundError):
        hint = "check the spelling, and the version of what is installed"
    return PlanProblem("the plan does not import", cause=str(error), where=where, hint=hint)


def _is_ours(error: BaseException) -> bool:
    kinds = [_kind(frame.filename) for frame in _frames(error)]
    last = [kind for kind in kinds if kind != "library"][-1:]
    return last == ["ours"]


def _trimmed(error: BaseException) -> str:
    """The traceback as Python prints it, causes included, without our frames."""
    whole = traceback.TracebackException.from_exception(error)
    _trim(whole, set())
    return "".join(whole.format()).rstrip()


def _trim(told: traceback.TracebackException, seen: set[int]) -> None:
    seen.add(id(told))
    kept = [frame for frame in told.stack if _kind(frame.filename) != "ours"]
    told.stack = traceback.StackSummary.from_list(kept)
    for other in (told.__cause__, told.__context__):
        if other is not None and id(other) not in seen:
            _trim(other, seen)


def _frames(error: BaseException) -> list[traceback.FrameSummary]:
    return list(traceback.extract_tb(error.__traceback__))


def _kind(filename: str) -> str:
    if filename.startswith(_OURS):
        return "ours"
    return "library" if filename.startswith(_LIBRARIES) else "plan"
