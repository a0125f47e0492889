"""What arguments are, for people: the docstrings under them, read from the source when somebody asks."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from xpm.plan.description import Argument


def help_of(cls: type[Any], argument: Argument) -> str:
    """The help of an argument: the given one, else the nearest docstring under its name; empty without either."""
    if argument.help:
        return argument.help
    for each in cls.__mro__:
        if "__xpm__" in vars(each):
            found = docstrings(each).get(argument.name)
            if found:
                return found
    return ""


def docstrings(cls: type[Any]) -> dict[str, str]:
    """The docstrings under the names in the body of one class; none where its source is not there."""
    if cls not in _read:
        _read[cls] = _parse(cls)
    return _read[cls]


_read: dict[type[Any], dict[str, str]] = {}


def _parse(cls: type[Any]) -> dict[str, str]:
    import ast
    import inspect
    import textwrap

    try:
        source = inspect.getsource(cls)
        body = ast.parse(textwrap.dedent(source)).body[0]
    except (
        OSError,
        TypeError,
        SyntaxError,
        IndexError,
    ):  # made by type(), typed in, or shipped without source
        return {}
    if not isinstance(body, ast.ClassDef):
        return {}
    found: dict[str, str] = {}
    for statement, below in zip(body.body, body.body[1:]):
        target = statement.target if isinstance(statement, ast.AnnAssign) else None
        if not isinstance(target, ast.Name) or not isinstance(below, ast.Expr):
            continue
        text = below.value
        if isinstance(text, ast.Constant) and isinstance(text.value, str):
            found[target.id] = inspect.cleandoc(text.value)
    return found
