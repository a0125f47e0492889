"""Folders beside the project that its Python imports from: editable and path dependencies.

Found in two ways: what the lock file, the pyproject or the requirements of the project name by a path, and what is installed
here as editable (``pip install -e ../lib``, ``uv add --editable ../lib``; PEP 610) and is imported by now, or named there.
"""

import importlib.metadata
import json
import os
import re
import sys
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

FOLDER = ".beside"
"""Where they go in the tree of a plan's code."""
_REQUIREMENT = re.compile(
    r"^(?:-e|--editable)?[ =]*(?:[\w.\[\],-]+ *@ *)?(file://[^ ;#]+|\.{1,2}/?[^ ;#\[]*)"
)
_NAME = re.compile(r"^[A-Za-z0-9][A-Za-z0-9._-]*")


@dataclass(frozen=True, slots=True)
class Beside:
    """A folder that travels besides the project's own."""

    name: str
    """Where it goes in the tree; "" for one within the project."""
    root: Path
    folders: Sequence[str]
    """Those of it that are imported from, relative to it."""


def find(project: Path) -> list[Beside]:
    """The folders that a project needs besides itself, in the order of their paths."""
    real = Path(os.path.realpath(project))
    named = set(_named(real))
    wanted = set(_wanted(real))
    loaded = _loaded()
    installed = dict(_editable())
    roots = {root for root in named if root.is_dir()}
    for root, name in installed.items():
        if name in wanted or any(each.is_relative_to(root) for each in loaded):
            roots.add(root)
    found: list[Beside] = []
    taken: set[str] = set()
    for root in sorted(roots):
        if root == real or real.is_relative_to(root) or installed.get(root) == "xpm-launcher":
            continue
        name = "" if root.is_relative_to(real) else _free(f"{FOLDER}/{root.name}", taken)
        found.append(Beside(name, root, _folders(root, loaded)))
    return found


def _free(name: str, taken: set[str]) -> str:
    number, chosen = 1, name
    while chosen in taken:
        number += 1
        chosen = f"{name}-{number}"
    taken.add(chosen)
    return chosen


def _folders(root: Path, loaded: Mapping[Path, str]) -> list[str]:
    """What is on sys.path of it, or where what is imported from it lies; else src, as most have it, or itself."""
    known = [Path(os.path.realpath(each)) for each in sys.path if each]
    known += [path.parent for path in loaded]
    inner = [each.relative_to(root).as_posix() for each in known if each.is_relative_to(root)]
    if inner:
        return list(dict.fromkeys(inner))
    source = root / "src"
    return ["src"] if source.is_dir() and not (source / "__init__.py").exists() else ["."]


def _loaded() -> Mapping[Path, str]:
    """The top-level modules and packages that are imported by now: where each lies."""
    found: dict[Path, str] = {}
    for name, module in list(sys.modules.items()):
        file = getattr(module, "__file__", None)
        if "." in name or name == "__main__" or not isinstance(file, str):
            continue
        path = Path(os.path.realpath(file))
        found[path.parent if path.name == "__init__.py" else path] = name
    return found


def _editable() -> Iterator[tuple[Path, str]]:
    """What is installed here as editable: its folder, and its name."""
    for each in importlib.metadata.distributions():
        text = each.read_text("direct_url.json")
        if not text:
            continue
        try:
            said: Any = json.loads(text)
            path = _of_url(said["url"]) if said.get("dir_info", {}).get("editable") else None
        except (ValueError, KeyError, TypeError, AttributeError):
            continue  # another tool's own idea of it
        if path is not None and path.is_dir():
            yield path, normal(each.metadata["Name"] or "")


def _of_url(url: str) -> Path | None:
    parts = urlsplit(url)
    return Path(os.path.realpath(unquote(parts.path))) if parts.scheme == "file" else None


def normal(name: str) -> str:
    """The name of a package as all spell it."""
    return re.sub(r"[-_.]+", "-", name).lower()


def _named(project: Path) -> Iterator[Path]:
    """The folders that the project's own files name."""
    for package in _tables(_toml(project / "uv.lock").get("package")):
        source: Any = package.get("source") or {}
        for kind in ("editable", "directory"):
            if isinstance(source, dict) and isinstance(source.get(kind), str):
                yield Path(os.path.realpath(project / source[kind]))
    tool: Any = _toml(project / "pyproject.toml").get("tool") or {}
    sources: Any = (tool.get("uv") or {}).get("sources") or {}
    for each in sources.values():
        if isinstance(each, dict) and isinstance(each.get("path"), str):
            yield Path(os.path.realpath(project / each["path"]))
    for path in sorted(project.glob("requirements*.txt")):
        for line in _lines(path):
            match = _REQUIREMENT.match(line)
            if match:
                said = match.group(1).strip()
                found = _of_url(said) if said.startswith("file:") else project / said
                if found is not None and found.is_dir():
                    yield Path(os.path.realpath(found))


def _wanted(project: Path) -> Iterator[str]:
    """The packages that the project says it depends on."""
    content: Any = _toml(project / "pyproject.toml").get("project") or {}
    listed = [*content.get("dependencies", ())]
    for path in sorted(project.glob("requirements*.txt")):
        listed += _lines(path)
    for each in listed:
        match = _NAME.match(each)
        if match:
            yield normal(match.group())


def _toml(path: Path) -> Mapping[str, Any]:
    try:
        return tomllib.loads(path.read_text("utf-8"))
    except (OSError, ValueError):  # who needs it will say so
        return {}


def _tables(found: object) -> list[dict[str, Any]]:
    return [each for each in found if isinstance(each, dict)] if isinstance(found, list) else []


def _lines(path: Path) -> list[str]:
    try:
        return [line.strip() for line in path.read_text("utf-8").splitlines()]
    except (OSError, ValueError):
        return []
