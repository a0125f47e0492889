"""Type variables of generic configurations, and what is said of them: by subclasses, and in ``Box[int](...)``."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from xpm.plan.config import Config
    from xpm.plan.description import Argument


def bindings(cls: type) -> dict[object, Any]:
    """What a class and those above it say of type variables: ``class Ints(Box[int])`` says int of Box's."""
    said: dict[object, Any] = {}
    for each in cls.__mro__:
        for base in vars(each).get("__orig_bases__", ()):
            variables = getattr(getattr(base, "__origin__", None), "__parameters__", ())
            for variable, value in zip(variables, base.__args__ if variables else ()):
                if value is not variable:
                    said.setdefault(variable, value)
    return said


def bound(declared: Any, said: dict[object, Any]) -> Any:
    """A declared type with its type variables replaced; the very same one where there are none."""
    if type(declared).__name__ == "TypeVar":
        return bound(said[declared], said) if declared in said else declared
    is_class = isinstance(declared, type) and not hasattr(declared, "__origin__")
    variables: tuple[object, ...] = () if is_class else getattr(declared, "__parameters__", ())
    if not any(each in said for each in variables):
        return declared
    form: Any = declared
    return form[tuple(bound(each, said) for each in variables)]


def checked(alias: Any) -> Any:
    """``Box[int]``, such that calling it makes a box that takes nothing but int."""
    made: type = type(alias)
    if "_xpm_checks" not in vars(made):
        alias.__class__ = _checking(made)
    return alias


_CHECKING: dict[type, type] = {}


def _checking(made: Any) -> type:
    """The class of typing's aliases, but for what a call makes."""
    known = _CHECKING.get(made)
    if known is None:

        def call(alias: Any, *args: object, **values: object) -> Any:
            return _narrow(made.__call__(alias, *args, **values), alias)

        names = {"_xpm_checks": True, "__call__": call, "__module__": made.__module__}
        # ``_root`` is how typing lets its own classes be inherited from
        known = _CHECKING[made] = type(made.__name__, (made,), names, _root=True)
    return known


def _narrow(config: Config, alias: Any) -> Config:
    """Give the arguments of a configuration the types that an alias says, and its values their normal form."""
    from xpm.plan.setting import check
    from xpm.plan.state import state_of

    state = state_of(config)
    state.narrowed = said_by(alias)
    for name, argument in state.narrowed.items():
        if name in config.__dict__:
            config.__dict__[name] = check(type(config), argument, config.__dict__[name])
    return config


_SAID: dict[Any, dict[str, Argument]] = {}


def said_by(alias: Any) -> dict[str, Argument]:
    """The arguments to which ``Box[int]`` gives another type than ``Box``, with that type."""
    known = _SAID.get(alias)
    if known is None:
        description = alias.__origin__.__xpm__
        said = dict(zip(alias.__origin__.__parameters__, alias.__args__))
        known = _SAID[alias] = description.bound_by(description.ready(), said)
    return known
