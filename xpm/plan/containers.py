"""The kinds of values that hold others: containers, alternatives, and anything."""

# Values of any type pass here.
# pyright: reportUnknownArgumentType=false, reportUnknownLambdaType=false, reportUnknownMemberType=false, reportUnknownVariableType=false

from __future__ import annotations

from xpm.plan.kinds import FloatKind, IntKind, Kind, Mismatch, PathKind, is_enum, is_path, untagged

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Callable


class AnyKind(Kind):
    """Anything xpm can keep."""

    __slots__ = ()

    def convert(self, value: Any) -> object:
        """Each value as it is, containers copied."""
        kind = type(value)
        if kind in _ATOMS or hasattr(kind, "__xpm__"):
            return value
        untagged(value)
        if is_enum(value):
            return value
        if is_path(value):
            return PathKind("Path").convert(value)
        container = next((each for each in _CONTAINERS if isinstance(value, each)), None)
        if container is not None:
            return _CONTAINERS[container].convert(value)
        if isinstance(value, str):
            return str.__str__(value)
        if hasattr(kind, "__index__"):
            return IntKind("int").convert(value)
        if hasattr(kind, "__float__"):
            return FloatKind("float").convert(value)
        if isinstance(value, bytearray):
            return bytes(value)
        hint = "numbers, text, bytes, paths, Enum members, containers of them, configurations"
        if isinstance(value, type) and hasattr(value, "__xpm__"):
            hint = f"give an instance: {value.__name__}(...)"
        raise Mismatch("a value xpm can keep", value, hint=hint)

    def fits(self, value: Any) -> bool:
        """True: the value needs no other form."""
        return True


class ListKind(Kind):
    """Lists, tuples of any length, sets."""

    __slots__ = ("accepted", "item", "make")

    def __init__(self, make: Callable[[Any], Any], item: Kind, accepted: tuple[type, ...]) -> None:
        self.make = make
        self.item = item
        self.accepted = accepted
        base = make.__name__
        inner = f"{item.name}, ..." if base == "tuple" else item.name
        super().__init__(f"{base}[{inner}]", holds=item.holds, mutable=True)

    def convert(self, value: Any) -> object:
        """A new container of normal forms."""
        if type(value) not in self.accepted and not issubclass(type(value), self.accepted):
            hint = f"give {self.make.__name__}(...) of it" if hasattr(value, "__iter__") else ""
            if isinstance(value, (str, bytes)):
                hint = f"text is not taken apart: give {self.make.__name__}([...])"
            raise Mismatch(self.name, value, hint=hint)
        convert, fast = self.item.convert, self.item.fast
        done: list[object] = []
        for index, each in enumerate(value):
            try:
                done.append(each if type(each) is fast else convert(each))
            except Mismatch as error:
                raise error.below(f"[{index}]") from None
        return self.make(done)

    def fits(self, value: Any) -> bool:
        """The very container, of items that fit."""
        return isinstance(value, self.make) and all(self.item.fits(each) for each in value)  # type: ignore[arg-type]


class TupleKind(Kind):
    """Tuples of a declared length."""

    __slots__ = ("items",)

    def __init__(self, items: tuple[Kind, ...]) -> None:
        self.items = items
        name = f"tuple[{', '.join(each.name for each in items) or '()'}]"
        super().__init__(name, holds=any(each.holds for each in items), mutable=True)

    def convert(self, value: Any) -> object:
        """A tuple of normal forms."""
        if not isinstance(value, (tuple, list)) or len(value) != len(self.items):
            raise Mismatch(self.name, value)
        done: list[object] = []
        for index, (kind, each) in enumerate(zip(self.items, value)):
            try:
                done.append(kind.convert(each))
            except Mismatch as error:
                raise error.below(f"[{index}]") from None
        return tuple(done)

    def fits(self, value: Any) -> bool:
        """A tuple of that length whose items fit."""
        return (
            isinstance(value, tuple)
            and len(value) == len(self.items)
            and all(kind.fits(each) for kind, each in zip(self.items, value))
        )


class DictKind(Kind):
    """Dictionaries."""

    __slots__ = ("key", "value")

    def __init__(self, key: Kind, value: Kind) -> None:
        self.key = key
        self.value = value
        super().__init__(
            f"dict[{key.name}, {value.name}]", holds=key.holds or value.holds, mutable=True
        )

    def convert(self, value: Any) -> object:
        """A new dictionary of normal forms, in the given order."""
        if not isinstance(value, dict):
            if not (hasattr(value, "keys") and hasattr(value, "__getitem__")):
                hint = "give dict(...) of it" if isinstance(value, (list, tuple)) and value else ""
                raise Mismatch(self.name, value, hint=hint)
            value = {key: value[key] for key in value}
        done: dict[object, object] = {}
        for key, each in value.items():
            try:
                done[self.key.convert(key)] = self.value.convert(each)
            except Mismatch as error:
                raise error.below(f"[{key!r}]") from None
        return done

    def fits(self, value: Any) -> bool:
        """A dictionary whose keys and values fit."""
        return isinstance(value, dict) and all(
            self.key.fits(key) and self.value.fits(each) for key, each in value.items()
        )


class UnionKind(Kind):
    """One of several types."""

    __slots__ = ("options",)

    def __init__(self, options: tuple[Kind, ...]) -> None:
        self.options = options
        super().__init__(
            " or ".join(each.name for each in options),
            holds=any(each.holds for each in options),
            mutable=any(each.mutable for each in options),
        )

    def convert(self, value: Any) -> object:
        """By the option the value fits as it is, else by the first that converts it."""
        for kind in self.options:
            if kind.fits(value):
                return kind.convert(value)
        hints = []
        for kind in self.options:
            try:
                return kind.convert(value)
            except Mismatch as error:
                hints.append(error)
        deepest = max(hints, key=lambda error: len(error.path))
        if deepest.path:
            raise deepest
        raise Mismatch(self.name, value, hint=next((e.hint for e in hints if e.hint), ""))

    def fits(self, value: Any) -> bool:
        """Any option it fits."""
        return any(kind.fits(value) for kind in self.options)


class LiteralKind(Kind):
    """One of several values."""

    __slots__ = ("values",)

    def __init__(self, values: tuple[object, ...]) -> None:
        self.values = values
        super().__init__(f"one of {', '.join(map(repr, values))}")

    def convert(self, value: Any) -> object:
        """The member of equal type and value."""
        for each in self.values:
            if type(each) is type(value) and each == value:
                return each
        raise Mismatch(self.name, value)

    def fits(self, value: Any) -> bool:
        """A member."""
        return any(type(each) is type(value) and each == value for each in self.values)


ANY = AnyKind("any value", holds=True, mutable=True)
_ATOMS = (int, float, str, bool, type(None), bytes)
_CONTAINERS: dict[type, Kind] = {
    list: ListKind(list, ANY, (list,)),
    tuple: ListKind(tuple, ANY, (tuple,)),
    dict: DictKind(ANY, ANY),
    set: ListKind(set, ANY, (set,)),
    frozenset: ListKind(frozenset, ANY, (frozenset,)),
}
