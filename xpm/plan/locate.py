"""Where the class of a task is found again, inside a job."""

from __future__ import annotations

import os
import sys

from xpm.errors import PlanProblem
from xpm.plan import places
from xpm.plan.context import PlanStops

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path
    from types import ModuleType, TracebackType
    from typing import Any

    Reference = dict[str, Any]


def script_module_name(path: str | Path) -> str:
    """The name a script would be imported by: its stem, below the packages it lies in."""
    folder, name = os.path.split(os.path.abspath(path))
    parts = [os.path.splitext(name)[0]]
    while os.path.exists(os.path.join(folder, "__init__.py")):
        folder, package = os.path.split(folder)
        parts.insert(0, package)
    return ".".join(parts)


def main_script() -> Path | None:
    """The file of the script that runs; None for ``python -m``, ``python -c`` and interactive sessions."""
    from pathlib import Path

    main = sys.modules.get("__main__")
    file = getattr(main, "__file__", None)
    if file is None or file.startswith("<") or getattr(main, "__spec__", None) is not None:
        return None
    return Path(os.path.abspath(file))


def reference(cls: type) -> Reference:
    """How a job finds a class.

    Raises:
        PlanProblem: no job can.
    """
    module = check_reachable(cls)
    script: str | None = None
    if cls.__module__ == "__main__":
        path = main_script()
        script = None if path is None else _below_project(str(path))
    return {"module": module, "name": cls.__qualname__, "script": script}


def check_reachable(cls: type) -> str:
    """The name of a class's module.

    Raises:
        PlanProblem: no job can find the class.
    """
    from xpm.plan.names import module_of

    module = module_of(cls)
    problem = hint = ""
    if "<lambda>" in cls.__qualname__:
        problem, hint = "a lambda has no name", "write it as a function: def name(...)"
    elif "<locals>" in cls.__qualname__:
        problem, hint = "it is defined inside a function", "move it to the top level of its module"
    elif module == "__main__":
        problem = "it is defined in an interactive session"
        hint = "write it in a file: a script, or a module that the session imports"
    elif not _is_there(cls):
        problem = f"{cls.__module__} has nothing of this name"
        hint = "assign it at the top level of its module, under its own name"
    if problem:
        description = getattr(cls, "__xpm__", None)
        raise PlanProblem(
            f"no job can find the class {cls.__qualname__.replace('.<locals>', '')}",
            cause=problem,
            hint=hint,
            where=places.show(description.place if description is not None else None),
        )
    return module


def _is_there(cls: type) -> bool:
    """Whether the module of a class holds something of its name, once it is imported."""
    found: object = sys.modules.get(cls.__module__)
    for part in cls.__qualname__.split("."):
        found = getattr(found, part, None)
    return found is not None or _is_importing(cls.__module__)


def _is_importing(module: str) -> bool:
    spec = getattr(sys.modules.get(module), "__spec__", None)
    return bool(getattr(spec, "_initializing", False))


def _below_project(path: str) -> str:
    from xpm.plan.generated import project_folder

    project = project_folder()
    found = _below_projects.get((path, project))
    if found is None:
        found = _below_projects[path, project] = _relative(path, project)
    return found


_below_projects: dict[tuple[str, str | None], str] = {}  # a script and its project: one, as a rule


def _relative(path: str, project: str | None) -> str:
    for one, other in ((path, project), (os.path.realpath(path), os.path.realpath(project or "."))):
        if other is not None and one.startswith(os.path.join(other, "")):
            return os.path.relpath(one, other).replace(os.sep, "/")
    return os.path.basename(path)


def load(reference: Reference, project: str, path: Sequence[str], argv: Sequence[str]) -> type:
    """The class of a reference, inside a job; the places it may be imported from are prepared.

    Args:
        reference: as in a document's ``types``.
        project: the folder of the code.
        path: folders below it that go on ``sys.path``, in order.
        argv: the plan's arguments, for the script.

    Raises:
        PlanProblem: the module cannot be imported here, or has no such class.
    """
    for folder in reversed(path):
        full = os.path.normpath(os.path.join(project, folder))
        if full not in sys.path:
            sys.path.insert(0, full)
    return find_class(reference, project, argv)


