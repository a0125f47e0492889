"""Documents: sealed values as JSON that brings back the very objects inside a job.

Version 1. Every value is kept, defaults included; shared configurations stay shared::

    {"format": 1, "root": node index,
     "types": [{"id": identifier, "module": m, "name": qualified name, "script": path or null, "meta": [names]}, ...],
     "nodes": [{"type": index, "values": {name: value, ...},
                "job": [task, job],           tasks: what they are
                "output": [task, job],        outputs: what they come from
                "producer": node index,       likewise, when the task is below
                "meta": bool,                 setmeta
                "init": [node index, ...]}, ...]}     parts before what holds them

``script`` is the plan's script, below the project, when the class is defined there. A value is null, true, false, text, an
integer below 2**53 in size, a finite float, a list of values, or an object with one key (or "path" and "base")::

    {"node": n}                                      a configuration
    {"text": hexadecimal UTF-8}                      a text with lone surrogates, of which JSON could make others
    {"int": "-0x..."}                                a large integer
    {"float": "nan" | "inf" | "-inf"}
    {"bytes": base64}
    {"path": text, "base": "workspace" | "project" | "absolute"}
    {"tuple": [...]} {"set": [...]} {"frozenset": [...]}
    {"dict": [[key, value], ...]}
    {"enum": [type index, member name]} {"flag": [type index, integer]}
"""

# Values of any type pass here.
# pyright: reportUnknownArgumentType=false, reportUnknownVariableType=false

from __future__ import annotations

import os

from xpm.plan.encoding import flag_number
from xpm.plan.fields import MISSING
from xpm.plan.kinds import is_enum, is_path
from xpm.plan.state import State, is_config, state_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Callable

    from xpm.plan.config import Config
    from xpm.plan.differences import Difference

    Document = dict[str, Any]
    Find = Callable[[dict[str, Any]], type]

FORMAT = 1
PLAIN_LIMIT = 2**53


def document(config: Config) -> Document:
    """The document of a sealed task, or of any configuration whose values are complete."""
    return _Writer(config).document


def differences(old: Document, new: Document) -> list[Difference]:
    """Where two documents of one identity differ: changed defaults, paths, uncounted values."""
    from xpm.plan.differences import differences

    return differences(old, new)


class _Writer:
    """Writes one document."""

    def __init__(self, root: Config) -> None:
        from xpm.plan import walk
        from xpm.plan.generated import main_folder, project_folder

        self.root = root
        self.jobs_folder = os.path.join(main_folder(), "jobs")
        self.main = main_folder()
        self.project = project_folder()
        self.types: list[dict[str, Any]] = []
        self.type_index: dict[type, int] = {}
        self.node_index: dict[int, int] = {}
        nodes: list[Document] = []
        found = walk.order(root, ())
        refs = (state_of(each).ref for _, each in found)
        self.jobs = {ref for ref in refs if ref is not None}
        for path, each in found:
            self.node_index[id(each)] = len(nodes)
            nodes.append(self._node(path, each))
        self.document: Document = {
            "format": FORMAT,
            "root": len(nodes) - 1,
            "types": self.types,
            "nodes": nodes,
        }

    def _node(self, path: str, config: Config) -> Document:
        state = state_of(config)
        values: Document = {}
        for name, argument in type(config).__xpm__.ready().items():
            value = config.__dict__.get(name, argument.default)
            if value is not MISSING:
                if argument.generator is not None:
                    value = self._owned(path, state, argument, value)
                values[name] = self._value(value)
        node: Document = {"type": self._type(type(config)), "values": values}
        if state.ref is not None:
            node["output" if state.producer is not None else "job"] = list(state.ref)
        if state.producer is not None:
            node["producer"] = self.node_index[id(state.producer)]
        if state.meta is not None:
            node["meta"] = state.meta
        if state.init:
            node["init"] = [self.node_index[id(each)] for each in state.init]
        return node

    def _owned(self, path: str, state: State, argument: Any, value: Any) -> Any:
        """A generated path of a part that an unrelated task has sealed first is generated anew for this one."""
        from xpm.plan.generated import generated
        from xpm.plan.state import Seal

        seal, own = state.seal, state_of(self.root).seal
        if seal is None or own is None or (seal.task, seal.job) in self.jobs:
            return value
        if value != generated(seal, argument):
            return value
        return generated(Seal(own.task, own.job, own.place, path), argument)

    def _type(self, cls: type) -> int:
        if cls not in self.type_index:
            from xpm.plan.locate import reference

            self.type_index[cls] = len(self.types)
            ref: Document = reference(cls)
            description = getattr(cls, "__xpm__", None)
            if description is not None:
                from xpm.plan.names import identifier_of

                ref["id"] = identifier_of(description)
                ref["meta"] = [
                    name for name, each in description.ready().items() if each.role == "meta"
                ]
            self.types.append(ref)
        return self.type_index[cls]

    def _value(self, value: Any) -> Any:
        if value is None or isinstance(value, bool):
            return value
        if type(value) is str:
            return value if value.isascii() else _text(value)
        if is_config(value):
            return {"node": self.node_index[id(value)]}
        if type(value) is int:
            return value if -PLAIN_LIMIT < value < PLAIN_LIMIT else {"int": hex(value)}
        if type(value) is float:
            finite = value - value == 0
            return value if finite else {"float": repr(value)}
        if is_path(value):
            return self._path(value)
        if is_enum(value):
            return self._enum(value)
        return self._container(value)

    def _container(self, value: Any) -> Any:
        if isinstance(value, bytes):
            import base64

            return {"bytes": base64.b64encode(value).decode("ascii")}
        if isinstance(value, dict):
            return {"dict": [[self._value(key), self._value(each)] for key, each in value.items()]}
        items = [self._value(each) for each in value]
        if isinstance(value, list):
            return items
        if isinstance(value, tuple):
            return {"tuple": items}
        items.sort(key=repr)
        return {"set" if isinstance(value, set) else "frozenset": items}

    def _enum(self, value: Any) -> Document:
        import enum

        index = self._type(type(value))
        if isinstance(value, enum.Flag):
            return {"flag": [index, flag_number(value)]}
        return {"enum": [index, value.name]}

    def _path(self, value: Any) -> Document:
        given = str(value)
        if given.startswith("~"):
            return {"path": given, "base": "absolute"}
        full = os.path.abspath(given)
        for base, folder, above in (
            ("workspace", self.jobs_folder, self.main),
            ("project", self.project, self.project),
        ):
            if folder is None or above is None:
                continue
            inside = _below(full, folder, above) or _below(
                os.path.realpath(full), os.path.realpath(folder), os.path.realpath(above)
            )
            if inside is not None:
                return {"path": inside, "base": base}
        return {"path": full if os.path.isabs(given) or self.project else given, "base": "absolute"}


