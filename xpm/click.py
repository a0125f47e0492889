"""Arguments of configurations as options of a command line made with click.

::

    from xpm.click import arguments, forwardoption

    @forwardoption(arguments(Model).layers)          # --layers, with the argument's type, help and default
    @forwardoption.hidden(Model, "units")            # --units, given to the command as ``units``
    @click.command()
    def cli(layers, units): ...
"""

# What users give is checked at run time too.
# pyright: reportUnnecessaryIsInstance=false

from __future__ import annotations

import enum
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

import click

from xpm.errors import PlanProblem
from xpm.plan import places
from xpm.plan.asking import ArgumentInfo, arguments
from xpm.plan.containers import DictKind, ListKind, LiteralKind, TupleKind, UnionKind
from xpm.plan.fields import MISSING
from xpm.plan.kinds import BytesKind, InstanceKind, Kind, PathKind
from xpm.plan.problems import WrongValue
from xpm.plan.setting import check

__all__ = ["arguments", "forwardoption"]

if TYPE_CHECKING:
    Choice = click.Choice[str]
    ParamType = click.ParamType[Any]
else:  # click 8.1 has no generic ones
    Choice, ParamType = click.Choice, click.ParamType

F = TypeVar("F", bound=Callable[..., Any])

_PLAIN: dict[str, ParamType] = {
    "int": click.INT,
    "float": click.FLOAT,
    "str": click.STRING,
    "bool": click.BOOL,
}


class Decorator(Protocol):
    """Adds an option to a function, or to the command made of it."""

    def __call__(self, function: F, /) -> F:
        """The function or command itself."""
        ...


class _ForwardOption:
    """What ``forwardoption`` is: called with an argument, or asked for one by its name."""

    def __call__(self, argument: ArgumentInfo, *names: str, **settings: Any) -> Decorator:
        """A decorator that adds an option for an argument of a configuration.

        Args:
            argument: ``arguments(Model).layers``.
            names: of the option, with or without dashes (``"my-epochs"``, ``"--my-epochs", "-e"``); by default the
                argument's own. The command gets the value under the first long one, with ``_`` for ``-``.
            settings: of ``click.option``, instead of what follows from the argument: ``default``, ``help`` …

        Raises:
            PlanProblem: no option can give such a value: a configuration, a constant, a generated path.
        """
        if not isinstance(argument, ArgumentInfo):
            raise PlanProblem(
                f"forwardoption takes an argument, got {type(argument).__name__}",
                hint="forwardoption(arguments(Model).layers), or forwardoption.layers(Model)",
                where=places.show(places.caller()),
            )
        option = _option(argument, names, settings)

        def decorate(function: F) -> F:
            command: object = function
            if isinstance(command, click.Command):
                command.params.insert(0, option)  # decorators above it are applied from below
            else:
                waiting: list[click.Parameter] = vars(function).setdefault("__click_params__", [])
                waiting.append(option)
            return function

        return decorate

    def __getattr__(self, name: str) -> Callable[..., Decorator]:
        if name.startswith("__"):
            raise AttributeError(name)

        def of(cls: type[Any], *names: str, **settings: Any) -> Decorator:
            return self(arguments(cls)[name], *names, **settings)

        return of


forwardoption = _ForwardOption()
"""Adds an option for an argument of a configuration: above or below ``@click.command()``."""


def _option(info: ArgumentInfo, names: Sequence[str], settings: dict[str, Any]) -> click.Option:
    argument = info.argument
    if argument.role == "constant" or argument.generator is not None:
        what = "a constant" if argument.role == "constant" else "generated inside the job folder"
        raise _refused(info, f"it is {what}")
    shape = _shape(info, argument.kind)
    derived: dict[str, Any] = {
        "help": info.help or None,
        "show_default": not info.required,
        **shape,
    }
    if argument.factory is not None:
        derived["default"] = argument.fresh
        derived["show_default"] = False
    elif argument.default is MISSING:
        derived["required"] = True
    elif argument.default is not None:
        derived["default"] = _named(argument.default)
    if "default" in settings or settings.get("required"):
        derived.pop("required", derived.pop("default", None))
    spelled = _spelled(names or (info.name,), is_flag=shape.get("is_flag", False))
    return click.Option(spelled, callback=_checked(info), **{**derived, **settings})


