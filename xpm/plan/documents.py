"""Documents: sealed values as JSON that brings back the very objects inside a job (xpm/plan/restoring.py).

Version 2. Every value is kept, defaults included; shared configurations stay shared::

    {"format": 2, "root": node index,
     "types": [{"id": identifier, "module": m, "name": qualified name, "script": path or null, "meta": [names]}, ...],
     "nodes": [{"type": index, "values": {name: value, ...},
                "job": [task, job],           tasks: what they are
                "output": [task, job],        outputs: what they come from
                "producer": node index,       likewise: that task
                "identity": 64 hex,           likewise: its own
                "meta": bool,                 setmeta
                "init": [node index, ...]}, ...]}     parts before what holds them

Another task that is used is a node with "type" and "job" and nothing else: its values are in the document of that job
(xpm/wire/jobfile.py), so that a document does not grow with what came before it. ``types`` has the classes of those documents
too: where this plan's code has them now, whatever they were called when those jobs were submitted. Only configurations have
"meta" there, the names of arguments that do not count. ``script`` is the plan's script, below the project, when the class is
defined there.

Version 1 had the values of all tasks in every document, no "identity" and no "id" for Enums; {"text"} was not known.

A value is null, true, false, text, an integer below 2**53 in size, a finite float, a list of values, or an object with one
key (or "path" and "base")::

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

from xpm.plan import identity
from xpm.plan.encoding import flag_number
from xpm.plan.fields import MISSING
from xpm.plan.kinds import is_enum, is_path
from xpm.plan.names import enum_identifier, identifier_of
from xpm.plan.state import State, is_config, is_job, state_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import Any

    from xpm.plan.config import Config
    from xpm.plan.differences import Difference

    Document = dict[str, Any]

FORMAT = 2
PLAIN_LIMIT = 2**53


def document(config: Config, whole: bool = False) -> Document:
    """The document of a sealed task, or of any configuration whose values are complete.

    Args:
        config: the root.
        whole: with the values of all other tasks that are used.
    """
    return _Writer(config, whole).document


def differences(old: Document, new: Document) -> list[Difference]:
    """Where two documents of one identity differ: changed defaults, paths, uncounted values."""
    from xpm.plan.differences import differences

    return differences(old, new)


class _Writer:
    """Writes one document."""

    def __init__(self, root: Config, whole: bool) -> None:
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
        others: dict[int, Config] = {}

        def is_other(config: Config) -> bool:
            if whole or not is_job(config):
                return False
            others[id(config)] = config
            return True

        found = walk.order(root, (), is_other)
        self.handed_on = tuple(f"{path}." for path, each in found if state_of(each).producer)
        refs = (state_of(each).ref for each in (*others.values(), *(each for _, each in found)))
        self.jobs = {ref for ref in refs if ref is not None}
        for each in others.values():
            self.node_index[id(each)] = len(nodes)
            nodes.append({"type": self._type(type(each)), "job": list(state_of(each).ref or ())})
        for path, each in found:
            self.node_index[id(each)] = len(nodes)
            nodes.append(self._node(path, each))
        state_of(root).classes = self._classes(others.values())
        self.document: Document = {
            "format": FORMAT,
            "root": len(nodes) - 1,
            "types": self.types,
            "nodes": nodes,
        }

    def _classes(self, others: Iterable[Config]) -> frozenset[type]:
        """All classes of this document, and of those it leads to, which become types here too."""
        beyond: set[type] = set()
        for each in others:
            beyond.update(state_of(each).classes or ())
        for cls in sorted(beyond.difference(self.type_index), key=repr):
            self._type(cls)
        classes = frozenset(self.type_index)
        return _shared.setdefault(classes, classes)

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
            node["identity"] = identity.digest(config).hex()
        if state.meta is not None:
            node["meta"] = state.meta
        if state.init:
            node["init"] = [self.node_index[id(each)] for each in state.init]
        return node

    def _owned(self, path: str, state: State, argument: Any, value: Any) -> Any:
        """A generated path; that of a part which an unrelated task has sealed first is generated anew for this one."""
        from xpm.plan.generated import generated
        from xpm.plan.state import Seal

        seal, own = state.seal, state_of(self.root).seal
        if seal is None or own is None or (seal.task, seal.job) in self.jobs:
            return value
        if path.startswith(self.handed_on):
            return value  # whoever handed it on had it from a task before
        if value != generated(seal, argument):
            return value
        return generated(Seal(own.task, own.job, own.place, path), argument)

    def _type(self, cls: type) -> int:
        if cls not in self.type_index:
            self.type_index[cls] = len(self.types)
            self.types.append(_reference(cls, self.project))
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


_shared: dict[frozenset[type], frozenset[type]] = {}
"""Sets of classes that were met: jobs of one kind share one."""


def _reference(cls: type, project: str | None) -> Document:
    """What documents say of a class; many share it."""
    known = _references.get((cls, project))
    if known is None:
        from xpm.plan.locate import reference

        known = reference(cls)
        description = getattr(cls, "__xpm__", None)
        if description is None:
            known["id"] = enum_identifier(cls)
        else:
            known["id"] = identifier_of(description)
            table = description.ready()
            known["meta"] = [name for name, each in table.items() if each.role == "meta"]
        _references[cls, project] = known
    return known


_references: dict[tuple[type, str | None], Document] = {}


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
