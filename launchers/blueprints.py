"""From a launcher of a profile to what its jobs want and where, reporting what cannot be."""

from collections.abc import Mapping
from dataclasses import dataclass

from xpm.launchers import placeholders, secrets
from xpm.launchers.flags import check_extra
from xpm.launchers.model import Blueprint, GpuType, Prefer, Setup, Site, TokenRule, Wish
from xpm.launchers.policies import read_policy
from xpm.launchers.report import Report, did_you_mean, nearest
from xpm.launchers.schema import Values
from xpm.launchers.sites import numbers_of, read_setup
from xpm.launchers.units import Comparison
from xpm.plan.needs import GpuNeed, Need

SLURM_ONLY = ("partition", "account", "qos", "constraint", "extra")


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What launchers of one profile refer to; a connector that is broken maps to None."""

    sites: Mapping[str, Site | None]
    envs: Mapping[str, Values]
    tokens: Mapping[str, TokenRule]
    catalog: Mapping[str, GpuType]


def read_blueprints(
    name: str, values: Values, around: Surroundings, report: Report
) -> tuple[Blueprint, ...]:
    """The launcher at each of its places, in its order; none when a place is unknown or broken."""
    path = f"launchers.{name}"
    check_extra(values, path, report)
    sites = _sites(values, around, path, report)
    wish = _wish(values)
    _check_partition(values, wish, sites, path, report)
    if sites and not any(site.is_slurm for site in sites):
        _say_without_effect(values, path, report)
    return tuple(_at(name, values, wish, site, around, report) for site in sites)


def _at(
    name: str, values: Values, wish: Wish, site: Site, around: Surroundings, report: Report
) -> Blueprint:
    path = f"launchers.{name}"
    _check_tokens(values, site, around, path, report)
    return Blueprint(
        name=name,
        site=site,
        wish=wish,
        setup=_setup(values, site, around, path, report),
        policy=read_policy(values),
        tokens=_counts(values),
        rules=around.tokens,
        catalog=around.catalog,
        mark=values.mark,
        marks=values.marks,
    )


def _sites(values: Values, around: Surroundings, path: str, report: Report) -> tuple[Site, ...]:
    keys = [key for key in ("connector", "connectors") if key in values.marks]
    if len(keys) == 2:
        words = "say 'connector' or 'connectors', not both"
        report.problem(values.where("connectors"), f"{path}.connectors", words)
    if not keys:
        words = "'connector' is missing: say where its jobs go"
        known = ", ".join(around.sites)
        report.problem(values.mark, path, f"{words} (known: {known})")
        return ()
    one = values.get("connector", str)
    names = (one,) if one is not None else values.texts("connectors")
    for index, name in enumerate(names):
        if name not in around.sites:
            here = f"{path}.connector" if one is not None else f"{path}.connectors[{index}]"
            hint = did_you_mean(name, around.sites, "known")
            report.problem(values.where(keys[0]), here, f"unknown connector {name!r}{hint}")
    if len(set(names)) < len(names):
        twice = next(name for name in names if names.count(name) > 1)
        words = f"{twice!r} is here twice"
        report.problem(values.where(keys[0]), f"{path}.connectors", words)
    sites = [around.sites.get(name) for name in dict.fromkeys(names)]
    found = tuple(site for site in sites if site is not None)
    return found if len(found) == len(sites) else ()


def _wish(values: Values) -> Wish:
    require = values.get("require", Values)
    defaults = values.get("defaults", Values)
    layers = [layer for layer in (values, defaults) if layer is not None]
    gpus, gpu_type = _gpus(layers)

    def number(key: str) -> int | None:
        return next((n for layer in layers if (n := layer.get(key, int)) is not None), None)

    return Wish(
        partition=values.get("partition", str),
        cpus=number("cpus"),
        mem=number("mem"),
        time_s=number("time"),
        nodes=number("nodes"),
        gpus=gpus,
        gpu_type=gpu_type,
        cpus_per_gpu=number("cpus_per_gpu"),
        mem_per_gpu=number("mem_per_gpu"),
        account=values.get("account", str),
        qos=values.get("qos", str),
        constraint=values.get("constraint", str),
        extra=values.texts("extra"),
        least=_least(require) if require else Need(),
        prefer=_prefer(values.get("prefer", Values)),
    )


def _gpus(layers: list[Values]) -> tuple[int | None, str | None]:
    """How many, and of which type: ``2``, ``a100``, ``a100:2``."""
    said = next((layer.values["gpus"] for layer in layers if "gpus" in layer.values), None)
    if said is None:
        return None, None
    type_, _, count = said.partition(":") if isinstance(said, str) else ("", "", str(said))
    return int(count or 1), type_ or None


def _least(require: Values) -> Need:
    like = require.get("gpu", Values)
    gpus, type_ = _gpus([require])
    vram = like.get("vram", Comparison) if like else None
    capability = like.get("capability", str) if like else None
    return Need(
        cpus=require.get("cpus", int),
        mem=require.get("mem", int),
        time_s=require.get("time", int),
        nodes=require.get("nodes", int),
        gpus=gpus if like is None else gpus or 1,
        gpu=GpuNeed(
            type=type_ or (like.get("type", str) if like else None),
            vendor=like.get("vendor", str) if like else None,
            vram=(vram,) if vram else (),
            capability=(capability,) if capability else (),
        ),
        tags=require.texts("tags"),
    )


def _prefer(values: Values | None) -> Prefer:
    if values is None:
        return Prefer()
    return Prefer(values.get("preemptible", bool) or False, values.texts("tags"))


def _check_partition(
    values: Values, wish: Wish, sites: tuple[Site, ...], path: str, report: Report
) -> None:
    """A partition that no place has is a mistake; so is a QOS that the partition has not."""
    described = [site for site in sites if site.partitions]
    if wish.partition is None or not described or len(described) < sum(s.is_slurm for s in sites):
        return
    for name in wish.partition.split(","):
        site = next((site for site in described if name in site.partitions), described[0])
        partition = site.partitions.get(name)
        if partition is None:
            known = [each for site in described for each in site.partitions]
            hint = did_you_mean(name, known, f"of {', '.join(s.spec.name for s in described)}")
            words = f"unknown partition {name!r}{hint}"
            report.problem(values.where("partition"), f"{path}.partition", words)
        elif (
            wish.qos
            and partition.qos
            and wish.qos not in (known := [q.name for q in partition.qos])
        ):
            hint = did_you_mean(wish.qos, known, f"of {name}")
            report.problem(values.where("qos"), f"{path}.qos", f"unknown QOS {wish.qos!r}{hint}")


def _check_tokens(
    values: Values, site: Site, around: Surroundings, path: str, report: Report
) -> None:
    for name, rule in around.tokens.items():
        if site.is_slurm and rule.kind == "license" and not is_paid(name, rule, site):
            words = f"{site.spec.name} lists no such licence under slurm.licenses, so xpm counts it"
            report.note(rule.mark, f"tokens.{name}", words)
        if rule.shared and rule.kind in ("cpu", "gpu", "exclusive"):
            words = f"has no effect on a token of kind {rule.kind}, which the place gives"
            report.note(rule.mark, f"tokens.{name}.shared", words)
    where = values.get("tokens", Values)
    for name, count in _counts(values).items():
        assert where is not None
        rule = around.tokens.get(name, TokenRule("slots"))
        if is_paid(name, rule, site):
            continue
        total = total_of(name, rule, site)
        here = f"{path}.tokens.{name}"
        if total is None:
            near = None if name in around.tokens else nearest(name, around.tokens)
            how = (
                f"did you mean {near!r}?"
                if near
                else f"add to tokens: {name}: {{kind: slots, total: 8}}"
            )
            words = f"nothing says how many units there are ({how})"
            report.problem(where.where(name), here, words)
        elif count > total:
            report.problem(where.where(name), here, f"{count} units of {total} can never be had")


def is_paid(name: str, rule: TokenRule, site: Site) -> bool:
    """Whether the place gives this token, as cores, GPUs, licences or a whole host; others are counted slots."""
    if rule.kind == "license":
        return site.is_slurm and name in site.customs.licenses
    return rule.kind != "slots"


def total_of(name: str, rule: TokenRule, site: Site) -> int | None:
    """How many units the profile says there are."""
    return site.licenses.get(name, rule.total) if not site.is_slurm else rule.total


def _counts(values: Values) -> dict[str, int]:
    return numbers_of(values.get("tokens", Values))


def _say_without_effect(values: Values, path: str, report: Report) -> None:
    for key in SLURM_ONLY:
        if key in values.marks:
            words = "has no effect on a place without Slurm"
            report.note(values.where(key), f"{path}.{key}", words)


def _setup(values: Values, site: Site, around: Surroundings, path: str, report: Report) -> Setup:
    """Of connector, environment and launcher, in this order; the connector's own Python is the place's."""
    setup = Setup(None, site.setup.pre, site.setup.modules, site.setup.export)
    name = values.get("env", str) or site.env
    env = around.envs.get(name) if name is not None else None
    if env is not None:
        _check_words(env, site, f"envs.{name}", report)
        setup = setup.then(read_setup(env, site.words))
    _check_words(values, site, path, report)
    return setup.then(read_setup(values, site.words))


def _check_words(values: Values, site: Site, path: str, report: Report) -> None:
    secrets.check_lines(values.texts("pre"), values.where("pre"), f"{path}.pre", report)
    python = values.get("python", str)
    if python:
        placeholders.check(python, site.words, values.where("python"), f"{path}.python", report)
    export = values.get("export", Values)
    for key, value in export.values.items() if export else ():
        if export is not None and isinstance(value, str):
            place, mark, here = site.spec.name, export.where(key), f"{path}.export.{key}"
            placeholders.check_export(value, site.words, place, mark, here, report)
