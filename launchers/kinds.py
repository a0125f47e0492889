"""The kinds of single values a profile may hold: each reads a node, reports what is wrong, and describes itself.

A kind reads what it can: a wrong value is reported and left out, so that everything else can still be checked.
"""

# ruff: noqa: D102 - the methods are those of Kind, described there.

import math
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from xpm.launchers import units
from xpm.launchers.report import Report, did_you_mean
from xpm.launchers.tree import Items, Leaf, Node, Table


class Kind(Protocol):
    """A set of values."""

    @property
    def words(self) -> str:
        """What the values are, for "expected ..."."""
        ...

    def fits(self, node: Node) -> bool:
        """Whether the node has the right shape, before its content is looked at."""
        ...

    def read(self, node: Node, path: str, report: Report) -> object | None:
        """The value, or None after reporting why there is none."""
        ...

    def schema(self) -> dict[str, object]:
        """As a JSON schema."""
        ...


def shown(node: Node) -> str:
    """What was found, for messages."""
    if isinstance(node, Table):
        return "a mapping"
    if isinstance(node, Items):
        return "a list" if node.items else "an empty list"
    if node.value is None:
        return "nothing"
    if isinstance(node.value, bool):
        return "true" if node.value else "false"
    return repr(node.value) if isinstance(node.value, str) else str(node.value)


def expected(kind: Kind, node: Node, path: str, report: Report, example: str = "") -> None:
    """Report that the node is of another kind."""
    such = f" (example: {example})" if example else ""
    report.problem(node.mark, path, f"expected {kind.words}, found {shown(node)}{such}")


@dataclass(frozen=True, slots=True)
class Text:
    """Text; a number or truth value needs quotes."""

    example: str = ""
    pattern: str = ""
    meaning: str = "text"

    @property
    def words(self) -> str:
        return self.meaning

    def fits(self, node: Node) -> bool:
        return isinstance(node, Leaf) and isinstance(node.value, str)

    def read(self, node: Node, path: str, report: Report) -> str | None:
        if not isinstance(node, Leaf) or not isinstance(node.value, str):
            quotes = isinstance(node, Leaf) and node.value is not None
            expected(
                self, node, path, report, self.example or (f"'{shown(node)}'" if quotes else "")
            )
            return None
        if not node.value.strip() or (self.pattern and not re.fullmatch(self.pattern, node.value)):
            expected(self, node, path, report, self.example)
            return None
        if "\0" in node.value or "\n" in node.value.strip("\n"):
            report.problem(node.mark, path, "one line is expected here")
            return None
        return node.value

    def schema(self) -> dict[str, object]:
        found: dict[str, object] = {"type": "string"}
        return {**found, "pattern": f"^(?:{self.pattern})$"} if self.pattern else found


@dataclass(frozen=True, slots=True)
class Choice:
    """One of several words."""

    choices: tuple[str, ...]

    @property
    def example(self) -> str:
        """The first of them."""
        return self.choices[0]

    @property
    def words(self) -> str:
        return f"one of {', '.join(self.choices)}"

    def fits(self, node: Node) -> bool:
        return isinstance(node, Leaf) and isinstance(node.value, str)

    def read(self, node: Node, path: str, report: Report) -> str | None:
        if not isinstance(node, Leaf) or not isinstance(node.value, str):
            expected(self, node, path, report)
        elif node.value not in self.choices:
            hint = did_you_mean(node.value, self.choices, "one of")
            report.problem(node.mark, path, f"unknown value {node.value!r}{hint}")
        else:
            return node.value
        return None

    def schema(self) -> dict[str, object]:
        return {"enum": list(self.choices)}


