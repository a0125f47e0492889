"""A profile file as a whole: load, check every word, merge what extends, refer, and try each launcher once."""

from collections.abc import Iterator, Mapping
from pathlib import Path

from xpm.connectors.specs import Spec
from xpm.errors import ProfileProblem
from xpm.launchers import load, placeholders
from xpm.launchers.blueprints import Surroundings, read_blueprint
from xpm.launchers.environs import check_made
from xpm.launchers.inherit import Family
from xpm.launchers.model import LOCAL, THIS_MACHINE, Blueprint, GpuType, Site, TokenRule
from xpm.launchers.policies import read_policies
from xpm.launchers.report import Report, did_you_mean
from xpm.launchers.requests import request
from xpm.launchers.schema import Values
from xpm.launchers.sites import read_site, texts_of
from xpm.launchers.tree import Table
from xpm.launchers.vocabulary import CONNECTOR, LAUNCHER, PROFILE, VERSION

Read = tuple[Mapping[str, Blueprint], Mapping[str, Spec], str | None]


def read_profile(path: Path, report: Report) -> Read:
    """Launchers, connectors and the default launcher; what is wrong is in the report."""
    try:
        tree = load.load(path, report)
    except OSError as error:
        report.problem(None, str(path), f"cannot be read: {error.strerror}")
        return {}, {}, None
    if tree is None:
        return {}, {}, None
    values = PROFILE.read(tree, "", report) or Values({}, {}, tree.mark)
    _check_version(values, tree, report)
    sites = _sites(tree, values, report)
    blueprints = _blueprints(tree, values, sites, report)
    default = values.get("default", str)
    names = (*tree.table("launchers").items, LOCAL)
    if default is not None and default not in names:
        hint = did_you_mean(default, names, "known")
        report.problem(values.where("default"), "default", f"unknown launcher {default!r}{hint}")
    specs = {name: site.spec for name, site in sites.items() if site is not None}
    return blueprints, specs, default


def _check_version(values: Values, tree: Table, report: Report) -> None:
    if "version" not in values.marks:
        report.problem(
            tree.mark, "version", "is missing, this format is version 1 (add: version: 1)"
        )
    version = values.get("version", int)
    if version is not None and version != VERSION:
        words = f"this xpm reads version {VERSION} of the format, not {version}"
        report.problem(values.where("version"), "version", words)


def _sites(tree: Table, values: Values, report: Report) -> dict[str, Site | None]:
    templates = Family(
        "connector template", "connector_templates", tree.table("connector_templates"), report
    )
    family = Family("connector", "connectors", tree.table("connectors"), report, templates)
    templates.all()
    policies = read_policies(values)
    sites: dict[str, Site | None] = {LOCAL: THIS_MACHINE}
    for name, table in family.all().items():
        table = _with_partitions(table, name, report)
        read = CONNECTOR.read(
            table, f"connectors.{name}", Report()
        )  # its problems are said already
        assert read is not None
        if name == LOCAL and read.get("kind", str) not in (LOCAL, None):
            words = "is this machine, choose another name for another place"
            report.problem(table.mark, f"connectors.{LOCAL}", words)
        sites[name] = read_site(name, read, frozenset(table.items), policies, report)
    return sites


def _with_partitions(table: Table, name: str, report: Report) -> Table:
    """The connector with what its partitions extend."""
    path = f"connectors.{name}.partitions"
    partitions = table.table("partitions")
    merged = Family("partition", path, partitions, report).all()
    if not merged:
        return table
    inner = Table(dict(merged), partitions.keys, partitions.mark)
    return Table({**table.items, "partitions": inner}, table.keys, table.mark)


def _blueprints(
    tree: Table, values: Values, sites: Mapping[str, Site | None], report: Report
) -> dict[str, Blueprint]:
    around = Surroundings(sites, dict(values.tables("envs")), _tokens(values), _catalog(values))
    _check_envs(values, around, report)
    found: dict[str, Blueprint] = {}
    for name, read in _launchers(tree, sites, report):
        earlier = len(report.problems)
        blueprint = read_blueprint(name, read, around, report)
        if blueprint is None:
            continue
        found[name] = blueprint
        if len(report.problems) == earlier:
            _try_out(blueprint, report)
    return found


def _launchers(
    tree: Table, sites: Mapping[str, Site | None], report: Report
) -> Iterator[tuple[str, Values]]:
    """Every launcher with what it extends, and the one of this machine."""
    family = Family("launcher", "launchers", tree.table("launchers"), report)
    for name, table in family.all().items():
        read = LAUNCHER.read(table, f"launchers.{name}", Report())  # its problems are said already
        assert read is not None
        yield name, read
    local = sites[LOCAL]
    if LOCAL not in family.names and local is not None:
        mark = local.mark or tree.mark
        yield LOCAL, Values({"connector": LOCAL}, {"connector": mark}, mark)


def _try_out(blueprint: Blueprint, report: Report) -> None:
    """Say now what would be refused of every job."""
    try:
        request(blueprint, {})
    except ProfileProblem as problem:
        words = problem.what.partition(": ")[2]
        report.problem(blueprint.mark, f"launchers.{blueprint.name}", words)


def _check_envs(values: Values, around: Surroundings, report: Report) -> None:
    everywhere = dict.fromkeys(placeholders.ANYWHERE, "")
    for name, env in around.envs.items():
        check_made(env, f"envs.{name}", report)
        export = env.get("export", Values)
        for key, text in texts_of(export).items():
            mark, path = export.where(key) if export else env.mark, f"envs.{name}.export.{key}"
            placeholders.check_export(text, everywhere, "", mark, path, report)
    for section in ("connector_templates", "connectors", "launchers"):
        for name, table in values.tables(section):
            chosen = table.get("env", str)
            if chosen is not None and chosen not in around.envs:
                words = (
                    f"unknown environment {chosen!r}{did_you_mean(chosen, around.envs, 'known')}"
                )
                report.problem(table.where("env"), f"{section}.{name}.env", words)


def _tokens(values: Values) -> dict[str, TokenRule]:
    return {
        name: TokenRule(
            kind=token.get("kind", str) or "slots",
            total=token.get("total", int),
            mark=token.mark,
            shared=token.get("shared", str),
        )
        for name, token in values.tables("tokens")
    }


def _catalog(values: Values) -> dict[str, GpuType]:
    catalog = values.get("catalog", Values)
    return {
        name: GpuType(gpu.get("vram", int), gpu.get("vendor", str), gpu.get("capability", str))
        for name, gpu in (catalog.tables("gpus") if catalog else ())
    }
