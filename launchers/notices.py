"""What a profile says of notifications: whom to tell, and of what; addresses may hold secrets and are never shown."""

# ruff: noqa: D102 - the methods of Address are those of kinds.Kind.

import re
from dataclasses import dataclass, field

from xpm.launchers.kinds import Choice, Text
from xpm.launchers.report import Report
from xpm.launchers.schema import Key, ListOf, Record, Values
from xpm.launchers.tree import Leaf, Mark, Node, Table

EVENTS = ("done", "failed", "login")
_FILE = re.compile(r"[/~]\S.*")
_URL = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://\S.*|\$[A-Za-z_][A-Za-z0-9_]*|\$\{[A-Za-z_]\w*\}")


@dataclass(frozen=True, slots=True)
class Address:
    """The URL of a service, or a file of such; what is wrong with one is told without it."""

    example: str = "ntfy://$NTFY_TOPIC"

    @property
    def words(self) -> str:
        return "a URL of a service, $VARIABLE or the path of a file that has it"

    def fits(self, node: Node) -> bool:
        return isinstance(node, Leaf) and isinstance(node.value, str)

    def read(self, node: Node, path: str, report: Report) -> str | None:
        text = node.value if isinstance(node, Leaf) and isinstance(node.value, str) else ""
        if _URL.fullmatch(text) or _FILE.fullmatch(text):
            return text
        report.problem(node.mark, path, f"expected {self.words} (example: {self.example})")
        return None

    def schema(self) -> dict[str, object]:
        return Text(pattern=f"{_URL.pattern}|{_FILE.pattern}").schema()


NOTIFY = Record(
    {
        "to": Key(
            ListOf(Address(), '["ntfy://$NTFY_TOPIC"]'),
            "whom to tell: URLs as apprise has them; $VAR is this machine's; a path is a file of URLs",
        ),
        "on": Key(ListOf(Choice(EVENTS)), "what to tell of; default: all of it"),
    },
    '{to: ["ntfy://$NTFY_TOPIC"], on: [failed, login]}',
)


@dataclass(frozen=True, slots=True)
class Notify:
    """Whom to tell of what; says nothing of its addresses when it is shown."""

    to: tuple[str, ...] = field(default=(), repr=False)
    on: frozenset[str] = frozenset(EVENTS)
    where: str = ""
    """File and line."""


NOBODY = Notify()


def read_notify(tree: Table, report: Report) -> Notify:
    """The section ``notify``; nobody is told without it."""
    if "notify" not in tree.items:
        return NOBODY
    said = tree.table("notify")
    values = NOTIFY.read(said, "", Report()) or Values({}, {}, said.mark)
    if "to" not in values.marks:
        report.note(said.mark, "notify", "has no effect without 'to:'")
    on = values.texts("on") if "on" in values.marks else EVENTS
    return Notify(values.texts("to"), frozenset(on), str(_mark(tree)))


def _mark(tree: Table) -> Mark:
    return tree.keys["notify"]