def _text(value: str) -> Any:
    try:
        value.encode("utf-8")
    except UnicodeEncodeError:
        return {"text": value.encode("utf-8", "surrogatepass").hex()}
    return value


def _below(path: str, folder: str, above: str) -> str | None:
    """The path relative to ``above`` when it is in ``folder``, with forward slashes."""
    if path != folder and not path.startswith(os.path.join(folder, "")):
        return None
    return os.path.relpath(path, above).replace(os.sep, "/")


def restore(document: Document, workspace: str, project: str, find: Find, live: bool = True) -> Any:
    """The object a document describes, as an instance that can run.

    Args:
        document: of this format.
        workspace: the folder that generated paths and paths in job folders are below.
        project: the folder that paths of the project are below.
        find: gives the class of a reference in ``types``.
        live: an instance that runs, prepared by ``__post_init__``; False: a configuration of a plan.
    """
    if document.get("format") != FORMAT:
        from xpm.errors import Defect

        raise Defect(f"a document of format {document.get('format')!r} cannot be read")
    reader = _Reader(document, {"workspace": workspace, "project": project}, find, live)
    for node in document["nodes"]:
        reader.nodes.append(reader.instance(node))
    for each in reader.nodes if live else ():
        prepare = getattr(type(each), "__post_init__", None)
        if prepare is not None:
            prepare(each)
    return reader.nodes[document["root"]]


class _Reader:
    """Reads one document."""

    def __init__(self, document: Document, bases: dict[str, str], find: Find, live: bool) -> None:
        self.bases = bases
        self.live = live
        self.classes: list[Any] = [find(each) for each in document["types"]]
        self.nodes: list[Any] = []

    def instance(self, node: Document) -> Any:
        """The instance of one node, those it holds being made."""
        cls = self.classes[node["type"]]
        made: Any = object.__new__(cls)
        state = made.__dict__["_xpm"] = State(None, live=self.live)
        ref = node.get("job") or node.get("output")
        state.ref = tuple(ref) if ref else None
        if "producer" in node:
            state.producer = self.nodes[node["producer"]]
        state.meta = node.get("meta")
        state.init = tuple(self.nodes[each] for each in node.get("init", ()))
        initialise = getattr(cls, "__xpm_init__", None)
        if initialise is not None and self.live:
            initialise(made)
        values = made.__dict__
        for name, value in node["values"].items():
            values[name] = self.value(value)
        return made

    def value(self, value: Any) -> Any:
        """One value."""
        if isinstance(value, list):
            return [self.value(each) for each in value]
        if not isinstance(value, dict):
            return value
        if "node" in value:
            return self.nodes[value["node"]]
        if "path" in value:
            return self._path(value)
        ((kind, content),) = value.items()
        return self._special(kind, content)

    def _path(self, value: Document) -> Any:
        from pathlib import Path

        base = self.bases.get(value["base"])
        if base is not None:
            return Path(base, value["path"])
        return Path(os.path.expanduser(value["path"]))

    def _special(self, kind: str, content: Any) -> Any:
        if kind == "dict":
            return {self.value(key): self.value(each) for key, each in content}
        if kind in ("tuple", "set", "frozenset"):
            make = {"tuple": tuple, "set": set, "frozenset": frozenset}[kind]
            return make([self.value(each) for each in content])
        if kind == "enum":
            return self.classes[content[0]][content[1]]
        if kind == "flag":
            return self.classes[content[0]](content[1])
        if kind == "text":
            return bytes.fromhex(content).decode("utf-8", "surrogatepass")
        if kind == "int":
            return int(content, 16)
        if kind == "float":
            return float(content)
        import base64

        return base64.b64decode(content)
