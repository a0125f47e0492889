"""What a profile file says, as plain values that remember where they were written."""

from collections.abc import Mapping
from dataclasses import dataclass, field

Scalar = str | int | float | bool | None


@dataclass(frozen=True, slots=True)
class Mark:
    """A place in a file; line and column count from 1. Line 0: not in a file, ``file`` says where."""

    file: str
    line: int
    column: int

    def __str__(self) -> str:
        return f"{self.file}:{self.line}" if self.line else self.file

    @property
    def exact(self) -> str:
        """With the column, for errors inside a line."""
        return f"{self.file}:{self.line}:{self.column}" if self.line else self.file


@dataclass(frozen=True, slots=True)
class Leaf:
    """A scalar."""

    value: Scalar
    mark: Mark


@dataclass(frozen=True, slots=True)
class Items:
    """A list."""

    items: tuple["Node", ...]
    mark: Mark


@dataclass(frozen=True, slots=True)
class Table:
    """A mapping; ``keys`` says where each key was written."""

    items: Mapping[str, "Node"]
    keys: Mapping[str, Mark]
    mark: Mark = field(compare=False)

    def text(self, key: str) -> str | None:
        """The value of ``key`` when it is text."""
        node = self.items.get(key)
        return node.value if isinstance(node, Leaf) and isinstance(node.value, str) else None

    def table(self, key: str) -> "Table":
        """The mapping under ``key``, an empty one when there is none."""
        node = self.items.get(key)
        return node if isinstance(node, Table) else Table({}, {}, self.mark)


Node = Leaf | Items | Table


def plain(node: Node) -> object:
    """The same as dicts, lists and scalars."""
    if isinstance(node, Table):
        return {key: plain(value) for key, value in node.items.items()}
    if isinstance(node, Items):
        return [plain(item) for item in node.items]
    return node.value
