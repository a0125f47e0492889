"""The variables of the far side that a profile uses: ``$SCRATCH`` in a workspace, a Python, an exported value."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import replace

from xpm.launchers.model import Site
from xpm.launchers.tree import Items, Node, Table

_NAME = re.compile(r"(?<!\\)\$\{?([A-Z_][A-Z0-9_]*)")
_SECTIONS = ("connector_templates", "connectors", "envs", "launchers")
_KNOWN = frozenset({"HOME", "USER", "LOGNAME", "SHELL", "PATH", "PWD", "TMPDIR"})


def told(sites: Mapping[str, Site | None], tree: Table) -> dict[str, Site | None]:
    """The places, each knowing which variables it will be asked for."""
    names = used(tree)
    return {name: site and _knowing(site, names) for name, site in sites.items()}


def _knowing(site: Site, names: tuple[str, ...]) -> Site:
    spec = replace(site.spec, keeping=replace(site.spec.keeping, variables=names))
    return replace(site, spec=spec)


def used(tree: Table) -> tuple[str, ...]:
    """Their names, sorted, without those that every host has and those that SLURM sets within a job."""
    texts = (text for section in _SECTIONS for text in _texts(tree.table(section)))
    names = {name for text in texts for name in _NAME.findall(text)}
    return tuple(sorted(name for name in names - _KNOWN if not name.startswith("SLURM_")))


def _texts(node: Node) -> Iterator[str]:
    if isinstance(node, Table):
        for each in node.items.values():
            yield from _texts(each)
    elif isinstance(node, Items):
        for item in node.items:
            yield from _texts(item)
    elif isinstance(node.value, str):
        yield node.value
