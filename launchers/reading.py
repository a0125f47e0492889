"""A profile as a whole: load and check every layer, merge them and what extends, refer, and try each launcher once."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import reduce

from xpm.connectors.specs import Spec
from xpm.launchers import builtin, layers, load, placeholders, variables
from xpm.launchers.blueprints import Surroundings, read_blueprints
from xpm.launchers.environs import check_made, check_network
from xpm.launchers.inherit import Family, merge
from xpm.launchers.layers import Layer
from xpm.launchers.matching import Asked, match
from xpm.launchers.model import LOCAL, THIS_MACHINE, Blueprint, GpuType, Site, TokenRule
from xpm.launchers.notices import NOBODY, Notify, read_notify
from xpm.launchers.policies import read_policies
from xpm.launchers.report import Report, did_you_mean
from xpm.launchers.requests import refused
from xpm.launchers.results import check_results, read_results
from xpm.launchers.schema import Values
from xpm.launchers.sites import read_site, texts_of
from xpm.launchers.tree import Mark, Table
from xpm.launchers.vocabulary import CONNECTOR, LAUNCHER, PROFILE, VERSION
from xpm.sync.rules import Rules


@dataclass(frozen=True, slots=True)
class Read:
    """What a profile says."""

    launchers: Mapping[str, tuple[Blueprint, ...]] = field(
        default_factory=dict[str, tuple[Blueprint, ...]]
    )
    connectors: Mapping[str, Spec] = field(default_factory=dict[str, Spec])
    results: Mapping[str, Rules] = field(default_factory=dict[str, Rules])
    """Which files come back, by connector."""
    default: str | None = None
    notify: Notify = NOBODY
    """Whom to tell how experiments end."""
    tree: Table = field(default_factory=builtin.layer)
    """All of it, with what extends merged, each value with the place that says it."""


def read_profile(files: Sequence[Layer], sets: Sequence[str], report: Report) -> Read:
    """Launchers, connectors and the default launcher; what is wrong is in the report.

    Args:
        files: the layers that are files, those that count less first.
        sets: what the command line says over them.
        report: takes what is wrong.
    """
    found: list[Table] = []
    told: list[Table] = []
    for layer in files:
        try:
            tree = load.load(layer.path, report)
        except OSError as error:
            report.problem(None, str(layer.path), f"cannot be read: {error.strerror}")
            continue
        if tree is not None:
            values = PROFILE.read(tree, "", report) or Values({}, {}, tree.mark)
            _check_version(values, tree, report)
            if layer.name == "project":
                _check_modesty(tree, report)
            (told if layer.name == "discovered" else found).append(tree)
    if len(found) + len(told) < len(files):
        return Read()
    for tree in layers.words(sets, report):
        PROFILE.read(tree, "", report)
        found.append(tree)
    told = [layers.without_strangers(each, found) for each in told]
    return _read(reduce(merge, [*told, *found], builtin.layer()), report)


def _check_modesty(tree: Table, report: Report) -> None:
    """A project's file comes with the project: it must not choose what this machine runs, nor whom it tells."""
    if "notify" in tree.items:
        words = "a project cannot say whom this machine tells: say it in your own file"
        report.problem(tree.keys["notify"], "notify", words)
    for section in ("connector_templates", "connectors"):
        for name in tree.table(section).items:
            ssh = tree.table(section).table(name).table("ssh")
            if "config" in ssh.items:
                words = "a project cannot name an ssh configuration, which may run programs here: name it in your own file"
                report.problem(ssh.keys["config"], f"{section}.{name}.ssh.config", words)


def _read(tree: Table, report: Report) -> Read:
    values = PROFILE.read(tree, "", Report()) or Values({}, {}, tree.mark)  # problems are said
    connectors = _connectors(tree, report)
    sites = _sites(connectors, tree, values, report)
    launchers = Family("launcher", "launchers", tree.table("launchers"), report).all()
    blueprints = _blueprints(tree, launchers, values, sites, report)
    default = values.get("default", str)
    names = (*tree.table("launchers").items, LOCAL)
    if default is not None and default not in names:
        hint = did_you_mean(default, names, "known")
        report.problem(values.where("default"), "default", f"unknown launcher {default!r}{hint}")
    specs = {name: site.spec for name, site in sites.items() if site is not None}
    whole = {
        **tree.items,
        "connectors": Table(connectors, _keys(connectors), tree.mark),
        "launchers": Table(launchers, _keys(launchers), tree.mark),
    }
    merged = Table(whole, {key: tree.keys.get(key, tree.mark) for key in whole}, tree.mark)
    check_results(merged, report)
    results = read_results(merged, list(specs))
    return Read(blueprints, specs, results, default, read_notify(merged, report), merged)


