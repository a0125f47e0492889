"""The kinds of single values an argument may declare; xpm/plan/types.py has the whole table in words."""

# Values of any type pass here.
# pyright: reportUnknownArgumentType=false, reportUnknownLambdaType=false, reportUnknownMemberType=false, reportUnknownVariableType=false

from __future__ import annotations

import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Callable


class Mismatch(Exception):
    """A value that is not what its argument declares; ``path`` leads to it inside the argument."""

    def __init__(self, expected: str, got: object, hint: str = "", path: str = "") -> None:
        super().__init__(expected)
        self.expected = expected
        self.got = got
        self.hint = hint
        self.path = path

    def below(self, path: str) -> Mismatch:
        """The same, seen from the container."""
        self.path = path + self.path
        return self


class Kind:
    """A compiled type.

    ``fast``: values of exactly this class are normal already. ``holds``: values may contain configurations.
    ``mutable``: the normal form can be changed in place.
    """

    __slots__ = ("fast", "holds", "mutable", "name")

    def __init__(
        self, name: str, fast: type | None = None, holds: bool = False, mutable: bool = False
    ) -> None:
        self.name = name
        self.fast = fast
        self.holds = holds
        self.mutable = mutable

    def convert(self, value: Any) -> object:
        """The normal form; raises Mismatch."""
        if type(value) is self.fast:
            return value
        raise Mismatch(self.name, value)

    def fits(self, value: Any) -> bool:
        """Whether the value is in normal form as it is."""
        return type(value) is self.fast


def untagged(value: object) -> None:
    """Refuse a mark, which only a whole argument can have."""
    if getattr(type(value), "_xpm_mark", ""):
        raise Mismatch(
            "a plain value", value, hint="mark the whole argument, or use .tag(name, value)"
        )


def _unread(value: object, number: Callable[[str], object]) -> str:
    """A hint for text that would be a number, were text read."""
    if not isinstance(value, str):
        return ""
    try:
        return f"text is not read as a number: write {number(value)!r}"
    except ValueError:
        return ""


class BoolKind(Kind):
    """Truth values."""

    __slots__ = ()

    def convert(self, value: Any) -> object:
        """``True`` and ``False``."""
        if type(value) is bool:
            return value
        untagged(value)
        raise Mismatch("bool", value, hint="write True or False")


class IntKind(Kind):
    """Whole numbers."""

    __slots__ = ()

    def convert(self, value: Any) -> object:
        """What has ``__index__`` and is no truth value."""
        if type(value) is int:
            return value
        untagged(value)
        if not isinstance(value, bool) and hasattr(type(value), "__index__"):
            try:
                return int(value.__index__())
            except TypeError:  # old numpy.bool_
                pass
        hint = f"write {int(value)}" if isinstance(value, float) and value.is_integer() else ""
        raise Mismatch("int", value, hint=hint or _unread(value, int))


class FloatKind(Kind):
    """Floating-point numbers."""

    __slots__ = ()

    def convert(self, value: Any) -> object:
        """What has ``__float__`` and loses nothing by it."""
        if type(value) is float:
            return value
        untagged(value)
        if isinstance(value, (bool, str, bytes)) or not hasattr(type(value), "__float__"):
            raise Mismatch("float", value, hint=_unread(value, float))
        try:
            normal = float(value)
        except (TypeError, ValueError, OverflowError):
            raise Mismatch("float", value) from None
        if normal == value or (normal != normal and value != value):
            return normal
        raise Mismatch("float", value, hint="it has no exact float; give float(...) of it")


class StrKind(Kind):
    """Text."""

    __slots__ = ()

    def convert(self, value: Any) -> object:
        """``str`` and its subclasses."""
        if type(value) is str:
            return value
        untagged(value)
        if isinstance(value, str):
            return str.__str__(value)
        raise Mismatch("str", value)


class BytesKind(Kind):
    """Bytes."""

    __slots__ = ()

    def convert(self, value: Any) -> object:
        """``bytes`` and ``bytearray``."""
        if isinstance(value, (bytes, bytearray)):
            return bytes(value)
        raise Mismatch("bytes", value)


class PathKind(Kind):
    """Paths."""

    __slots__ = ()

    def convert(self, value: Any) -> object:
        """Paths and text."""
        from pathlib import Path, PurePath

        if type(value) is type(Path()):
            return value
        untagged(value)
        if isinstance(value, str):
            return Path(str.__str__(value))
        if isinstance(value, PurePath):
            return Path(str(value))
        raise Mismatch("Path", value)

    def fits(self, value: Any) -> bool:
        """Any path object."""
        return is_path(value)


class InstanceKind(Kind):
    """Members of an Enum, or configurations of a class."""

    __slots__ = ("cls",)

    def __init__(self, cls: type, holds: bool) -> None:
        super().__init__(cls.__qualname__, holds=holds)
        self.cls = cls

    def convert(self, value: Any) -> object:
        """Instances, as they are."""
        if isinstance(value, self.cls) and (not self.holds or hasattr(type(value), "__xpm__")):
            return value
        raise Mismatch(self.name, value, hint=self._hint(value))

    def _hint(self, value: object) -> str:
        if isinstance(value, type):
            return f"give an instance: {value.__name__}(...)"
        if getattr(type(value), "_xpm_mark", ""):
            return "mark the whole argument: tag(...) or stop_tags(...) around all of it"
        if not self.holds:
            members: dict[str, Any] = dict(getattr(self.cls, "__members__", {}))
            for name, each in members.items():
                if value == name or value == each.value:
                    return f"write {self.name}.{name}"
            return f"one of {', '.join(f'{self.name}.{each}' for each in members)}"
        return ""

    def fits(self, value: Any) -> bool:
        """Instances."""
        return isinstance(value, self.cls)


def is_path(value: object) -> bool:
    """Whether it is a path of pathlib (which is not imported for asking)."""
    pathlib = sys.modules.get("pathlib")
    return pathlib is not None and isinstance(value, pathlib.PurePath)


def is_enum(value: object) -> bool:
    """Whether it is a member of an Enum."""
    enum = sys.modules.get("enum")
    return enum is not None and isinstance(value, enum.Enum)
