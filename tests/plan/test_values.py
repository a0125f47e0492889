"""What may turn into what: the table of xpm/plan/types.py, whole."""

# ruff: noqa: UP006, UP007, UP035, UP042, UP045

import enum
import fractions
from collections.abc import Mapping, Sequence
from decimal import Decimal
from pathlib import Path, PurePosixPath
from types import MappingProxyType
from typing import Annotated, Any, Dict, List, Literal, NewType, Optional, Tuple, TypeVar, Union

import pytest

from xpm.plan.kinds import Mismatch
from xpm.plan.types import compile_type


class Color(enum.Enum):
    RED = 1
    BLUE = 2


class Level(enum.IntEnum):
    LOW = 1


class Word(str, enum.Enum):
    A = "a"


class Index:
    """What numpy's integers look like."""

    def __index__(self) -> int:
        return 5


class Single:
    """What numpy's floats look like."""

    def __init__(self, value: float) -> None:
        self.value = value

    def __float__(self) -> float:
        return self.value

    def __eq__(self, other: object) -> bool:
        return self.value == other

    def __hash__(self) -> int:
        return hash(self.value)


class Text(str):
    """A str of one's own."""


UserId = NewType("UserId", int)
T = TypeVar("T")
Bound = TypeVar("Bound", bound=int)
Choice = TypeVar("Choice", int, str)

ACCEPTED: list[tuple[Any, object, object]] = [
    (bool, True, True),
    (int, 3, 3),
    (int, -(10**30), -(10**30)),
    (int, Index(), 5),
    (int, Level.LOW, 1),
    (float, 1.5, 1.5),
    (float, 3, 3.0),
    (float, Single(0.25), 0.25),
    (float, Decimal("0.5"), 0.5),
    (float, fractions.Fraction(1, 4), 0.25),
    (str, "a", "a"),
    (str, Text("a"), "a"),
    (str, Word.A, "a"),
    (bytes, b"a", b"a"),
    (bytes, bytearray(b"a"), b"a"),
    (Path, Path("a"), Path("a")),
    (Path, "a/b", Path("a/b")),
    (Path, PurePosixPath("a"), Path("a")),
    (Path, Word.A, Path("a")),
    (Color, Color.RED, Color.RED),
    (None, None, None),
    (list, [1, "a"], [1, "a"]),
    (list[int], (1, 2), [1, 2]),
    (List[float], [1], [1.0]),
    (list[list[float]], [[1], []], [[1.0], []]),
    (Sequence[int], (1, 2), [1, 2]),
    (tuple[int, ...], [1, 2], (1, 2)),
    (tuple[int, float], [1, 2], (1, 2.0)),
    (Tuple[int, str], (1, "a"), (1, "a")),
    (tuple, (1, "a"), (1, "a")),
    (set[int], {1}, {1}),
    (set[int], frozenset({1}), {1}),
    (frozenset[int], {1}, frozenset({1})),
    (dict[str, float], {"b": 1, "a": 2}, {"b": 1.0, "a": 2.0}),
    (Dict[int, int], {1: 2}, {1: 2}),
    (Mapping[str, int], MappingProxyType({"a": 1}), {"a": 1}),
    (Optional[int], None, None),
    (Optional[float], 3, 3.0),
    (Union[int, float], 3, 3),
    (Union[int, float], 3.0, 3.0),
    (Union[float, str], 3, 3.0),
    (Union[int, bool], True, True),
    (Union[str, Word], Word.A, Word.A),
    (Union[list[int], list[str]], ["a"], ["a"]),
    (int | None, None, None),
    (Literal["a", 1], 1, 1),
    (Annotated[int, "units"], 3, 3),
    (UserId, 3, 3),
    (T, "anything", "anything"),
    (Bound, 3, 3),
    (Choice, "a", "a"),
    (Any, Level.LOW, Level.LOW),
    (Any, {"a": [(1,)]}, {"a": [(1,)]}),
    (object, Path("a"), Path("a")),
    (object, bytearray(b"a"), b"a"),
]

REFUSED: list[tuple[Any, object, str]] = [
    (bool, 1, ""),
    (bool, "yes", ""),
    (int, True, ""),
    (int, 3.0, ""),
    (int, "3", ""),
    (int, None, ""),
    (float, "0.1", ""),
    (float, True, ""),
    (float, 2**53 + 1, ""),
    (float, Decimal("0.1"), ""),
    (float, fractions.Fraction(1, 3), ""),
    (float, 10**400, ""),
    (float, 1j, ""),
    (str, 3, ""),
    (str, b"a", ""),
    (bytes, "a", ""),
    (Path, 3, ""),
    (Path, b"a", ""),
    (Color, 1, ""),
    (Color, "RED", ""),
    (None, 0, ""),
    (list[int], "12", ""),
    (list[int], {1}, ""),
    (list[int], [1, "a"], "[1]"),
    (list[list[int]], [[1], [2, "a"]], "[1][1]"),
    (tuple[int, int], (1,), ""),
    (tuple[int, int], (1, 2, 3), ""),
    (tuple[int, int], (1, "a"), "[1]"),
    (set[int], [1], ""),
    (dict[str, int], [("a", 1)], ""),
    (dict[str, int], {"a": "b"}, "['a']"),
    (dict[str, int], {1: 1}, "[1]"),
    (Optional[int], "a", ""),
    (Union[int, str], 1.5, ""),
    (Literal["a", 1], True, ""),
    (Literal["a", 1], "b", ""),
    (Any, object(), ""),
    (Any, [1j], "[0]"),
    (Any, print, ""),
]


@pytest.mark.parametrize(("declared", "given", "normal"), ACCEPTED)
def test_a_value_the_type_accepts_has_its_normal_form(
    declared: Any, given: object, normal: object
) -> None:
    found = compile_type(declared, eval).convert(given)

    assert (type(normal), normal) == (type(found), found)


@pytest.mark.parametrize(("declared", "given", "path"), REFUSED)
def test_a_value_of_another_type_is_refused_where_it_is(
    declared: Any, given: object, path: str
) -> None:
    with pytest.raises(Mismatch) as refused:
        compile_type(declared, eval).convert(given)

    assert path == refused.value.path


@pytest.mark.parametrize(("declared", "given", "normal"), ACCEPTED)
def test_a_normal_form_is_its_own_normal_form(declared: Any, given: object, normal: object) -> None:
    kind = compile_type(declared, eval)

    found = kind.convert(normal)

    assert kind.fits(normal)
    assert (type(normal), normal) == (type(found), found)


@pytest.mark.parametrize(
    "declared", [complex, type, range, print, 3, "no such name", type(Ellipsis)]
)
def test_a_type_xpm_cannot_keep_is_refused(declared: Any) -> None:
    with pytest.raises((TypeError, NameError, SyntaxError)):
        compile_type(declared, eval)


def test_nan_is_a_float() -> None:
    found = compile_type(float, eval).convert(float("nan"))

    assert str(found) == "nan"
