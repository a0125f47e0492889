"""The classic style: plain classes and functions made configurations and tasks by decorators."""

# Values of any type pass here.
# pyright: reportUnknownArgumentType=false, reportUnknownMemberType=false, reportUnknownVariableType=false

from __future__ import annotations

import builtins

from xpm.plan import places
from xpm.plan.config import Config
from xpm.plan.description import (
    Argument,
    Description,
    declared_role,
    explicit,
    refuse_method,
)
from xpm.plan.fields import MISSING, PathGenerator
from xpm.plan.problems import Definition, a, nearest
from xpm.plan.tasks import Task

TYPE_CHECKING = False
if TYPE_CHECKING:
    import os
    from types import FunctionType
    from typing import Any, Callable

    from xpm.plan.requirements import Req

    Decorator = Callable[[Any], Any]
    Classic: Any
else:

    class Classic:
        """A base for decorated classes that is empty, for the sake of type checkers: none is needed to run.

        ``@task() class Learn(Classic): ...`` tells mypy and pyright that arguments, ``submit()`` and the like come with
        the decorators, so that they accept all of them. What they can check is declared in the annotated style.
        """

        __slots__ = ()


PENDING = "__xpm_pending__"
VARIABLE_KEYWORDS = 0x08


def config(identifier: str | None = None) -> Decorator:
    """Make a class a configuration; ``@config``, ``@config()`` and ``@config("demo.model")`` all do.

    Args:
        identifier: lower-case letters, digits and ``. _ -``, at most 150; by default ``<module>.<class>`` in lower case.

    Raises:
        PlanProblem: no class, an identifier that cannot be a folder, or arguments that clash.
    """
    return _decorator(identifier, Config)


type = config
"""The same as ``config``."""


def task(identifier: str | None = None, *, require: Req | str | None = None) -> Decorator:
    """Make a class with ``execute(self)``, or a function, a task.

    The arguments of a function are those of the task, with their annotations and defaults unless a decorator says more.

    Args:
        identifier: as of ``config``.
        require: what its tasks need of the place that runs them (``__require__`` of the class); never part of the identity.

    Raises:
        PlanProblem: as ``config``.
    """
    if require is None:
        return _decorator(identifier, Task)
    from xpm.plan.requirements import Req

    needed = Req.of(require)

    def decorate(target: Any) -> Any:
        made = _converted(target, identifier, Task)
        made.__require__ = needed
        return made

    return decorate


def argument(
    name: str,
    type: Any = None,
    default: Any = MISSING,
    required: bool | None = None,
    ignored: bool = False,
    help: str = "",
    checker: Callable[[Any], object] | None = None,
) -> Decorator:
    """Declare an argument of the class or function below.

    Args:
        name: its name.
        type: its type; without one, that of the default.
        default: its value when none is given; not part of the identity when equal to it.
        required: False: None when no value is given.
        ignored: never part of the identity.
        help: what it is, for people.
        checker: called with each value; returns False or raises ValueError to refuse it.

    Raises:
        PlanProblem: it is required and has a default; or, when the class is made, its name clashes.
    """
    if required and default is not MISSING:
        raise _refused(f"argument {name!r} is required and has a default")
    if type is None:
        type = object if default is MISSING or default is None else builtins.type(default)
    if required is False and default is MISSING:
        default = None
    role = "meta" if ignored else "param"
    return _declaring(lambda: Argument(name, role, type, default, help=help, checker=checker))


param = argument
"""The same as ``argument``."""


def option(
    name: str,
    type: Any = None,
    default: Any = MISSING,
    required: bool | None = None,
    help: str = "",
    checker: Callable[[Any], object] | None = None,
) -> Decorator:
    """Declare an argument that is never part of the identity: ``argument(..., ignored=True)``."""
    return argument(
        name, type, default, required=required, ignored=True, help=help, checker=checker
    )


def pathoption(name: str, path: str | os.PathLike[str] | None = None, help: str = "") -> Decorator:
    """Declare a path inside the job folder, generated when the task is sealed.

    Args:
        name: the argument's name.
        path: the name below the job folder; by default the argument's own.
        help: what it is, for people.

    Raises:
        PlanProblem: the path would leave the job folder.
    """
    from pathlib import Path

    generator = PathGenerator(path if path is not None else name)
    return _declaring(lambda: Argument(name, "meta", Path, factory=generator, help=help))


def constant(name: str, value: Any, help: str = "") -> Decorator:
    """Declare a value that cannot be changed and always is part of the identity.

    Args:
        name: the argument's name.
        value: what it is; change it when the code changes what results mean.
        help: what it is, for people.
    """
    declared = object if value is None else builtins.type(value)
    return _declaring(
        lambda: Argument(name, "constant", declared, value, ignore_default=False, help=help)
    )


def _declaring(make: Callable[[], Argument]) -> Decorator:
    """Declare on what is decorated: at once on a configuration, else when it becomes one."""

    def declare(target: Any) -> Any:
        if isinstance(target, builtins.type) and "__xpm__" in vars(target):
            _add(target, make())
        elif PENDING in getattr(target, "__dict__", {}):
            vars(target)[PENDING].append(make)
        else:
            setattr(target, PENDING, [make])
            if isinstance(target, builtins.type) and "__new__" not in vars(target):
                target.__new__ = _refusing(target)  # type: ignore[method-assign]
        return target

    return declare


