"""YAML text into a tree with the line and column of every key and value; the only home of PyYAML.

PyYAML reads YAML 1.1, where ``12:00:00`` is 43200, ``0123`` is 83 and ``no`` is false. Here a plain scalar is what the core
schema of YAML 1.2 says: ``true``, ``false``, ``null``, numbers (``0o17``, ``0x1F``); all else is text, and so is every key.
One thing is stricter: digits after a leading zero stay text, since an account ``0123`` is not the account 123.
"""

import re
from pathlib import Path
from typing import cast

import yaml
from yaml.composer import Composer
from yaml.nodes import MappingNode, ScalarNode, SequenceNode
from yaml.nodes import Node as YamlNode
from yaml.parser import Parser
from yaml.reader import Reader, ReaderError
from yaml.resolver import BaseResolver
from yaml.scanner import Scanner

from xpm.launchers.report import Report
from xpm.launchers.tree import Items, Leaf, Mark, Node, Scalar, Table

PLAIN = "plain"
STANDARD = "tag:yaml.org,2002:"
MOST_BYTES = 1024 * 1024
MOST_VALUES = 100_000
"""More is a file of anchors that name anchors (a "billion laughs"), not a profile."""

_CONSTANTS: dict[str, Scalar] = {
    **dict.fromkeys(("true", "True", "TRUE"), True),
    **dict.fromkeys(("false", "False", "FALSE"), False),
    **dict.fromkeys(("null", "Null", "NULL", "~", ""), None),
}
_INTEGER = re.compile(r"[-+]?(0|[1-9][0-9]*)")
_BASES = {"0o": (re.compile(r"0o[0-7]+"), 8), "0x": (re.compile(r"0x[0-9a-fA-F]+"), 16)}
_SPECIAL = re.compile(r"[-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN)")
_FLOAT = re.compile(r"[-+]?(\.[0-9]+|(0|[1-9][0-9]*)(\.[0-9]*)?)([eE][-+]?[0-9]+)?")


_SHAPES: dict[type[YamlNode], str] = {ScalarNode: "str", SequenceNode: "seq", MappingNode: "map"}


class _Resolver(BaseResolver):
    """Tells a plain scalar from all others, and resolves nothing."""

    def resolve(self, kind: type[YamlNode], value: str | None, implicit: object) -> str:
        if kind is ScalarNode and isinstance(implicit, tuple) and implicit[0]:
            return PLAIN
        return f"{STANDARD}{_SHAPES[kind]}"


class _Loader(Reader, Scanner, Parser, Composer, _Resolver):
    def __init__(self, text: str) -> None:
        Reader.__init__(self, text)
        Scanner.__init__(self)
        Parser.__init__(self)
        Composer.__init__(self)
        BaseResolver.__init__(self)


def load(path: Path, report: Report) -> Table | None:
    """What the file says, or None when its syntax is broken (then the report says where)."""
    name = str(path)
    if path.stat().st_size > MOST_BYTES:
        words = f"a profile of more than {MOST_BYTES // 1024} KiB is none: is this the right file?"
        report.problem(Mark(name, 1, 1), "", words)
        return None
    try:
        text = path.read_text("utf-8-sig")
    except UnicodeDecodeError as error:
        line = error.object[: error.start].count(b"\n") + 1
        mark = Mark(name, line, 1)
        report.problem(mark, "", "this line is not UTF-8 text, save the file as UTF-8")
        return None
    return parse(text, name, report)


def parse(text: str, name: str, report: Report) -> Table | None:
    """What the text says; ``name`` stands for the file in marks."""
    try:
        return _parse(text, name, report)
    except RecursionError:
        report.problem(Mark(name, 1, 1), "", "it is nested too deeply to be a profile")
        return None