def _keys(tables: Mapping[str, Table]) -> dict[str, Mark]:
    return {name: table.mark for name, table in tables.items()}


def _check_version(values: Values, tree: Table, report: Report) -> None:
    if "version" not in values.marks:
        report.problem(
            tree.mark, "version", "is missing, this format is version 1 (add: version: 1)"
        )
    version = values.get("version", int)
    if version is not None and version != VERSION:
        words = f"this xpm reads version {VERSION} of the format, not {version}"
        report.problem(values.where("version"), "version", words)


def _connectors(tree: Table, report: Report) -> dict[str, Table]:
    """Every connector with what it and its partitions extend."""
    templates = Family(
        "connector template", "connector_templates", tree.table("connector_templates"), report
    )
    family = Family("connector", "connectors", tree.table("connectors"), report, templates)
    templates.all()
    return {name: _with_partitions(table, name, report) for name, table in family.all().items()}


def _sites(
    connectors: Mapping[str, Table], tree: Table, values: Values, report: Report
) -> dict[str, Site | None]:
    policies = read_policies(values, report)
    sites: dict[str, Site | None] = {LOCAL: THIS_MACHINE}
    for name, table in connectors.items():
        read = CONNECTOR.read(
            table, f"connectors.{name}", Report()
        )  # its problems are said already
        assert read is not None
        if name == LOCAL and read.get("kind", str) not in (LOCAL, None):
            words = "is this machine, choose another name for another place"
            report.problem(table.mark, f"connectors.{LOCAL}", words)
        sites[name] = read_site(name, read, frozenset(table.items), policies, report)
    return variables.told(sites, tree)


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
    tree: Table,
    launchers: Mapping[str, Table],
    values: Values,
    sites: Mapping[str, Site | None],
    report: Report,
) -> dict[str, tuple[Blueprint, ...]]:
    around = Surroundings(sites, dict(values.tables("envs")), _tokens(values), _catalog(values))
    _check_envs(values, around, report)
    found: dict[str, tuple[Blueprint, ...]] = {}
    for name, read in _launchers(tree, launchers, sites):
        earlier = len(report.problems)
        blueprints = read_blueprints(name, read, around, report)
        if not blueprints:
            continue
        found[name] = blueprints
        if len(report.problems) == earlier:
            _try_out(blueprints, report)
    return found


def _launchers(
    tree: Table, launchers: Mapping[str, Table], sites: Mapping[str, Site | None]
) -> Iterator[tuple[str, Values]]:
    """Every launcher with what it extends, and the one of this machine."""
    for name, table in launchers.items():
        read = LAUNCHER.read(table, f"launchers.{name}", Report())  # its problems are said already
        assert read is not None
        yield name, read
    local = sites[LOCAL]
    if LOCAL not in launchers and local is not None:
        mark = local.mark or builtin.HERE
        yield LOCAL, Values({"connector": LOCAL}, {"connector": mark}, mark)


def _try_out(blueprints: tuple[Blueprint, ...], report: Report) -> None:
    """Say now what would be refused of every job."""
    found = match(blueprints, Asked(is_trial=True))
    if found.chosen is None:
        words = refused(found).what.partition(": ")[2]
        report.problem(blueprints[0].mark, f"launchers.{blueprints[0].name}", words)


def _check_envs(values: Values, around: Surroundings, report: Report) -> None:
    everywhere = dict.fromkeys(placeholders.ANYWHERE, "")
    for name, env in around.envs.items():
        check_made(env, f"envs.{name}", report)
        export = env.get("export", Values)
        for key, text in texts_of(export).items():
            mark, path = export.where(key) if export else env.mark, f"envs.{name}.export.{key}"
            placeholders.check_export(text, everywhere, "", mark, path, report)
    check_network(values, around.envs, report)
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
