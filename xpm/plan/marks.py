"""Marking values where they are given: ``tag(3)``, ``stop_tags(model)``."""

# Values of any type pass here.
# pyright: reportUnknownArgumentType=false

from __future__ import annotations

from xpm.errors import PlanProblem
from xpm.plan import places
from xpm.plan.problems import a

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, TypeVar

    T = TypeVar("T")


class TaggedInt(int):
    """A whole number that becomes a tag of the argument it is given to."""

    _xpm_mark = "tag"


class TaggedFloat(float):
    """A number that becomes a tag of the argument it is given to."""

    _xpm_mark = "tag"


class TaggedStr(str):
    """A text that becomes a tag of the argument it is given to."""

    __slots__ = ()
    _xpm_mark = "tag"


class TaggedBool:
    """A truth value that becomes a tag of the argument it is given to."""

    __slots__ = ("value",)
    _xpm_mark = "tag"

    def __init__(self, value: bool) -> None:
        self.value = value

    def __bool__(self) -> bool:
        return self.value

    def __repr__(self) -> str:
        return repr(self.value)


class Stopped:
    """A value whose tags are not collected."""

    __slots__ = ("value",)
    _xpm_mark = "stop"

    def __init__(self, value: object) -> None:
        self.value = value

    def __repr__(self) -> str:
        return f"stop_tags({self.value!r})"


def tag(value: T) -> T:
    """Make a tag of the argument this value is given to, named as the argument: ``Model(layers=tag(3))``.

    The argument gets the plain value.

    Raises:
        PlanProblem: the value is no str, int, float or bool.
    """
    marked: Any
    if isinstance(value, bool):
        marked = TaggedBool(value)
    elif isinstance(value, int):
        marked = TaggedInt(value)
    elif isinstance(value, float):
        marked = TaggedFloat(value)
    elif isinstance(value, str):
        marked = TaggedStr(value)
    elif type(value) is TaggedBool:
        marked = value
    else:
        raise PlanProblem(
            f"{a(value)} cannot be a tag",
            on=repr(value)[:80],
            hint="tags are str, int, float or bool; name one with .tag(name, value)",
            where=places.show(places.caller()),
        )
    return marked  # type: ignore[no-any-return]


def stop_tags(value: T) -> T:
    """Give the whole value of an argument through this, and the tags below it are not collected from there.

    ``Learn(model=stop_tags(model))``; for a list or dictionary, around all of it.
    """
    stopped: Any = Stopped(value)
    return stopped  # type: ignore[no-any-return]


def unmark(value: Any) -> tuple[object, str]:
    """The value itself, and how it was marked: ``"tag"``, ``"stop"`` or nothing."""
    mark: str = getattr(type(value), "_xpm_mark", "")
    if not mark:
        return value, ""
    if isinstance(value, (TaggedBool, Stopped)):
        return value.value, mark
    if isinstance(value, int):
        return int.__index__(value), mark
    return (float.__float__(value) if isinstance(value, float) else str.__str__(value)), mark
