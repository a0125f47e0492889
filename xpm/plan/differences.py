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
    """A value that does not count for the identity and is not the same, as documents write it.

    ``kind``: "default" (an ignorable default has changed), "added" or "gone" (an argument with such a default), "path"
    or "meta". What was added has no ``old`` value, what is gone no ``new`` one: GONE.
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


def shown(value: Any) -> str:
    """A value of a document as a plan would write it, as near as needed to recognise it."""
    if isinstance(value, list):
        return f"[{', '.join(map(shown, value))}]"
    if not isinstance(value, dict):
        return repr(value)
    if "path" in value:
        return repr(value["path"])
    ((kind, content),) = value.items()
    if kind in ("tuple", "set", "frozenset"):
        return f"{kind}({shown(content)})"
    if kind == "dict":
        return f"{{{', '.join(f'{shown(key)}: {shown(each)}' for key, each in content)}}}"
    if kind in ("enum", "flag"):
        return str(content[1])
    return "a configuration" if kind == "node" else str(content)


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
            kind = next(iter(old))
            if kind == "node":
                stack.append((old["node"], new["node"], path, meta))
            elif kind == "dict" and len(old["dict"]) == len(new["dict"]):
                self._dicts(old["dict"], new["dict"], path, meta, stack)
            elif kind in ("tuple", "set", "frozenset"):
                self.values(old[kind], new[kind], path, meta, stack)
            elif kind not in ("enum", "flag") or not self._is_same_member(old[kind], new[kind]):
                self._note(old, new, path, meta)
        elif isinstance(old, list) and isinstance(new, list) and len(old) == len(new):
            for index, (one, other) in enumerate(zip(old, new)):
                self.values(one, other, f"{path}[{index}]", meta, stack)
        else:
            self._note(old, new, path, meta)

    def _is_same_member(self, old: Any, new: Any) -> bool:
        before, after = self.old["types"][old[0]], self.new["types"][new[0]]
        by = "id" if "id" in before and "id" in after else "name"
        return (before[by], old[1]) == (after[by], new[1])

    def _dicts(self, old: Any, new: Any, path: str, meta: bool, stack: list[Any]) -> None:
        """Compare two dictionaries, whatever the order of their keys."""
        before, after = sorted(old, key=repr), sorted(new, key=repr)
        for (key, one), (_, other) in zip(before, after):
            self.values(one, other, f"{path}[{key!r}]", meta, stack)

    def _note(self, old: Any, new: Any, path: str, meta: bool) -> None:
        if type(old) is type(new) and repr(old) == repr(new):
            return
        if meta:
            kind = "meta"
        elif GONE in (old, new):
            kind = "added" if old == GONE else "gone"
        else:
            both = isinstance(old, dict) and isinstance(new, dict)
            kind = "path" if both and "path" in old and "path" in new else "default"
        self.found.append(Difference(path, kind, old, new))
