"""Containers of sealed configurations: they read as usual and refuse to change."""

# Values of any type pass here.
# pyright: reportUnknownArgumentType=false, reportUnknownVariableType=false

from __future__ import annotations

from typing import Any, Callable

from xpm.plan.config import Config
from xpm.plan.state import state_of


def _refusing(name: str) -> Callable[..., Any]:
    def refuse(self: Any, *args: object, **options: object) -> Any:
        from xpm.plan.setting import refuse_sealed

        config, argument = self.owner
        refuse_sealed(config, state_of(config), argument)
        return getattr(super(type(self), self), name)(*args, **options)

    return refuse


class SealedList(list):  # type: ignore[type-arg]
    """A list of a sealed configuration."""

    __slots__ = ("owner",)

    def __reduce_ex__(self, protocol: object) -> Any:
        return list, (list(self),)


class SealedDict(dict):  # type: ignore[type-arg]
    """A dictionary of a sealed configuration."""

    __slots__ = ("owner",)

    def __reduce_ex__(self, protocol: object) -> Any:
        return dict, (dict(self),)


class SealedSet(set):  # type: ignore[type-arg]
    """A set of a sealed configuration."""

    __slots__ = ("owner",)

    def __reduce_ex__(self, protocol: object) -> Any:
        return set, (set(self),)


_CHANGING = {
    SealedList: "append extend insert remove pop clear sort reverse __setitem__ __delitem__ __iadd__ __imul__",
    SealedDict: "__setitem__ __delitem__ __ior__ pop popitem clear update setdefault",
    SealedSet: "add discard remove pop clear update difference_update intersection_update"
    " symmetric_difference_update __ior__ __iand__ __isub__ __ixor__",
}
for _cls, _names in _CHANGING.items():
    for _name in _names.split():
        setattr(_cls, _name, _refusing(_name))


def frozen(value: Any, config: Config, name: str) -> Any:
    """The same value, whose containers refuse to change."""
    sealed: Any
    if isinstance(value, list):
        sealed = SealedList([frozen(each, config, name) for each in value])
    elif isinstance(value, dict):
        sealed = SealedDict({key: frozen(each, config, name) for key, each in value.items()})
    elif isinstance(value, set):
        sealed = SealedSet(value)
    elif isinstance(value, tuple):
        return tuple(frozen(each, config, name) for each in value)
    else:
        return value
    sealed.owner = (config, name)
    return sealed
