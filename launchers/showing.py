"""What a profile comes to, for people and programs: effective values with their places, choices with their reasons."""

import shlex
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import cast

from xpm.agent import slurm_commands
from xpm.launchers.matching import Candidate, Match
from xpm.launchers.requests import request
from xpm.launchers.tree import Items, Leaf, Mark, Node, Table, plain
from xpm.launchers.units import say_duration, say_size
from xpm.launchers.wanting import Needs

SUBMISSION = "SUBMISSION"
"""Stands in a shown sbatch line for the name that a submission gets when it is made."""


@dataclass(frozen=True, slots=True)
class Value:
    """One effective value, and the place that says it."""

    path: str
    text: str
    mark: Mark


def parts(tree: Table, launcher: str | None, places: Sequence[str]) -> dict[str, Table]:
    """What a launcher comes to, by path: itself, its places, and the environments and policies these name."""
    found: dict[str, Table] = {}

    def add(section: str, name: str | None) -> Table:
        table = tree.table(section)
        if name is not None and name in table.items:
            found[f"{section}.{name}"] = table.table(name)
        return table.table(name or "")

    envs = [add("launchers", launcher).text("env")]
    policies: list[str] = []
    for place in places:
        connector = add("connectors", place)
        envs.append(connector.text("env"))
        policies.append(connector.text("policy") or "default")
    for env in envs[:1] if envs[0] else envs[1:]:
        add("envs", env)
    for policy in policies:
        add("policies", policy)
    if "sync" in tree.items:
        found["sync"] = tree.table("sync")
    return found


def values(tree: Node, path: str = "") -> Iterator[Value]:
    """Every single value and list below, in the order of the profile."""
    if isinstance(tree, Table):
        for key, node in tree.items.items():
            yield from values(node, f"{path}.{key}" if path else key)
        if not tree.items:
            yield Value(path, "{}", tree.mark)
    elif isinstance(tree, Items) and any(not isinstance(each, Leaf) for each in tree.items):
        for index, node in enumerate(tree.items):
            yield from values(node, f"{path}[{index}]")
    else:
        yield Value(path, _written(tree), tree.mark)


def _written(node: Node) -> str:
    """As it might stand in YAML."""
    if isinstance(node, Items):
        return f"[{', '.join(_written(each) for each in node.items)}]"
    value = plain(node)
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value)


def wants(needs: Needs) -> str:
    """What a job asks for, in words."""
    said = [f"{needs.nodes} nodes, on each"] if needs.nodes > 1 else []
    said += [f"{needs.cpus} core{'s' if needs.cpus > 1 else ''}"] if needs.cpus else []
    said += [say_size(needs.mem)] if needs.mem else []
    if needs.gpus.count:
        type_ = f" {needs.gpus.type}" if needs.gpus.type else ""
        said.append(f"{needs.gpus.count} GPU{'s' if needs.gpus.count > 1 else ''}{type_}")
    said += [say_duration(needs.time_s)] if needs.time_s else []
    return ", ".join(said).replace("each, ", "each ") or "nothing in particular"


def sbatch_line(candidate: Candidate, resumable: bool = False) -> str:
    """What is typed on the cluster for one job that is run so; empty on a place without Slurm."""
    site = candidate.blueprint.site
    if not site.is_slurm:
        return ""
    options = cast("list[str]", request(candidate, resumable, {})["options"])
    workspace = site.words.get("workspace", "")
    folder = f"{workspace}/.xpm/submissions/{SUBMISSION}"
    words = slurm_commands.sbatch(SUBMISSION, folder, workspace, options, ())
    return " ".join(word if "$" in word else shlex.quote(word) for word in words)


HEADINGS = ("", "CONNECTOR", "PARTITION", "GPUS", "QOS", "COST", "")


def rows(found: Match) -> list[Sequence[str]]:
    """A match as a table, the chosen way marked."""
    return [
        (
            "->" if each is found.chosen else "",
            each.connector,
            each.fit.partition,
            _gpus(each),
            each.fit.qos.name if each.fit.qos else "",
            "" if each.cost is None else f"{each.cost:g}",
            "chosen" if each is found.chosen else verdict,
        )
        for each, verdict in zip(found.candidates, found.verdicts, strict=True)
    ]


def _gpus(candidate: Candidate) -> str:
    if not candidate.needs.gpus.count:
        return ""
    type_ = candidate.fit.gpus.type if candidate.fit.gpus else candidate.needs.gpus.type or "any"
    return f"{candidate.needs.gpus.count} {type_}"


def as_document(found: Match) -> dict[str, object]:
    """A match for programs."""
    ways = [
        {
            "need": str(each.need),
            "connector": each.connector,
            "partition": each.fit.partition or None,
            "gpu": each.fit.gpus.type if each.fit.gpus else None,
            "qos": each.fit.qos.name if each.fit.qos else None,
            "cost": each.cost,
            "fits": not each.reasons,
            "chosen": each is found.chosen,
            "why_not": verdict or None,
        }
        for each, verdict in zip(found.candidates, found.verdicts, strict=True)
    ]
    chosen = found.chosen
    return {
        "launcher": found.launcher,
        "connector": chosen.connector if chosen else None,
        "request": request(chosen, False, {}) if chosen else None,
        "sbatch": (sbatch_line(chosen) or None) if chosen else None,
        "candidates": ways,
    }