def find_class(reference: Reference, project: str = "", argv: Sequence[str] = ()) -> type:
    """The class of a reference, inside a job whose ``sys.path`` is prepared."""
    script = reference.get("script")
    name: str = reference["module"]
    if script is not None:
        module = _script_module(name, os.path.join(project, script), project, argv)
    elif name in sys.modules:
        module = sys.modules[name]
    else:
        module = _import(name, project)
    found: Any = module
    for part in reference["name"].split("."):
        found = getattr(found, part, None)
    if not isinstance(found, type):
        raise PlanProblem(
            f"{getattr(module, '__file__', name)} has no class {reference['name']}",
            cause="the job looks for it there",
            hint="define it at the top level, above the line that opens the experiment",
        )
    return found


def _script_module(name: str, file: str, project: str, argv: Sequence[str]) -> ModuleType:
    """The module of a script, run once, whatever else has its name."""
    known = sys.modules.get(name)
    if known is not None and getattr(known, "__file__", None) == file:
        return known
    if file not in _run:
        _run[file] = _run_script(name, file, project, argv)
    return _run[file]


_run: dict[str, ModuleType] = {}  # scripts that have been run, by file


def _run_script(name: str, file: str, project: str, argv: Sequence[str]) -> ModuleType:
    """Run a script as a module of its own, up to the line that opens its experiment."""
    module = type(sys)(name)
    module.__file__ = file
    try:
        with open(file, "rb") as stream:
            source = stream.read()
    except OSError as error:
        raise PlanProblem(
            f"the plan's script {file} cannot be read",
            cause=str(error.strerror),
            hint="it travels with the code: does .gitignore or .xpmignore name it?",
        ) from error
    taken = name in sys.modules  # a script may be named like a module that is in use: signal.py
    sys.modules.setdefault(name, module)
    old = sys.argv
    sys.argv = [file, *argv]
    try:
        exec(compile(source, file, "exec", dont_inherit=True), module.__dict__)
    except PlanStops:
        pass
    except (Exception, SystemExit) as error:
        if not taken:
            del sys.modules[name]
        raise _explained(name, error, project) from error
    finally:
        sys.argv = old
    return module


def _import(name: str, project: str) -> ModuleType:
    """Import a module, which may stop at the line that opens an experiment."""
    try:
        __import__(name)
    except PlanStops as stop:
        return _stopped(name, stop)
    except (Exception, SystemExit) as error:
        raise _explained(name, error, project) from error
    return sys.modules[name]


def _stopped(name: str, stop: PlanStops) -> ModuleType:
    """The module that was being imported when its experiment was to be opened, as far as it had come."""
    trace = stop.__traceback__
    while trace is not None:
        frame = trace.tb_frame
        if frame.f_code.co_name == "<module>" and frame.f_globals.get("__name__") == name:
            module = type(sys)(name)
            module.__dict__.update(frame.f_globals)
            sys.modules[name] = module
            return module
        trace = trace.tb_next
    raise stop


def _explained(name: str, error: BaseException, project: str) -> PlanProblem:
    """Why a module of the plan cannot be loaded, naming its line and this Python."""
    where = _last_line(error.__traceback__, project)
    if isinstance(error, SyntaxError) and error.filename:
        where = f"{error.filename}:{error.lineno}"
    version = ".".join(map(str, sys.version_info[:3]))
    python = f"{sys.executable} (Python {version})"
    if isinstance(error, ModuleNotFoundError) and error.name:
        return PlanProblem(
            f"the plan imports {error.name}, which the job's Python does not have",
            on=python,
            hint=f"install {error.name.partition('.')[0]} there, or name another python in the profile",
            where=where,
        )
    if isinstance(error, ImportError):
        return PlanProblem(
            f"the plan cannot be imported by the job's Python {python}",
            cause=str(error),
            hint="install it there, let the profile bring it (env:, modules:, python:), or import it"
            " where it is used",
            where=where,
        )
    return PlanProblem(
        f"the plan's module {name} cannot be loaded inside the job",
        on=python,
        cause=f"{type(error).__name__}: {error}",
        hint="what stands above the line that opens the experiment runs in every job",
        where=where,
    )


def _last_line(trace: TracebackType | None, project: str) -> str:
    """The innermost line of the project."""
    where = ""
    prefix = os.path.join(os.path.abspath(project), "")
    while trace is not None:
        file = trace.tb_frame.f_code.co_filename
        if os.path.abspath(file).startswith(prefix):
            where = f"{os.path.abspath(file)[len(prefix) :]}:{trace.tb_lineno}"
        trace = trace.tb_next
    return where
