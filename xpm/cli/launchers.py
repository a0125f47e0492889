"""``xpm launchers``: look at the launcher profiles, and ask them what would become of a job."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from xpm.cli import render

if TYPE_CHECKING:
    from collections.abc import Sequence

    from xpm.launchers.matching import Asked
    from xpm.launchers.profiles import Launcher, Profiles
    from xpm.launchers.report import Finding
    from xpm.sync.rules import Choice

SETS = click.option(
    "--set", "sets", metavar="KEY=VALUE", multiple=True,
    help="Say something over all files: launchers.gpu.time=2h.",
)  # fmt: skip
SCHEMA = 1
JSON = click.option("--json", "as_json", is_flag=True, help="Print JSON.")


@click.group("launchers")
def command() -> None:
    """Look at the launcher profiles, and ask what would become of a job.

    They come from /etc/xpm/launchers.yaml, $XPM_CONFIG_DIR/launchers.yaml (by default in
    ~/.config/xpm) and xpm-launchers.yaml of the project, later ones over earlier ones.
    """


@command.command("list")
@SETS
@JSON
def list_(sets: tuple[str, ...], as_json: bool) -> int:
    """List the launchers: where each goes, and what its jobs ask for by themselves."""
    profiles = _read(sets)
    if as_json:
        told = [_told(profiles, name) for name in profiles.names]
        render.document({"schema": SCHEMA, "launchers": told})
        return 0
    _table(profiles)
    return 0


@command.command("show")
@click.argument("name")
@click.option("--why", is_flag=True, help="Also print which line of which file says so.")
@SETS
@JSON
def show(name: str, why: bool, sets: tuple[str, ...], as_json: bool) -> int:
    """Print what the launcher or connector NAME comes to, with all that it extends and names."""
    from xpm.errors import ProfileProblem
    from xpm.launchers import showing
    from xpm.launchers.report import did_you_mean
    from xpm.launchers.tree import plain

    profiles = _read(sets)
    places = [name] if name in profiles.connectors else []
    if name in profiles.names:
        places = [spec.name for spec in profiles.launcher(name).connectors]
    if not places:
        known = list(dict.fromkeys((*profiles.names, *profiles.connectors)))
        raise ProfileProblem(
            f"there is no launcher or connector {name!r}{did_you_mean(name, known)}",
            on=str(profiles.path or "no profile yet"),
            hint="`xpm launchers list` shows where each goes",
        )
    shown = showing.parts(profiles.tree, name if name in profiles.names else None, places)
    if as_json:
        found = [value for path, tree in shown.items() for value in showing.values(tree, path)]
        marks = {each.path: each.mark.exact for each in found}
        trees = {path: plain(tree) for path, tree in shown.items()}
        told = {"schema": SCHEMA, "values": trees, "results": _results(profiles, name, places)}
        render.document({**told, "why": marks} if why else told)
        return 0
    for path, tree in shown.items():
        found = list(showing.values(tree, path)) if tree.items else []
        rows = [(f"{each.path}: {each.text}", each.mark.exact if why else "") for each in found]
        for text in render.aligned(rows) if rows else [f"{path}: as built in"]:
            render.line(text)
    _show_results(profiles, name, places)
    if name in profiles.names:
        _show_request(profiles.launcher(name))
    return 0


def _rules(profiles: "Profiles", name: str, places: "Sequence[str]") -> "dict[str, Choice]":
    """Which files come back of the jobs of a launcher or connector, by place."""
    from xpm.connectors.specs import LocalSpec

    rules = {place: profiles.rules(place) for place in places}
    is_launcher = name in profiles.names
    return {
        place: rules[place].of(name) if is_launcher else rules[place].usual
        for place in places
        if not isinstance(profiles.connectors[place], LocalSpec)
    }


def _results(profiles: "Profiles", name: str, places: "Sequence[str]") -> dict[str, object]:
    from xpm.launchers import results

    found = _rules(profiles, name, places)
    return {place: results.as_document(each) for place, each in found.items()}


def _show_results(profiles: "Profiles", name: str, places: "Sequence[str]") -> None:
    """Which files come back; said when it is not simply all of them."""
    from xpm.launchers import results
    from xpm.sync.rules import EVERYTHING

    for place, each in _rules(profiles, name, places).items():
        if each != EVERYTHING:
            render.line(f"results from {place}: {results.words(each)}")


def _show_request(launcher: "Launcher") -> None:
    """What its jobs ask for when they say nothing themselves."""
    from xpm.launchers import showing
    from xpm.launchers.matching import Asked

    chosen = launcher.match(Asked(is_trial=True)).chosen
    if chosen is None:
        return
    render.line(f"by itself: {showing.wants(chosen.needs)}, on {chosen.connector}")
    line = showing.sbatch_line(chosen)
    if line:
        render.line(line)


@command.command("check")
@click.option(
    "--folder",
    type=click.Path(file_okay=False, path_type=Path),
    help="Look only there.",
)
@click.option("--online", is_flag=True, help="Also ask the clusters what they allow.")
@SETS
@JSON
def check(folder: Path | None, online: bool, sets: tuple[str, ...], as_json: bool) -> int:
    """Read the profiles; list the launchers, or everything that is wrong with them.

    With --online, every cluster is asked what it allows, and launchers it can never serve are told.
    """
    from xpm import _notify
    from xpm.launchers.profiles import examine

    found = examine(folder, sets=sets)
    profiles = found.profiles
    if as_json:
        render.document(
            {
                "schema": SCHEMA,
                "files": [str(layer.path) for layer in profiles.files] if profiles else [],
                "problems": [_finding(each) for each in found.problems],
                "notes": [_finding(each) for each in found.notes],
                "launchers": [_told(profiles, name) for name in profiles.names] if profiles else [],
            }
        )
        if profiles is None:
            return 2
    else:
        for remark in found.notes:
            render.note(str(remark))
        profiles = _read(sets, folder)  # raises what is wrong, all of it at once
        _table(profiles)
        for problem in _notify.examine(profiles.notify):
            render.note(f"notify: {problem}")
        if not profiles.files:
            render.note(f"there is no {found.path}: jobs run on this machine")
    if not online:
        return 0
    from xpm.cli import online as asking

    return asking.check(profiles)


@command.command("discover")
@click.argument("connector")
@click.option("--dry-run", is_flag=True, help="Show what is new; keep nothing.")
def discover(connector: str, dry_run: bool) -> int:
    """Ask the place of CONNECTOR what it is, keep that as the layer below your profile, and show what is new.

    Partitions with their limits, nodes and GPUs, QOS; on a plain host its cores, memory and GPUs.
    """
    from xpm.cli import discover as discovering
    from xpm.cli.doctor import spec_of
    from xpm.launchers.profiles import load_profiles

    return discovering.discover(spec_of(load_profiles(), connector), dry_run)


@command.command("explain")
@click.argument("requirement", default="")
@click.option(
    "--launcher", "-l", metavar="NAME", help="Of this launcher; default: the default one."
)
@SETS
@JSON
def explain(requirement: str, launcher: str | None, sets: tuple[str, ...], as_json: bool) -> int:
    """Tell where a job with this REQUIREMENT would go, and why nowhere else.

    A requirement is what plans give as require=: "time=4h & cuda(mem=24G)*2 & cpu(cores=8)".
    Nothing is connected to; what clusters have told of themselves lately counts.
    """
    from xpm.errors import PlanProblem, ProfileProblem, UsageProblem
    from xpm.follow.told import told
    from xpm.launchers import requests, showing
    from xpm.launchers.matching import ANYTHING, Asked
    from xpm.plan.requirements import Req

    try:
        alternatives = Req(requirement).alternatives if requirement.strip() else ANYTHING
    except PlanProblem as problem:
        raise UsageProblem(problem.what, hint=problem.hint) from problem  # no line of a plan's
    profiles = _read(sets)
    asked = Asked(alternatives)
    chosen = profiles.launcher(launcher)
    found = chosen.match(asked, told)
    if as_json:
        render.document({"schema": SCHEMA, **showing.as_document(found)})
        return 0 if found.chosen else 2
    render.table(showing.HEADINGS, showing.rows(found))
    if found.chosen is None:
        refusal = requests.refused(found)
        words = refusal.what.partition("\n")[0]
        render.problem(ProfileProblem(words, where=refusal.where, hint=_other(profiles, asked)))
        return 2
    render.line(f"it asks for {showing.wants(found.chosen.needs)}")
    line = showing.sbatch_line(found.chosen)
    if line:
        render.line(line)
    return 0


def _other(profiles: "Profiles", asked: "Asked") -> str:
    """Which launchers of other machines could, where one cannot."""
    from xpm.follow.told import told

    able = [
        name
        for name in profiles.names
        if (chosen := profiles.launcher(name).match(asked, told).chosen) is not None
        and _kind(profiles.connectors[chosen.connector]) != "local"
    ]
    return f"ask for less, or name a launcher that can: {', '.join(able)}" if able else ""


@command.command("schema")
def schema() -> int:
    """Print the JSON schema of the format, for editors."""
    from xpm.launchers import schemas

    render.raw(schemas.marked().encode())
    return 0


def _read(sets: "Sequence[str]", folder: Path | None = None) -> "Profiles":
    """The profiles; the schemas beside them are brought up to date."""
    from xpm.launchers import schemas
    from xpm.launchers.profiles import load_profiles

    found = load_profiles(folder, sets=sets)
    schemas.refresh(found.files)
    return found


def _table(profiles: "Profiles") -> None:
    from xpm.launchers import showing
    from xpm.launchers.matching import Asked

    rows: list[list[str]] = []
    for name in profiles.names:
        launcher = profiles.launcher(name)
        kinds = dict.fromkeys(_kind(spec) for spec in launcher.connectors)
        chosen = launcher.match(Asked(is_trial=True)).chosen
        rows.append(
            [
                name,
                ", ".join(spec.name for spec in launcher.connectors),
                ", ".join(kinds),
                showing.wants(chosen.needs) if chosen else "",
                launcher.where,
                "default" if name == profiles.default else "",
            ]
        )
    render.table(("LAUNCHER", "CONNECTOR", "KIND", "ASKS FOR", "WHERE", ""), rows)


def _told(profiles: "Profiles", name: str) -> dict[str, object]:
    from xpm.launchers.matching import Asked
    from xpm.launchers.profiles import answer

    launcher = profiles.launcher(name)
    asked = Asked(is_trial=True)
    chosen = launcher.match(asked).chosen
    return {
        "name": name,
        "default": name == profiles.default,
        "connectors": [{"name": each.name, "kind": _kind(each)} for each in launcher.connectors],
        "asks": answer(chosen, asked).request["resources"] if chosen else None,
        "where": launcher.where,
    }


def _kind(spec: object) -> str:
    return type(spec).__name__.removesuffix("Spec").lower()


def _finding(finding: "Finding") -> dict[str, object]:
    mark = finding.mark
    return {
        "file": mark.file if mark else None,
        "line": mark.line if mark else None,
        "column": mark.column if mark else None,
        "path": finding.path,
        "text": finding.text,
    }
