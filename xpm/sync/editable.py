"""Packages that are installed editable (``pip install -e ../lib``, or a path source of uv): their code is a project's own.

Each installed distribution tells where it comes from in direct_url.json (the PyPA's specification of direct URLs, PEP 610);
an editable one is a folder, which is not on the other side and so travels with the plan's code: if the project's
pyproject.toml depends on it, or something of it is imported when the plan submits. Others only happen to be installed.
"""

import json
import os
import re
import sys
import tomllib
from collections.abc import Iterable, Iterator, Mapping
from importlib.metadata import Distribution, distributions
from pathlib import Path
from urllib.parse import unquote, urlsplit

OURS = "xpm-launcher"
"""It travels anyway."""


def editables(project: Path, found: Iterable[Distribution] | None = None) -> Mapping[str, Path]:
    """The folders of editable distributions outside a project, by the names of these.

    Args:
        project: its folder.
        found: the distributions to look at; default: those of this Python.
    """
    root = os.path.realpath(project)
    wanted = _dependencies(project / "pyproject.toml")
    known: dict[str, Path] = {}
    for name, folder in _folders(distributions() if found is None else found):
        real = Path(os.path.realpath(folder))
        if name == OURS or not real.is_dir() or real.is_relative_to(root):
            continue
        if name in wanted or _is_imported(real):
            known[name] = real
    return known


def entries(folder: Path, path: Iterable[str]) -> list[str]:
    """What of a distribution's folder goes on ``sys.path``, relative to it: what is on this one's, else its usual layout."""
    below = [Path(os.path.realpath(each)) for each in path if each]
    listed = [each.relative_to(folder).as_posix() for each in below if each.is_relative_to(folder)]
    if listed:
        return list(dict.fromkeys(listed))
    return ["src"] if (folder / "src").is_dir() else ["."]


def _folders(found: Iterable[Distribution]) -> Iterator[tuple[str, Path]]:
    for each in found:
        raw = each.read_text("direct_url.json")
        if raw is None:
            continue
        try:
            content = json.loads(raw)
            url = urlsplit(str(content["url"]))
            is_editable = bool((content.get("dir_info") or {}).get("editable"))
        except (ValueError, TypeError, KeyError, AttributeError):
            continue
        if is_editable and url.scheme == "file":
            yield _normal(each.metadata["Name"]), Path(unquote(url.path))


def _dependencies(path: Path) -> set[str]:
    """The names of what a project says it depends on; none when it says nothing readable."""
    try:
        project = tomllib.loads(path.read_text("utf-8")).get("project", {})
        listed = [*project.get("dependencies", ())]
        for each in project.get("optional-dependencies", {}).values():
            listed += each
    except (OSError, ValueError, AttributeError, TypeError):
        return set()
    names = (re.match(r"\s*([A-Za-z0-9._-]+)", str(each)) for each in listed)
    return {_normal(found.group(1)) for found in names if found}


def _is_imported(folder: Path) -> bool:
    """Whether a module of a folder is loaded."""
    files = (getattr(each, "__file__", None) for each in list(sys.modules.values()))
    return any(each and Path(os.path.realpath(each)).is_relative_to(folder) for each in files)


def _normal(name: str) -> str:
    return name.lower().replace("_", "-").replace(".", "-")
