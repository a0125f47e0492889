"""Where two documents of one identity differ."""

# Values of any type pass here.
# pyright: reportUnknownArgumentType=false, reportUnknownVariableType=false

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

Document = dict[str, Any]
GONE = {"absent": True}


@dataclass(frozen=True)
class Difference:
    """A value that does not count for the identity and is not the same.

    ``kind``: "default" (an ignorable default has changed), "path" or "meta".
    """

    argument: str
    kind: str
    old: object
    new: object


def differences(old: Document, new: Document) -> list[Difference]:
    """All differences between two documents of the same identity, by argument path."""
    comparison = _Comparison(old, new)
    comparison.nodes(old["root"], new["root"], "")
    return comparison.found


class _Comparison:
    """Walks two documents side by side, each pair of nodes once."""

    def __init__(self, old: Document, new: Document) -> None:
        self.old = old
        self.new = new
        self.found: list[Difference] = []
        self.seen: set[tuple[int, int]] = set()

    def nodes(self, old: int, new: int, path: str, meta: bool = False) -> None:
        """Compare two configurations."""
        stack = [(old, new, path, meta)]
        while stack:
            one, other, path, meta = stack.pop()
            if (one, other) in self.seen:
                continue
            self.seen.add((one, other))
            before, after = self.old["nodes"][one], self.new["nodes"][other]
            if "values" not in before or "values" not in after:
                continue  # another job, which is compared by itself
            meta = meta or bool(before.get("meta") and after.get("meta"))
            uncounted = set(self.old["types"][before["type"]].get("meta", ()))
            uncounted &= set(self.new["types"][after["type"]].get("meta", ()))
            for name in [*before["values"], *(set(after["values"]) - set(before["values"]))]:
                below = f"{path}.{name}" if path else name
                self.values(
                    before["values"].get(name, GONE),
                    after["values"].get(name, GONE),
                    below,
                    meta or name in uncounted,
                    stack,
                )

    def values(self, old: Any, new: Any, path: str, meta: bool, stack: list[Any]) -> None:
        """Compare two values; configurations in them are put on the stack."""
        if isinstance(old, dict) and isinstance(new, dict) and set(old) == set(new):
            if "node" in old:
                stack.append((old["node"], new["node"], path, meta))
            elif "path" in old:
                self._note(old, new, path, "meta" if meta else "path")
            elif "dict" in old and len(old["dict"]) == len(new["dict"]):
                self._dicts(old["dict"], new["dict"], path, meta, stack)
            elif len(old) == 1 and isinstance(next(iter(old.values())), list) and "enum" not in old:
                ((kind, items),) = old.items()
                self.values(items, new[kind], path, meta, stack)
            else:
                self._note(old, new, path, "meta" if meta else "default")
        elif isinstance(old, list) and isinstance(new, list) and len(old) == len(new):
            for index, (one, other) in enumerate(zip(old, new)):
                self.values(one, other, f"{path}[{index}]", meta, stack)
        else:
            self._note(old, new, path, "meta" if meta else "default")

    def _dicts(self, old: Any, new: Any, path: str, meta: bool, stack: list[Any]) -> None:
        """Compare two dictionaries, whatever the order of their keys."""
        before, after = sorted(old, key=repr), sorted(new, key=repr)
        for (key, one), (_, other) in zip(before, after):
            self.values(one, other, f"{path}[{key!r}]", meta, stack)

    def _note(self, old: Any, new: Any, path: str, kind: str) -> None:
        if type(old) is not type(new) or repr(old) != repr(new):
            self.found.append(Difference(path, kind, old, new))
