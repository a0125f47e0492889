"""The refusals of the plan language that Python has a name for too."""

from __future__ import annotations

from xpm.errors import PlanProblem
from xpm.plan import places


class WrongValue(PlanProblem, TypeError):
    """A value is not of the type its argument declares."""


class UnknownArgument(PlanProblem, TypeError, AttributeError):
    """There is no argument of this name."""


class NoValue(PlanProblem, AttributeError):
    """The argument has no value yet."""


class AlreadySealed(PlanProblem, AttributeError):
    """The configuration is sealed: its values are fixed for ever."""


class Definition(PlanProblem, TypeError):
    """A class or a function cannot be a configuration or a task as it is written."""


def a(value: object) -> str:
    """What a value is, in words: ``an int``."""
    name = type(value).__name__
    return f"{'an' if name[0] in 'aeiouAEIO' else 'a'} {name}"


def require_config(value: object, function: str) -> None:
    """Refuse what is no configuration, as a value given to one of our functions."""
    if not hasattr(type(value), "__xpm__"):
        hint = f"give an instance: {value.__name__}(...)" if isinstance(value, type) else ""
        raise PlanProblem(
            f"{function} takes a configuration or a task, got {a(value)}",
            hint=hint,
            where=places.show(places.caller()),
        )


def nearest(name: str, known: list[str], others: list[str] | None = None) -> str:
    """A hint naming the known word closest to a wrong one; others may be meant too, but are not listed."""
    import difflib

    found = difflib.get_close_matches(name, known, n=1, cutoff=0.6)
    found = found or [each for each in known if _begin_alike(name, each)]
    found = found or difflib.get_close_matches(name, others or (), n=1, cutoff=0.6)
    listed = "arguments: " + ", ".join(known) if known else "it has no arguments"
    return f"did you mean {found[0]!r}? ({listed})" if found else listed


def _begin_alike(name: str, known: str) -> bool:
    """Whether one is the beginning of the other: ``lrate`` and ``lr``."""
    short, long = sorted((name.lower(), known.lower()), key=len)
    return len(short) > 1 and long.startswith(short)


def refuse_unmade(cls: type) -> Definition:
    """Why a configuration has no values: its class makes objects in a way of its own."""
    if "__dataclass_fields__" in vars(cls):
        return Definition(
            f"{cls.__name__} is made by @dataclass, and can keep no values so",
            hint="take @dataclass away: arguments (name: Param[type]) are given by name without it",
        )
    return Definition(
        f"{cls.__name__} is made in a way of its own, and can keep no values so",
        hint="let __init__ and __new__ be those of its base, and use __post_init__(self)",
    )
