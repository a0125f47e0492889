"""``xpm doctor``: whether a place works, what it has, and what to do where something is not right."""

import sys
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

import click

from xpm.agent.limits import Partition, SiteLimits
from xpm.cli import online, render, telling
from xpm.connectors.specs import Spec
from xpm.errors import ProfileProblem
from xpm.follow import sites
from xpm.follow.world import World
from xpm.launchers.profiles import Profiles
from xpm.launchers.report import did_you_mean
from xpm.wire import hints

SCHEMA = 1
SLURM = "slurm"
STAFF = "ask the staff of the site"
_COLOURS = {"ok": "green", "warn": "yellow", "bad": "red"}


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that is so at a place; ``do`` says how to mend it, empty where there is nothing to mend."""

    topic: str
    verdict: Literal["ok", "warn", "bad"]
    what: str
    do: str = ""


@click.command("doctor")
@click.argument("connector")
@click.option("--json", "as_json", is_flag=True, help="For programs: schema 1, stable.")
def command(connector: str, as_json: bool) -> int:
    """Examine the place CONNECTOR leads to: the login, the machine, what it allows.

    Exit code 0 when nothing there is bad, 1 when something is.
    """
    world = World()
    spec = _named(world.profiles(), connector)
    kind = type(spec).__name__.removesuffix("Spec").lower()
    with (
        tempfile.TemporaryDirectory() as scratch
    ):  # stands for the main folder, which only `local` uses
        facts, answered_s = online.ask(spec, world, Path(scratch))
    login = Finding("login", "ok", f"answers after {telling.duration(answered_s)}")
    found = [login, *examine(facts, kind)]
    if as_json:
        rows = [asdict(each) for each in found]
        render.document({"schema": SCHEMA, "connector": spec.name, "kind": kind, "findings": rows})
    else:
        for each in found:
            _show(each)
    return int(any(each.verdict == "bad" for each in found))


def examine(facts: Mapping[str, Any], kind: str) -> list[Finding]:
    """What the facts of a place (the verb ``probe``) mean for jobs sent there.

    Args:
        facts: what its agent told.
        kind: that of its connector: ``local``, ``ssh`` or ``slurm``.
    """
    memory = facts.get("memory_mib")
    has = f"{_count(facts['cores'], 'core')}, {_memory(memory) if memory else 'memory unknown'}"
    machine = Finding("host", "ok", f"{facts['host']}, {facts['system']}: {has}")
    return [machine, *(_cluster(facts) if kind == SLURM else _plain(facts))]


def _plain(facts: Mapping[str, Any]) -> Iterator[Finding]:
    yield Finding("gpus", "ok", ", ".join(facts.get("gpus") or ()) or "none")
    logout = facts.get("logout") or {}
    linger = "`loginctl enable-linger` there keeps jobs alive after you log out"
    if logout.get("kills") is False or logout.get("lingers"):
        yield Finding("logout", "ok", "jobs go on after you log out")
    elif logout.get("kills") and logout.get("lingers") is False:
        yield Finding("logout", "bad", "systemd ends your jobs when you log out", linger)
    if facts.get("sbatch"):
        what = "SLURM is there, but jobs of this connector run on this very host"
        yield Finding("slurm", "warn", what, "`kind: slurm` in the profile sends them to its nodes")


def _cluster(facts: Mapping[str, Any]) -> Iterator[Finding]:
    site = sites.parsed(facts.get("limits"))
    if facts.get("asking") or site.at is None:
        what = f"did not say within {online.ANSWER_S:.0f} s what it allows"
        yield Finding("slurm", "warn", what, "try again when its commands are less slow")
    if site.at is None:
        return
    yield Finding("slurm", "ok", f"SLURM {site.version or 'of unknown version'}")
    for problem in site.problems:
        do = f"what it does not tell refuses no job here; {STAFF} to let you see it"
        yield Finding("slurm", "warn", f"did not say everything: {problem}", do)
    if site.has_accounting is not None:
        yield Finding("accounting", "ok", "there is" if site.has_accounting else "there is none")
    if site.max_array_size is not None:
        most = site.max_array_size
        yield Finding("arrays", "ok", f"MaxArraySize {most}" if most else "not allowed")
    if site.partitions == ():
        yield Finding("partition", "bad", "none that you can see", f"{STAFF} which you may use")
    for partition in site.partitions or ():
        yield _partition(partition, site)


def _partition(partition: Partition, site: SiteLimits) -> Finding:
    name = f"{partition.name} (default)" if partition.is_default else partition.name
    alike = [each for each in site.nodes or () if each.partition == partition.name]
    parts = [f"at most {hints.duration(partition.max_time_s)}"] if partition.max_time_s else []
    for nodes in alike:
        has = [_count(nodes.cpus, "core")] if nodes.cpus else []
        has += [_memory(nodes.mem_mib)] if nodes.mem_mib else []
        has += [f"{_count(count, 'GPU')} {kind}".rstrip() for kind, count in nodes.gpus.items()]
        parts.append(_count(nodes.count, "node") + (f" with {', '.join(has)}" if has else ""))
    text = f"{name}: {'; '.join(parts) or 'no limits told'}"
    if partition.state == "UP":
        return Finding("partition", "ok", text)
    do = f"launchers had better name another one; {STAFF} when it is back"
    return Finding(
        "partition", "warn", f"{text}; it is {partition.state or 'in no known state'}", do
    )


def _count(number: int, thing: str) -> str:
    return f"{number} {thing}{'' if number == 1 else 's'}"


def _memory(mib: int) -> str:
    return hints.size(mib * 1024)


def _named(profiles: Profiles, name: str) -> Spec:
    spec = profiles.connectors.get(name)
    if spec is None:
        hint = f"see {profiles.path}" if profiles.path else "there is no profile yet"
        near = did_you_mean(name, profiles.connectors)
        raise ProfileProblem(f"unknown connector {name!r}{near}", hint=hint)
    return spec


def _show(finding: Finding) -> None:
    verdict = render.paint(f"{finding.verdict:<4}", _COLOURS[finding.verdict], sys.stdout)
    render.line(f"{verdict}  {finding.topic:<10}  {finding.what}")
    if finding.do:
        render.line(f"  -> {finding.do}")
