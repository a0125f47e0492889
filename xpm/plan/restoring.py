"""Restoring: the objects a document describes (xpm/plan/documents.py), in the job it was written for or in a plan.

Other tasks that a document names without their values are objects too, of their class, with their identity and folder.
Their values are read from the folders of their jobs when one of them is asked for first: most jobs look at a few
of the tasks before them, and there may be thousands.
"""

# Values of any type pass here.
# pyright: reportUnknownArgumentType=false, reportUnknownVariableType=false

from __future__ import annotations

import os

from xpm.plan.config import Config
from xpm.plan.state import State, state_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Callable

    Document = dict[str, Any]
    Find = Callable[[dict[str, Any]], type]

FORMATS = (1, 2)


def restore(document: Document, workspace: str, project: str, find: Find, live: bool = True) -> Any:
    """The object a document describes, as an instance that can run.

    Args:
        document: of a format we know.
        workspace: the folder that generated paths and paths in job folders are below.
        project: the folder that paths of the project are below.
        find: gives the class of a reference in ``types``.
        live: an instance that runs, prepared by ``__post_init__``; False: a configuration of a plan.
    """
    return _Side(document, workspace, project, find, live).read(document)


class _Side:
    """Where documents are read; what those that one leads to share.

    Threads of a job may ask for the same values at once: each reads them, into objects of its own, and the last to
    hand them over wins; they are equal.
    """

    def __init__(
        self, document: Document, workspace: str, project: str, find: Find, live: bool
    ) -> None:
        self.workspace = workspace
        self.bases = {"workspace": workspace, "project": project}
        self.find = find
        self.live = live
        self.references = {_key(each): each for each in document["types"] if "id" in each}
        self.classes: dict[object, Any] = {}
        self.jobs: dict[tuple[str, str], Any] = {}

    def read(self, document: Document) -> Any:
        """The root of a document."""
        if document.get("format") not in FORMATS:
            from xpm.errors import Defect

            raise Defect(f"a document of format {document.get('format')!r} cannot be read")
        return _Reader(document, self).root()

    def class_of(self, reference: Document) -> Any:
        """The class of a reference, as the code of the first document has it."""
        if "id" not in reference:
            return self.find(reference)
        key = _key(reference)
        if key not in self.classes:
            self.classes[key] = self.find(self.references.get(key, reference))
        return self.classes[key]

    def job(self, cls: Any, task: str, job: str) -> Any:
        """Another task, whose values are read later."""
        made = self.jobs.get((task, job))
        if made is None:
            made = self.jobs[task, job] = object.__new__(cls)
            state = made.__dict__["_xpm"] = State(None, live=self.live)
            state.ref = (task, job)
            state.digest = bytes.fromhex(job)
            state.later = self.bring
            if cls.__getattr__ is not vars(Config)["__getattr__"]:  # it might not ask us
                self.bring(made)
        return made

    def bring(self, config: Config) -> None:
        """Give another task its values."""
        state = state_of(config)
        assert state.ref is not None
        task, job = state.ref
        values = dict(self.read(_document_of(self.workspace, task, job)).__dict__)
        del values["_xpm"]
        config.__dict__.update(values)
        state.later = None


def _key(reference: Document) -> object:
    """What tells a class from others, whatever it was called; an Enum may have the identifier of a configuration."""
    return reference["id"], "meta" in reference


def _document_of(workspace: str, task: str, job: str) -> Document:
    from xpm.wire import jobfile

    content = jobfile.read(workspace, task, job)
    if content is None:
        from xpm.errors import PlanProblem

        raise PlanProblem(
            f"the values of {task} {job[:12]}, which this job uses, cannot be read",
            on=jobfile.path(workspace, task, job),
            cause="its folder does not tell what was submitted",
            hint="put the folder back, or run that task again in another main folder",
        )
    document: Document = content["document"]
    return document


class _Reader:
    """Reads one document."""

    def __init__(self, document: Document, side: _Side) -> None:
        self.document = document
        self.side = side
        self.nodes: list[Any] = []

    def root(self) -> Any:
        """The object of the root, parts being made before what holds them."""
        own: list[Any] = []
        for node in self.document["nodes"]:
            if "values" in node:
                own.append(self.instance(node))
                self.nodes.append(own[-1])
            else:
                self.nodes.append(self.side.job(self.cls(node["type"]), *node["job"]))
        for each in own if self.side.live else ():
            prepare = getattr(type(each), "__post_init__", None)
            if prepare is not None:
                prepare(each)
        return self.nodes[self.document["root"]]

    def cls(self, index: int) -> Any:
        """The class of a type."""
        return self.side.class_of(self.document["types"][index])

    def instance(self, node: Document) -> Any:
        """The instance of one node, those it holds being made."""
        cls = self.cls(node["type"])
        made: Any = object.__new__(cls)
        state = made.__dict__["_xpm"] = State(None, live=self.side.live)
        ref = node.get("job") or node.get("output")
        state.ref = tuple(ref) if ref else None
        if "job" in node:
            state.digest = bytes.fromhex(node["job"][1])
        if "producer" in node:
            state.producer = self.nodes[node["producer"]]
        if "identity" in node:
            state.digest = bytes.fromhex(node["identity"])
        state.meta = node.get("meta")
        state.init = tuple(self.nodes[each] for each in node.get("init", ()))
        initialise = getattr(cls, "__xpm_init__", None)
        if initialise is not None and self.side.live:
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

        base = self.side.bases.get(value["base"])
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
            return self.cls(content[0])[content[1]]
        if kind == "flag":
            return self.cls(content[0])(content[1])
        if kind == "text":
            return bytes.fromhex(content).decode("utf-8", "surrogatepass")
        if kind == "int":
            return int(content, 16)
        if kind == "float":
            return float(content)
        import base64

        return base64.b64decode(content)