def _refusing(target: Any) -> Any:
    """A ``__new__`` for a class that has arguments and was not made a configuration or task."""

    def refuse(cls: Any, *args: Any, **values: Any) -> Any:
        if cls is target:
            raise _refused(
                f"{cls.__name__} has arguments, but is neither a configuration nor a task",
                "write @config() or @task() above its @argument(...)",
            )
        following = super(target, cls).__new__
        return following(cls) if following is object.__new__ else following(cls, *args, **values)

    refuse.__xpm_refusing__ = True  # type: ignore[attr-defined]
    return refuse


def _add(cls: Any, added: Argument) -> None:
    description: Description = cls.__xpm__
    function: FunctionType | None = vars(cls).get("__xpm_function__")
    if function is not None and not function.__code__.co_flags & VARIABLE_KEYWORDS:
        known = _parameters(function)
        if added.name not in known:
            raise Definition(
                f"{cls.__name__}() takes no {added.name!r}",
                hint=nearest(added.name, known),
                where=places.show(places.caller()),
            )
    if added.name in description.decorated:
        raise Definition(
            f"{cls.__name__} has two arguments {added.name!r}",
            hint="remove one of the decorators",
            where=places.show(places.caller()),
        )
    refuse_method(cls, added.name, places.caller())
    if added.name in vars(cls):
        delattr(cls, added.name)
    description.decorated.add(added.name)
    description.add(added)
    description.own = {added.name: added, **description.own}  # decorators are applied bottom-up


def _decorator(identifier: Any, base: builtins.type[Config]) -> Decorator:
    if isinstance(identifier, builtins.type) or hasattr(identifier, "__code__"):
        made: Decorator = _converted(identifier, None, base)  # @task without parentheses
        return made
    return lambda target: _converted(target, identifier, base)


def _converted(target: Any, identifier: Any, base: builtins.type[Config]) -> Any:
    """The configuration class a class or function becomes."""
    pending = getattr(target, "__dict__", {}).get(PENDING, ())
    if not isinstance(target, builtins.type) and not hasattr(target, "__code__"):
        raise _refused(
            f"{a(target)} cannot be a configuration or a task: a class or a function can"
        )
    if not isinstance(target, builtins.type):
        if base is not Task:
            raise _refused(f"{target!r} cannot be a configuration: only a class can")
        made = _function_task(target)
    elif issubclass(target, base):
        made = target
    else:
        made = _rebuilt(target, base)
    if identifier is not None:
        made.__xpm__.identifier = explicit(identifier, places.caller())
    for make in pending:
        _add(made, make())
    return made


def _rebuilt(cls: Any, base: builtins.type[Config]) -> Any:
    """The same class, made again with one base more."""
    left = {"__dict__", "__weakref__", PENDING, *vars(cls).get("__slots__", ())}
    body = {name: value for name, value in vars(cls).items() if name not in left}
    body.pop("__slots__", None)
    body["__qualname__"] = cls.__qualname__
    body.pop("__xpm__", None)
    if hasattr(getattr(body.get("__new__"), "__func__", body.get("__new__")), "__xpm_refusing__"):
        del body["__new__"]
    bases = tuple(each for each in cls.__bases__ if each is not object)
    bases = (*(each for each in bases if each is not Config), base)
    made = builtins.type(cls)(cls.__name__, bases, body)
    if "__xpm__" in vars(cls):
        for each in vars(cls)["__xpm__"].own.values():
            made.__xpm__.add(each)
        made.__xpm__.decorated |= vars(cls)["__xpm__"].decorated
    _repoint(cls, made)
    return made


def _repoint(old: object, made: Any) -> None:
    """Let ``super()`` and ``__class__`` in the methods mean the new class."""
    for value in vars(made).values():
        for attribute in ("", "__func__", "fget", "fset", "fdel"):
            function = getattr(value, attribute, None) if attribute else value
            for cell in getattr(function, "__closure__", None) or ():
                try:
                    if cell.cell_contents is old:
                        cell.cell_contents = made
                except ValueError:  # an empty cell
                    continue


def _parameters(function: FunctionType) -> list[str]:
    code = function.__code__
    return list(code.co_varnames[: code.co_argcount + code.co_kwonlyargcount])


def _function_task(function: FunctionType) -> Any:
    """A task class whose ``execute`` calls the function with the arguments."""

    def execute(self: Any) -> object:
        values = {name: getattr(self, name) for name in builtins.type(self).__xpm__.ready()}
        return function(**values)

    body = {
        "__module__": function.__module__,
        "__qualname__": function.__qualname__,
        "__doc__": function.__doc__,
        "__xpm_function__": staticmethod(function),
        "execute": execute,
    }
    made: Any = builtins.type(function.__name__, (Task,), body)
    made.__xpm_function__ = function
    defaults = dict(function.__kwdefaults__ or {})
    positional = function.__code__.co_varnames[: function.__code__.co_argcount]
    given = function.__defaults__ or ()
    defaults.update(zip(positional[len(positional) - len(given) :], given))
    for name in _parameters(function):
        default = defaults.get(name, MISSING)
        annotation = function.__annotations__.get(name)
        role, declared = declared_role(annotation)
        if role is None:
            role = "param"
            declared = annotation
            if declared is None:
                declared = object if default in (MISSING, None) else builtins.type(default)
        made.__xpm__.add(Argument(name, role, declared, default))
    return made


def _refused(what: str, hint: str = "") -> Definition:
    return Definition(what, hint=hint, where=places.show(places.caller()))
