"""The refusals of the plan language that Python has a name for too."""

from __future__ import annotations

from xpm.errors import PlanProblem


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


def nearest(name: str, known: list[str]) -> str:
    """A hint naming the known word closest to a wrong one."""
    import difflib

    found = difflib.get_close_matches(name, known, n=1, cutoff=0.6)
    listed = "arguments: " + ", ".join(known) if known else "it has no arguments"
    return f"did you mean {found[0]!r}? ({listed})" if found else listed
