"""Lists, mappings and records of kinds (kinds.py): how a whole profile is described, read and checked at once.

The same definitions give the JSON schema that editors use (``schema`` of every kind).
"""

# ruff: noqa: D102 - the methods are those of Kind, described there.

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TypeVar, cast

from xpm.launchers.kinds import Kind, Unit, expected
from xpm.launchers.report import Report, did_you_mean, nearest
from xpm.launchers.tree import Items, Leaf, Mark, Node, Table

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Values:
    """A mapping that was read: values by key, each with the mark of its key."""

    values: Mapping[str, object]
    marks: Mapping[str, Mark]
    mark: Mark

    def get(self, key: str, kind: type[T]) -> T | None:
        """The value of ``key`` when it is there and was right."""
        value = self.values.get(key)
        return value if isinstance(value, kind) else None

    def items(self, key: str) -> tuple[object, ...]:
        """The list under ``key``."""
        value = self.values.get(key)
        return cast("tuple[object, ...]", value) if isinstance(value, tuple) else ()

    def texts(self, key: str) -> tuple[str, ...]:
        """The list of text under ``key``."""
        return tuple(text for text in self.items(key) if isinstance(text, str))

    def tables(self, key: str) -> Iterator[tuple[str, "Values"]]:
        """The mappings inside the mapping ``key``."""
        inner = self.get(key, Values)
        for name, value in inner.values.items() if inner else ():
            if isinstance(value, Values):
                yield name, value

    def where(self, key: str) -> Mark:
        """The mark of ``key``, or of the whole."""
        return self.marks.get(key, self.mark)


@dataclass(frozen=True, slots=True)
class Either:
    """Values of one of several kinds, told apart by their shape."""

    kinds: tuple[Kind, ...]

    @property
    def words(self) -> str:
        return " or ".join(kind.words for kind in self.kinds)

    def fits(self, node: Node) -> bool:
        return any(kind.fits(node) for kind in self.kinds)

    def read(self, node: Node, path: str, report: Report) -> object | None:
        fitting = [kind for kind in self.kinds if kind.fits(node)]
        for kind in fitting:
            quiet = Report()
            value = kind.read(node, path, quiet)
            if (value is not None and not quiet.problems) or kind is fitting[-1]:
                report.problems += quiet.problems
                report.notes += quiet.notes
                return value
        expected(self, node, path, report)
        return None

    def schema(self) -> dict[str, object]:
        return {"anyOf": [kind.schema() for kind in self.kinds]}


@dataclass(frozen=True, slots=True)
class ListOf:
    """A list; read as a tuple."""

    kind: Kind
    example: str = ""
    least: int = 0

    @property
    def words(self) -> str:
        return "a list" if self.least == 0 else "a list that is not empty"

    def fits(self, node: Node) -> bool:
        return isinstance(node, Items)

    def read(self, node: Node, path: str, report: Report) -> tuple[object, ...] | None:
        if not isinstance(node, Items) or len(node.items) < self.least:
            expected(self, node, path, report, self.example)
            return None
        found = [
            self.kind.read(item, f"{path}[{index}]", report)
            for index, item in enumerate(node.items)
        ]
        return tuple(value for value in found if value is not None)

    def schema(self) -> dict[str, object]:
        least: dict[str, object] = {"minItems": self.least} if self.least else {}
        return {"type": "array", "items": self.kind.schema(), **least}


@dataclass(frozen=True, slots=True)
class MapOf:
    """A mapping whose keys the user names."""

    kind: Kind
    keys: str = r"\S+"
    example: str = ""
    name: str = "name"

    @property
    def words(self) -> str:
        return "a mapping"

    def fits(self, node: Node) -> bool:
        return isinstance(node, Table) or (isinstance(node, Leaf) and node.value is None)

    def read(self, node: Node, path: str, report: Report) -> Values | None:
        if isinstance(node, Leaf) and node.value is None:
            return Values({}, {}, node.mark)
        if not isinstance(node, Table):
            expected(self, node, path, report, self.example)
            return None
        values: dict[str, object] = {}
        for key, value in node.items.items():
            if not re.fullmatch(self.keys, key):
                report.problem(node.keys[key], path, f"{key!r} cannot be a {self.name}")
            read = self.kind.read(value, f"{path}.{key}", report)
            if read is not None:
                values[key] = read
        return Values(values, node.keys, node.mark)

    def schema(self) -> dict[str, object]:
        return {
            "type": ["object", "null"],
            "propertyNames": {"pattern": f"^{self.keys}$"},
            "additionalProperties": self.kind.schema(),
        }


def _remark(key: "Key") -> str:
    return f" ({key.idle})" if key.idle else ""


def _such(key: str, example: str) -> str:
    return f" (example: {key}: {example})" if example else ""


def example_of(kind: Kind) -> str:
    """A value of this kind, as a person would write it; empty where any text would do."""
    if isinstance(kind, Either):
        return next((such for each in kind.kinds if (such := example_of(each))), "")
    if isinstance(kind, ListOf) and not kind.example:
        inner = example_of(kind.kind)
        return f"[{inner}]" if inner else ""
    example: str = getattr(kind, "example", "")
    return re.split(r"[ ,]", example)[0] if isinstance(kind, Unit) else example


@dataclass(frozen=True, slots=True)
class Key:
    """One key of a record: its values, what it is for, and why it has no effect, where that is so.

    ``idle`` keys give a note of these words; values in ``usual`` say what happens anyway: no note.
    """

    kind: Kind
    doc: str
    idle: str = ""
    usual: tuple[object, ...] = ()


@dataclass(frozen=True, slots=True)
class Record:
    """A mapping with known keys."""

    fields: Mapping[str, Key]
    example: str = ""
    elsewhere: Sequence[str] = field(default_factory=tuple)
    """Records inside this one whose keys people write here by mistake."""

    @property
    def words(self) -> str:
        return "a mapping"

    def fits(self, node: Node) -> bool:
        return isinstance(node, Table) or (isinstance(node, Leaf) and node.value is None)

    def read(self, node: Node, path: str, report: Report) -> Values | None:
        if isinstance(node, Leaf) and node.value is None:
            return Values({}, {}, node.mark)
        if not isinstance(node, Table):
            expected(self, node, path, report, self.example)
            return None
        values: dict[str, object] = {}
        for name, value in node.items.items():
            here = f"{path}.{name}" if path else name
            known = self.fields.get(name)
            if known is None:
                report.problem(node.keys[name], here, f"unknown key{self._meant(name)}")
                continue
            inner = Report() if known.idle else report
            read = known.kind.read(value, here, inner)
            if known.idle:
                report.problems += inner.problems
                if read is not None and read not in known.usual:
                    report.note(node.keys[name], here, known.idle)
            if read is not None:
                values[name] = read
        return Values(values, node.keys, node.mark)

    def _meant(self, name: str) -> str:
        for inner in self.elsewhere:
            record = self.fields[inner].kind
            if isinstance(record, Record) and name in record.fields:
                such = example_of(record.fields[name].kind)
                return f", did you mean '{inner}.{name}'?" + _such(
                    inner, f"{{{name}: {such}}}" if such else ""
                )
        near = nearest(name, self.fields)
        if near is not None:
            such = example_of(self.fields[near].kind)
            return f", did you mean {near!r}?{_such(near, such)}"
        return did_you_mean(name, self.fields, "known here")

    def schema(self) -> dict[str, object]:
        properties = {
            name: {
                "description": key.doc + _remark(key),
                **key.kind.schema(),
            }
            for name, key in self.fields.items()
        }
        return {"type": ["object", "null"], "additionalProperties": False, "properties": properties}
