"""``extends``: a table that starts from another one, keyed mappings merged by name, all else replaced."""

from collections.abc import Mapping

from xpm.launchers.report import Report, did_you_mean
from xpm.launchers.tree import Leaf, Node, Table

ALTERNATIVES = (frozenset(("connector", "connectors")),)
"""Keys of a launcher of which the nearer one replaces the others; a profile's own ``connectors`` is a mapping."""


def merge(base: Table, over: Table) -> Table:
    """``over`` upon ``base``; every value keeps the mark of where it was written."""
    items: dict[str, Node] = dict(base.items)
    for keys in ALTERNATIVES:
        if any(key in over.items and not isinstance(over.items[key], Table) for key in keys):
            items = {key: value for key, value in items.items() if key not in keys}
    for key, value in over.items.items():
        below = items.get(key)
        both = isinstance(below, Table) and isinstance(value, Table)
        items[key] = merge(below, value) if both else value  # type: ignore[arg-type]
    marks = {**base.keys, **over.keys}
    return Table(items, {key: marks[key] for key in items}, over.mark)


class Family:
    """Tables that may start from each other, or from ``ancestors``; owned by one reading of a profile."""

    def __init__(
        self,
        what: str,
        path: str,
        members: Table,
        report: Report,
        ancestors: "Family | None" = None,
    ) -> None:
        self.names = [
            name for name, node in members.items.items() if isinstance(node, Table | Leaf)
        ]
        self._what = what
        self._path = path
        self._members = members
        self._report = report
        self._ancestors = ancestors
        self._done: dict[str, Table] = {}

    def all(self) -> Mapping[str, Table]:
        """Every member, merged with what it extends."""
        return {name: self.member(name, ()) for name in self.names}

    def member(self, name: str, children: tuple[str, ...]) -> Table:
        """One member; ``children`` are those that were asked for before, from the outermost on."""
        if name not in self._done:
            self._done[name] = self._resolve(name, children)
        return self._done[name]

    def _resolve(self, name: str, children: tuple[str, ...]) -> Table:
        table = self._members.table(name)
        parent = table.text("extends")
        if parent is None:
            return table
        own = {key: value for key, value in table.items.items() if key != "extends"}
        table = Table(own, {key: table.keys[key] for key in own}, table.mark)
        chain = (*children, name)
        if parent in chain:
            circle = " -> ".join([*chain[chain.index(parent) :], parent])
            self._say(name, f"extends in a circle: {circle}")
            return table
        if parent in self.names:
            return merge(self.member(parent, chain), table)
        if self._ancestors is not None and parent in self._ancestors.names:
            return merge(self._ancestors.member(parent, ()), table)
        known = self.names + (self._ancestors.names if self._ancestors else [])
        hint = did_you_mean(parent, (other for other in known if other != name), "known")
        self._say(name, f"unknown {self._what} {parent!r}{hint}")
        return table

    def _say(self, name: str, words: str) -> None:
        node = self._members.table(name).items["extends"]
        self._report.problem(node.mark, f"{self._path}.{name}.extends", words)