def _spelled(names: Sequence[str], is_flag: bool) -> list[str]:
    """The option's names with their dashes; flags have a negative."""
    dashed = [each if each.startswith("-") else f"--{each.replace('_', '-')}" for each in names]
    if not is_flag:
        return dashed
    return [
        f"{each}/--no-{each[2:]}" if each[:2] == "--" and "/" not in each else each
        for each in dashed
    ]


def _checked(info: ArgumentInfo) -> Callable[[click.Context, click.Parameter, Any], Any]:
    """A callback that gives the command the very value the configuration would keep."""

    def checked(context: click.Context, parameter: click.Parameter, value: Any) -> Any:
        if value is None:
            return None
        kind = info.argument.kind
        inner = _inner(kind)
        if isinstance(inner, ListKind):
            value = inner.make(value)
        try:
            return check(info.declared, info.argument, value)
        except WrongValue as refused:
            raise click.BadParameter(refused.cause or refused.what, context, parameter) from refused

    return checked


def _inner(kind: Kind) -> Kind:
    """The type without ``None``."""
    if isinstance(kind, UnionKind):
        options = [each for each in kind.options if each.name != "None"]
        if len(options) == 1:
            return options[0]
    return kind


def _shape(info: ArgumentInfo, kind: Kind) -> dict[str, Any]:
    """How values of a type are given on a command line, as settings of ``click.Option``."""
    kind = _inner(kind)
    if kind.name == "bool":
        return {"is_flag": True}
    if isinstance(kind, ListKind):
        item = _inner(kind.item)
        if isinstance(item, TupleKind):
            return {"multiple": True, "type": _types(info, item)}
        return {"multiple": True, "type": _type(info, item)}
    if isinstance(kind, TupleKind):
        return {"type": _types(info, kind)}
    return {"type": _type(info, kind)}


def _types(info: ArgumentInfo, kind: TupleKind) -> tuple[ParamType, ...]:
    return tuple(_type(info, _inner(each)) for each in kind.items)


def _type(info: ArgumentInfo, kind: Kind) -> ParamType:
    if kind.name in _PLAIN:
        return _PLAIN[kind.name]
    if isinstance(kind, PathKind):
        return click.Path(path_type=Path)
    if isinstance(kind, LiteralKind):
        return _Named({str(each): each for each in kind.values})
    if isinstance(kind, InstanceKind) and issubclass(kind.cls, enum.Enum):
        return _Named({each.name: each for each in kind.cls})
    if isinstance(kind, UnionKind):
        return _OneOf([_type(info, _inner(each)) for each in kind.options if each.name != "None"])
    if isinstance(kind, (BytesKind, DictKind, ListKind, TupleKind, InstanceKind)):
        raise _refused(info, f"no option can give a {kind.name}")
    raise _refused(info, "its type is not declared")


def _named(default: Any) -> Any:
    """A default as it would be typed."""
    if isinstance(default, enum.Enum):
        return default.name
    if isinstance(default, (list, tuple, set, frozenset)):
        return [_named(each) for each in default]  # pyright: ignore[reportUnknownVariableType]
    return default


class _Named(Choice):
    """One of several values, given by its name, in any case."""

    def __init__(self, members: dict[str, Any]) -> None:
        self._members = members
        folded = {each.lower() for each in members}
        super().__init__(list(members), case_sensitive=len(folded) < len(members))

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """The value of a name."""
        return self._members[super().convert(value, param, ctx)]


class _OneOf(ParamType):
    """The first of several types that takes the text."""

    def __init__(self, types: Sequence[ParamType]) -> None:
        self._types = types
        self.name = "|".join(each.name for each in types)

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """The value as the first type that takes it reads it."""
        if not isinstance(value, str):
            return value
        for each in self._types:
            try:
                return each.convert(value, param, ctx)
            except click.BadParameter:
                continue
        self.fail(f"{value!r} is no {self.name}", param, ctx)


def _refused(info: ArgumentInfo, why: str) -> PlanProblem:
    return PlanProblem(
        f"{info.declared.__name__}.{info.name} cannot be an option",
        cause=why,
        hint="declare an option of your own with click.option",
        where=places.show(places.caller()),
    )
