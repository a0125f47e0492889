"""``xpm launchers check --online``: what the clusters of a profile allow now, and which launchers they can never serve."""

from collections.abc import Mapping
from pathlib import Path

from xpm.agent import limits
from xpm.agent.limits import SiteLimits
from xpm.cli import prompting, render
from xpm.connectors.base import Connector
from xpm.connectors.specs import SlurmSpec, Spec
from xpm.errors import ProfileProblem, XpmError
from xpm.follow import sites
from xpm.follow.world import World
from xpm.launchers import claims
from xpm.launchers.matching import Asked
from xpm.launchers.profiles import Profiles
from xpm.launchers.requests import request

ANSWER_S = 60.0


def check(profiles: Profiles, world: World | None = None) -> int:
    """Ask every cluster, tell what it allows, and what is wrong; the exit code of the first problem."""
    problems: list[XpmError] = []
    for spec in profiles.connectors.values():
        if not isinstance(spec, SlurmSpec):
            continue
        try:
            site = _asked(spec, world or World())
            _tell(spec, site)
            for finding in claims.differences(
                profiles.tree.table("connectors").table(spec.name), site, spec.name
            ):
                render.note(str(finding))
            problems += _wrong(profiles, spec, site)
        except XpmError as problem:
            problems.append(problem)
    for each in problems:
        render.problem(each)
    return problems[0].exit_code if problems else 0


def ask(spec: Spec, world: World, main: Path) -> Mapping[str, object]:
    """The facts a place tells now; what a cluster allows is remembered."""
    prompting.install()
    connector = world.open(spec, main)
    try:
        return facts_of(spec, connector)
    finally:
        connector.close()


def facts_of(spec: Spec, connector: Connector) -> Mapping[str, object]:
    """The facts a place tells over this connector, its limits asked for anew and remembered."""
    facts = connector.probe(refresh_s=ANSWER_S if isinstance(spec, SlurmSpec) else 0.0)
    told = facts.get("limits")
    if isinstance(told, dict):
        sites.keep(spec, told)
    return facts


def _asked(spec: SlurmSpec, world: World) -> SiteLimits:
    told = ask(spec, world, Path()).get("limits")
    return sites.parsed(told) if isinstance(told, dict) else limits.UNKNOWN


def _tell(spec: SlurmSpec, site: SiteLimits) -> None:
    if site.at is None:
        render.note(f"{spec.name} does not say what it allows")
        return
    names = ", ".join(each.name for each in site.partitions or ()) or "unknown"
    render.line(f"{spec.name}: SLURM {site.version or 'of unknown version'}; partitions: {names}")
    for problem in site.problems:
        render.note(f"{spec.name} did not say everything: {problem}")


def _wrong(profiles: Profiles, spec: SlurmSpec, site: SiteLimits) -> list[XpmError]:
    found: list[XpmError] = []
    for name in profiles.names:
        launcher = profiles.launcher(name)
        if spec not in launcher.connectors:
            continue
        there = launcher.at(spec.name)
        chosen = there.match(Asked(is_trial=True)).chosen
        if chosen is None:
            continue
        try:
            there.refuse(request(chosen, False, {}), site, "just now", launcher.where)
        except ProfileProblem as problem:
            found.append(problem)
    return found
