"""Draws the table of what may turn into what, by asking the types themselves.

``python scripts/_docs/values.py`` writes docs/values.md; with ``--check`` it only tells whether it is as it would be.
"""

# ruff: noqa: UP007, UP045

import enum
import sys
from pathlib import Path, PurePosixPath
from types import MappingProxyType
from typing import Any, Literal, Optional, Union

CHECKOUT = Path(__file__).resolve().parents[2]
PAGE = CHECKOUT / "docs" / "values.md"
sys.path.insert(0, str(CHECKOUT))

from xpm import Config  # noqa: E402
from xpm.plan.kinds import Mismatch  # noqa: E402
from xpm.plan.types import compile_type  # noqa: E402


class Color(enum.Enum):
    """An Enum."""

    RED = 1

    def __repr__(self) -> str:
        return "Color.RED"


class Level(enum.IntEnum):
    """An IntEnum."""

    LOW = 3

    def __repr__(self) -> str:
        return "Level.LOW"


class Word(str, enum.Enum):  # noqa: UP042  (how plans write it)
    """A str Enum."""

    A = "a"

    def __repr__(self) -> str:
        return "Word.A"


class Integer:
    """What numpy's integers look like."""

    def __index__(self) -> int:
        return 3


class Single:
    """What numpy's floats look like."""

    def __float__(self) -> float:
        return 0.5

    def __eq__(self, other: object) -> bool:
        return other == 0.5

    __hash__ = None  # type: ignore[assignment]


class Model(Config):
    """A configuration."""


class Deep(Model):
    """One of a subclass."""


DECLARED: dict[str, Any] = {
    "bool": bool,
    "int": int,
    "float": float,
    "str": str,
    "bytes": bytes,
    "Path": Path,
    "None": None,
    "Color": Color,
    "Level": Level,
    "Word": Word,
    'Literal[3, "a"]': Literal[3, "a"],
    "Optional[int]": Optional[int],
    "Union[int, str]": Union[int, str],
    "Union[float, str]": Union[float, str],
    "list[int]": list[int],
    "tuple[int, int]": tuple[int, int],
    "tuple[int, ...]": tuple[int, ...],
    "set[int]": set[int],
    "frozenset[int]": frozenset[int],
    "dict[str, float]": dict[str, float],
    "Model": Model,
    "Deep": Deep,
    "Any": Any,
}
GIVEN: dict[str, object] = {
    "True": True,
    "3": 3,
    "3.0": 3.0,
    "0.5": 0.5,
    "2**53 + 1": 2**53 + 1,
    "numpy.int64(3)": Integer(),
    "numpy.float32(0.5)": Single(),
    "1j": 1j,
    '"a"': "a",
    '"3"': "3",
    'b"a"': b"a",
    'bytearray(b"a")': bytearray(b"a"),
    'Path("a")': Path("a"),
    'PurePosixPath("a")': PurePosixPath("a"),
    "None": None,
    "Color.RED": Color.RED,
    "Level.LOW": Level.LOW,
    "Word.A": Word.A,
    "[3, 4]": [3, 4],
    "(3, 4)": (3, 4),
    "(3, 4, 5)": (3, 4, 5),
    '[3, "a"]': [3, "a"],
    "[]": [],
    "{3}": {3},
    "frozenset({3})": frozenset({3}),
    "range(3, 5)": range(3, 5),
    '{"a": 3}': {"a": 3},
    "{3: 3}": {3: 3},
    'MappingProxyType({"a": 3})': MappingProxyType({"a": 3}),
    '[("a", 3)]': [("a", 3)],
    "Model()": Model(),
    "Deep()": Deep(),
    "Model": Model,
    "print": print,
}
HEAD = """\
# What may turn into what

<!-- Written by scripts/_docs/values.py, which asks the types themselves; scripts/docs writes it again. -->

For each value that a plan gives, the types of arguments that take it and what it becomes; every other type refuses it, with
what to write instead. Nothing is parsed from text and nothing is rounded. `Color` is an `Enum`, `Level` an `IntEnum` whose
`LOW` is 3, `Word` a `str` Enum whose `A` is `"a"`; `Model` is a configuration, `Deep` one of a subclass.

All {count} pairs of these {given} values and {declared} types:
{names}.

| given | stays as it is for | becomes | is refused by |
|---|---|---|---|
"""


def page() -> str:
    """The page."""
    names = ", ".join(f"`{each}`" for each in DECLARED)
    head = HEAD.format(
        count=len(GIVEN) * len(DECLARED), given=len(GIVEN), declared=len(DECLARED), names=names
    )
    return head + "".join(f"| {' | '.join(row(text))} |\n" for text in GIVEN)


def row(text: str) -> list[str]:
    """What becomes of one value."""
    same: list[str] = []
    changed: dict[str, list[str]] = {}
    refused = 0
    for declared in DECLARED:
        what = becomes(text, declared)
        if what is None:
            refused += 1
        elif what == "":
            same.append(_code(declared))
        else:
            changed.setdefault(what, []).append(_code(declared))
    told = "; ".join(f"{_code(what)} for {', '.join(names)}" for what, names in changed.items())
    others = "all" if refused == len(DECLARED) else "the others" if refused else ""
    return [_code(text), ", ".join(same), told, others]


def becomes(text: str, declared: str) -> str | None:
    """What a value becomes for a type: "" when it stays as it is, None when it is refused."""
    value = GIVEN[text]
    try:
        normal = compile_type(DECLARED[declared], eval).convert(value)
    except Mismatch:
        return None
    if normal is value or (type(normal) is type(value) and repr(normal) == repr(value)):
        return ""
    if isinstance(normal, Path):
        return f'Path("{normal}")'
    return repr(normal).replace("'", '"')


def _code(text: str) -> str:
    return f"`{text}`"


def main() -> None:
    """Write the page, or check it."""
    if "--check" not in sys.argv:
        PAGE.write_text(page())
    elif PAGE.read_text() != page():
        sys.exit(f"{PAGE} is not as the types are -> scripts/docs")


if __name__ == "__main__":
    main()
