"""What a plan may ask of its own language: the arguments of a class, and which line set a value."""

# What users give is checked at run time too.
# pyright: reportUnnecessaryIsInstance=false

from __future__ import annotations

from xpm.errors import PlanProblem
from xpm.plan import places
from xpm.plan.fields import MISSING
from xpm.plan.generated import generated
from xpm.plan.problems import require_config
from xpm.plan.state import state_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any

    from xpm.plan.config import Config
    from xpm.plan.description import Argument


class Arguments:
    """The arguments of a class by name: ``arguments(Model).layers``; also ``in``, ``len``, iteration, ``[name]``."""

    def __init__(self, cls: Any) -> None:
        self._cls = cls

    def __getattr__(self, name: str) -> ArgumentInfo:
        if name.startswith("__"):
            raise AttributeError(name)
        return self[name]

    def __getitem__(self, name: str) -> ArgumentInfo:
        table = self._cls.__xpm__.ready()
        if name not in table:
            from xpm.plan.setting import unknown

            raise unknown(self._cls, name)
        return ArgumentInfo(self._cls, table[name])

    def __iter__(self) -> Iterator[ArgumentInfo]:
        return (ArgumentInfo(self._cls, each) for each in self._cls.__xpm__.ready().values())

    def __len__(self) -> int:
        return len(self._cls.__xpm__.ready())

    def __contains__(self, name: object) -> bool:
        return name in self._cls.__xpm__.ready()

    def __dir__(self) -> list[str]:
        return sorted(self._cls.__xpm__.ready())

    def __repr__(self) -> str:
        return f"arguments({self._cls.__name__})"


class ArgumentInfo:
    """One argument of a class, as it was declared.

    ``declared`` is the class or function it is an argument of, ``argument`` what xpm keeps of it.
    """

    __slots__ = ("argument", "declared")

    def __init__(self, declared: type[Config], argument: Argument) -> None:
        self.declared = declared
        self.argument = argument

    @property
    def name(self) -> str:
        """Its name."""
        return self.argument.name

    @property
    def type(self) -> str:
        """Its type in words, such as ``list[int]``."""
        return self.argument.kind.name

    @property
    def help(self) -> str:
        """What it is, as ``help=`` or the docstring under it says; empty when there is neither."""
        from xpm.plan.docstrings import help_of

        return help_of(self.declared, self.argument)

    @property
    def role(self) -> str:
        """``param``, ``meta`` or ``constant``."""
        return self.argument.role

    @property
    def required(self) -> bool:
        """Whether a value must be given."""
        return self.argument.required

    @property
    def default(self) -> Any:
        """The value when none is given.

        Raises:
            PlanProblem: there is none, or it is made anew for each configuration.
        """
        if self.argument.default is MISSING:
            raise PlanProblem(
                f"{self.declared.__name__}.{self.name} has no default",
                where=places.show(places.caller()),
            )
        return self.argument.default

    def __repr__(self) -> str:
        return f"{self.declared.__name__}.{self.name}: {self.type}"


def arguments(cls: type[Any]) -> Arguments:
    """The arguments of a configuration or task class, in the order they are declared, inherited ones first.

    ``arguments(Model).layers`` has ``name``, ``type`` (in words), ``help``, ``role``, ``required`` and ``default``.

    Raises:
        PlanProblem: it is no such class, or (when asked for it) there is no argument of that name.
    """
    if not isinstance(cls, type) or "__xpm__" not in dir(cls):
        given = cls.__name__ if isinstance(cls, type) else type(cls).__name__
        raise PlanProblem(
            f"{given} has no arguments: it is no configuration class",
            hint="give the class itself, decorated or derived from Config",
            where=places.show(places.caller()),
        )
    return Arguments(cls)


def origin(config: Config, name: str) -> str:
    """The line of the plan that set an argument, as ``plan.py:12``; ``"default"`` when none did.

    Args:
        config: a configuration or task, sealed or not.
        name: an argument, or a path to one below: ``"model.layers"``.

    Raises:
        PlanProblem: there is no such argument.
    """
    first, _, below = name.partition(".")
    require_config(config, "origin")
    if first not in type(config).__xpm__.ready():
        from xpm.plan.setting import unknown

        raise unknown(type(config), first)
    if below:
        return origin(getattr(config, first), below)
    state = state_of(config)
    if state.places and first in state.places:
        return places.show(state.places[first])
    value, argument = config.__dict__.get(first), type(config).__xpm__.ready()[first]
    if value is None and first not in config.__dict__:
        return "default"
    if first in state.unset or (argument.generator and value == generated(state.seal, argument)):
        return "default"
    return places.show(state.place)
