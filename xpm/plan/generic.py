"""Type variables of generic configurations, and what their subclasses say they are."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


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