def _parse(text: str, name: str, report: Report) -> Table | None:
    try:
        root = _compose(text)
    except yaml.YAMLError as error:
        mark, words = _explain(error, text, name)
        report.problem(mark, "", words)
        return None
    start = Mark(name, 1, 1)
    if root is None:
        return Table({}, {}, start)
    node = _Builder(name, report).build(root)
    if isinstance(node, Table):
        return node
    if node is not None:
        report.problem(
            node.mark, "", "a profile is a mapping, such as 'version: 1' and 'launchers:'"
        )
    return None


def value(text: str, mark: Mark, report: Report) -> Node | None:
    """A value that is no file's: all of it is at the same place."""
    try:
        root = _compose(text)
    except yaml.YAMLError as error:
        report.problem(mark, "", _explain(error, text, mark.file)[1])
        return None
    if root is None:
        return Leaf(None, mark)
    node = _Builder(mark.file, report).build(root)
    return None if node is None else _placed(node, mark)


def _placed(node: Node, mark: Mark) -> Node:
    if isinstance(node, Leaf):
        return Leaf(node.value, mark)
    if isinstance(node, Items):
        return Items(tuple(_placed(item, mark) for item in node.items), mark)
    items = {key: _placed(item, mark) for key, item in node.items.items()}
    return Table(items, dict.fromkeys(items, mark), mark)


def _compose(text: str) -> YamlNode | None:
    """The nodes, by libyaml where there is one; its errors are told in the Python parser's words."""
    if yaml.__with_libyaml__:
        from yaml._yaml import CParser

        class Fast(CParser, _Resolver):
            def __init__(self, text: str) -> None:
                CParser.__init__(self, text)
                BaseResolver.__init__(self)

        try:
            return Fast(text).get_single_node()
        except yaml.YAMLError:
            pass
    return _Loader(text).get_single_node()


_WORDS = (
    (r"found character '\\t'.*", "a tab cannot be used for indentation, use spaces"),
    (r"mapping values are not allowed here", "a ':' is unexpected here, quote the text before it"),
    (r"expected <block end>, but found '?(.*?)'?", "the indentation does not fit the lines above"),
    (r"could not find expected ':'", "a ':' is missing after this key"),
    (r"expected ',' or '(.)', but got .*", r"a ',' or a closing '\1' is missing"),
    (r"expected the node content, but found '?<?stream end>?'?", "the file ends too early"),
    (r"found unexpected end of stream", "the file ends inside quotes"),
    (r"found undefined alias '?(.*?)'?", r"the anchor '&\1' is defined nowhere above"),
    (r"but found another document", "a profile is one document, '---' starts a second one"),
    (r"expected '<document start>', but found .*", "the indentation does not fit the lines above"),
    (r"found character '(.*)' that cannot start any token", r"'\1' cannot start a value, quote it"),
)


def _explain(error: yaml.YAMLError, text: str, name: str) -> tuple[Mark, str]:
    if isinstance(error, ReaderError):
        before = text[: error.position]
        mark = Mark(name, before.count("\n") + 1, len(before) - before.rfind("\n"))
        return mark, "a control character does not belong in a profile"
    if not isinstance(error, yaml.MarkedYAMLError):
        return Mark(name, 1, 1), f"not readable as YAML: {error}"
    where = error.problem_mark or error.context_mark
    mark = Mark(name, where.line + 1, where.column + 1) if where else Mark(name, 1, 1)
    problem = error.problem or error.context or "not readable as YAML"
    for pattern, words in _WORDS:
        match = re.fullmatch(pattern, problem)
        if match:
            problem = match.expand(words)
            break
    if where and text[where.index : where.index + 1] == "{" and "missing" in problem:
        problem = (
            "text with '{...}' inside braces or brackets is put in quotes: \"/scratch/{user}\""
        )
    elif where and text[: where.index].rstrip(" ").endswith("}") and "indentation" in problem:
        problem = "text that starts with '{' is put in quotes: \"{fast}/xpm\""
    elif error.context_mark and where and error.context_mark.line != where.line:
        problem += f" (it began on line {error.context_mark.line + 1})"
    return mark, problem