@dataclass(frozen=True, slots=True)
class Whole:
    """A whole number."""

    least: int = 0
    example: str = "4"

    @property
    def words(self) -> str:
        return "a whole number" if self.least == 0 else f"a whole number, {self.least} or more"

    def fits(self, node: Node) -> bool:
        return isinstance(node, Leaf) and isinstance(node.value, int | float)

    def read(self, node: Node, path: str, report: Report) -> int | None:
        value = node.value if isinstance(node, Leaf) else None
        if isinstance(value, int) and not isinstance(value, bool) and self.least <= value < 2**53:
            return value
        expected(self, node, path, report, self.example)
        return None

    def schema(self) -> dict[str, object]:
        return {"type": "integer", "minimum": self.least}


@dataclass(frozen=True, slots=True)
class Number:
    """A number, zero or more."""

    example: str = "1.5"

    @property
    def words(self) -> str:
        return "a number, 0 or more"

    def fits(self, node: Node) -> bool:
        return isinstance(node, Leaf) and isinstance(node.value, int | float)

    def read(self, node: Node, path: str, report: Report) -> float | None:
        value = node.value if isinstance(node, Leaf) else None
        if isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value < math.inf:
            return float(value)
        expected(self, node, path, report)
        return None

    def schema(self) -> dict[str, object]:
        return {"type": "number", "minimum": 0}


@dataclass(frozen=True, slots=True)
class Truth:
    """True or false."""

    example: str = "true"

    @property
    def words(self) -> str:
        return "true or false"

    def fits(self, node: Node) -> bool:
        return isinstance(node, Leaf) and isinstance(node.value, bool)

    def read(self, node: Node, path: str, report: Report) -> bool | None:
        if isinstance(node, Leaf) and isinstance(node.value, bool):
            return node.value
        expected(self, node, path, report)
        return None

    def schema(self) -> dict[str, object]:
        return {"type": "boolean"}


@dataclass(frozen=True, slots=True)
class Unit:
    """A duration in seconds or a size in bytes, written with its unit."""

    meaning: str
    example: str
    pattern: str
    parse: Callable[[str], int]

    @property
    def words(self) -> str:
        return self.meaning

    def fits(self, node: Node) -> bool:
        return isinstance(node, Leaf) and not isinstance(node.value, bool | None)

    def read(self, node: Node, path: str, report: Report) -> int | None:
        if not isinstance(node, Leaf) or isinstance(node.value, bool) or node.value is None:
            expected(self, node, path, report, self.example)
            return None
        try:
            return self.parse(str(node.value))
        except units.NotAUnit as problem:
            report.problem(node.mark, path, f"{problem} (example: {self.example})")
            return None

    def schema(self) -> dict[str, object]:
        return {"type": "string", "pattern": f"^(?:{self.pattern})$"}


DURATION = Unit(
    "a duration",
    units.DURATION_EXAMPLE,
    f"{units.DURATION}|{units.CLOCK}",
    units.parse_duration,
)
SIZE = Unit("a size", units.SIZE_EXAMPLE, units.SIZE, units.parse_size)


@dataclass(frozen=True, slots=True)
class Bound:
    """A comparison such as ``>=24GB``; read as (operator, value)."""

    unit: Unit
    usual: str = "="
    """What is meant without a sign."""

    @property
    def example(self) -> str:
        """A comparison."""
        return f"'>={re.split('[ ,]', self.unit.example)[0]}'"

    @property
    def words(self) -> str:
        return f"a comparison with {self.unit.meaning}"

    def fits(self, node: Node) -> bool:
        return self.unit.fits(node)

    def read(self, node: Node, path: str, report: Report) -> units.Comparison | None:
        value = str(node.value) if isinstance(node, Leaf) else ""
        match = re.fullmatch(r"(>=|<=|>|<|==|=)? *(.+)", value)
        if not match:
            expected(self, node, path, report, f">={self.unit.example.split()[0].strip(',')}")
            return None
        number = self.unit.read(Leaf(match[2], node.mark), path, report)
        return None if number is None else units.Comparison(match[1] or self.usual, number)

    def schema(self) -> dict[str, object]:
        return {"type": "string", "pattern": f"^(?:(>=|<=|>|<|==|=)? *(?:{self.unit.pattern}))$"}