class _Builder:
    """Turns PyYAML's nodes into ours, reporting duplicate keys, strange tags and circles on the way."""

    def __init__(self, name: str, report: Report) -> None:
        self._name = name
        self._report = report
        self._open: set[int] = set()
        self._count = 0

    def build(self, node: YamlNode, path: str = "") -> Node | None:
        self._count += 1
        if id(node) in self._open:
            self._refuse(node, path, "an anchor contains itself")
            return None
        if self._count > MOST_VALUES:
            if self._count == MOST_VALUES + 1:
                self._refuse(node, path, "anchors expand to too many values")
            return None
        if isinstance(node, ScalarNode):
            return self._scalar(node, path)
        if node.tag not in (f"{STANDARD}seq", f"{STANDARD}map"):
            self._refuse(node, path, f"the tag {node.tag!r} has no meaning here, remove it")
            return None
        self._open.add(id(node))
        try:
            if isinstance(node, SequenceNode):
                return self._items(node, path)
            return self._table(cast("MappingNode", node), path)
        finally:
            self._open.discard(id(node))

    def _mark(self, node: YamlNode) -> Mark:
        return Mark(self._name, node.start_mark.line + 1, node.start_mark.column + 1)

    def _refuse(self, node: YamlNode, path: str, words: str) -> None:
        self._report.problem(self._mark(node), path, words)

    def _scalar(self, node: ScalarNode, path: str) -> Leaf | None:
        if node.tag == PLAIN:
            return Leaf(resolve(node.value), self._mark(node))
        if node.tag == f"{STANDARD}str":
            return Leaf(node.value, self._mark(node))
        self._refuse(node, path, f"the tag {node.tag!r} has no meaning here, remove it")
        return None

    def _items(self, node: SequenceNode, path: str) -> Items:
        built = [self.build(item, f"{path}[{index}]") for index, item in enumerate(node.value)]
        return Items(tuple(item for item in built if item is not None), self._mark(node))

    def _table(self, node: MappingNode, path: str) -> Table:
        items: dict[str, Node] = {}
        keys: dict[str, Mark] = {}
        below: list[Table] = []
        for key_node, value_node in node.value:
            if not isinstance(key_node, ScalarNode):
                self._refuse(key_node, path, "a key is text, not a list or mapping (quote '{...}')")
                continue
            key, mark = key_node.value, self._mark(key_node)
            here = f"{path}.{key}" if path else key
            if key == "<<" and key_node.tag == PLAIN:
                below += self._merged(value_node, path)
                continue
            if key in keys:
                self._report.problem(
                    mark, here, f"the key is here twice, first on line {keys[key].line}"
                )
                continue
            value = self.build(value_node, here)
            keys[key] = mark
            if value is not None:
                items[key] = value
        for table in below:
            items = {**table.items, **items}
            keys = {**table.keys, **keys}
        return Table(items, {key: keys[key] for key in items}, self._mark(node))

    def _merged(self, node: YamlNode, path: str) -> list[Table]:
        """The tables a merge key names, the first one counting most."""
        nodes = node.value if isinstance(node, SequenceNode) else [node]
        tables = [self.build(item, path) for item in nodes]
        if all(isinstance(table, Table) for table in tables):
            return [table for table in tables if isinstance(table, Table)]
        self._refuse(node, path, "'<<' takes mappings, such as '<<: *name'")
        return []


def resolve(text: str) -> Scalar:
    """What a plain (unquoted) scalar is."""
    if text in _CONSTANTS:
        return _CONSTANTS[text]
    if _INTEGER.fullmatch(text):
        return int(text)
    pattern, base = _BASES.get(text[:2], (None, 10))
    if pattern is not None and pattern.fullmatch(text):
        return int(text, base)
    if _SPECIAL.fullmatch(text):
        return float(text.replace(".", "", 1))
    if _FLOAT.fullmatch(text):
        return float(text)
    return text
