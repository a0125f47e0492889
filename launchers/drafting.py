"""A profile for a place, drafted from what the place tells of itself. Pure.

What is drafted twice: once for a person, with comments, as the start of a file that is theirs to edit; and once for the
layer of what was discovered, which is ours and holds facts alone.
"""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import cast

from xpm.agent.limits import Association, Nodes, Partition, SiteLimits
from xpm.launchers import builtin, gpu_types, units
from xpm.launchers.surveying import Room, Survey
from xpm.wire import hints

Value = object
RESULTS = (
    "# all files of a job come back; large ones may stay until `xpm pull` (docs/profiles.md, Results):",
    '# sync: {results: {skip: ["ckpt/"], max_file: 1GB, live: ["metrics.csv"]}}',
)
HOUR_S = 3600
FEW_MIB = 4096
DEEP = 4
_PLAIN = re.compile(
    r"(?!(true|false|null|yes|no|on|off)$)[A-Za-z_/][A-Za-z0-9_./@-]*", re.IGNORECASE
)


@dataclass(frozen=True, slots=True)
class Draft:
    """What goes into a profile: the lines of each entry, without indentation."""

    name: str
    connector: Sequence[str]
    launchers: Mapping[str, str]
    catalog: Mapping[str, str]
    default: str


def draft(
    name: str,
    host: str,
    config: str | None,
    survey: Survey,
    rooms: Sequence[Room],
    taken: Sequence[str] = (),
) -> Draft:
    """The profile of a place that was asked.

    Args:
        name: of the connector.
        host: how ssh calls it.
        config: the ssh configuration it is in, when that is not the usual one.
        survey: what the host told.
        rooms: where jobs could lie.
        taken: names of launchers that exist already.
    """
    site = survey.site
    reach = {"host": host, **({"config": config} if config else {})}
    lines = [
        _line("kind", "slurm" if survey.is_slurm else "ssh", _about(survey)),
        _line("ssh", reach),
        *_workspace(rooms, "xpm" if survey.is_slurm else f"xpm-{name}"),
        *_python(survey),
    ]
    partitions = {each.name: each for each in usable(site)} if survey.is_slurm else {}
    if survey.is_slurm:
        lines += _customs(site)
        lines += [f"partitions:{'' if partitions else ' {}'}"]
        lines += [
            "  " + _line(key, _of_partition(each, site), _remarks(each, site))
            for key, each in partitions.items()
        ]
    else:
        lines.append(_line("host", _of_machine(survey), "what jobs may use of it"))
    lines += RESULTS
    launchers, default = _launchers(name, survey, partitions, taken)
    return Draft(name, lines, launchers, _catalog(survey), default)


def discovered(name: str, survey: Survey, is_slurm: bool) -> dict[str, Value]:
    """The layer of what was discovered of a connector: facts that every profile may build on."""
    if not is_slurm:
        facts: dict[str, Value] = {"host": _of_machine(survey)}
    else:
        facts = {
            "partitions": {
                each.name: _of_partition(each, survey.site) for each in usable(survey.site)
            }
        }
    content: dict[str, Value] = {"version": 1, "connectors": {name: facts}}
    catalog = {kind: _of_type(kind) for kind in _unknown_types(survey)}
    if catalog:
        content["catalog"] = {"gpus": catalog}
    return content


def accounts(site: SiteLimits) -> list[str]:
    """The accounts that the user may charge there, the default one first."""
    mine = sorted(site.associations or (), key=lambda each: not each.is_default)
    return list(dict.fromkeys(each.account for each in mine if each.account))


def default_account(site: SiteLimits) -> str | None:
    """The one that jobs are charged to which name none."""
    return next((each.account for each in site.associations or () if each.is_default), None)


def charging(survey: Survey, account: str) -> Survey:
    """What was told, with another account as the default one."""
    known = survey.site.associations or ()
    if account not in accounts(survey.site):
        known = (*known, Association(account, "", (), None, False, None, None, None, {}, {}))
    found = tuple(each._replace(is_default=each.account == account) for each in known)
    return replace(survey, site=survey.site._replace(associations=found))


def usable(site: SiteLimits) -> list[Partition]:
    """The partitions this user may send jobs to, the site's default one first."""
    mine = {each.account.lower() for each in site.associations or ()}
    found: list[Partition] = []
    for each in site.partitions or ():
        allowed = None if each.accounts is None else {account.lower() for account in each.accounts}
        if each.state not in ("UP", "") or (
            each.groups and site.groups and not set(each.groups) & set(site.groups)
        ):
            continue
        if allowed is not None and mine and not allowed & mine:
            continue
        if mine and mine <= {account.lower() for account in each.denied_accounts}:
            continue
        found.append(each)
    return sorted(found, key=lambda each: not each.is_default)


def types_of(survey: Survey) -> list[str]:
    """The types of GPU there, as the place names them."""
    names = {kind for nodes in survey.site.nodes or () for kind in nodes.gpus if kind}
    names |= {type_key(gpu.name) for gpu in survey.gpus}
    return sorted(names)


def type_key(name: str) -> str:
    """A GPU's own name as a key: ``NVIDIA A100-SXM4-40GB`` is ``a100-sxm4-40gb``."""
    return re.sub(r"[^a-z0-9._-]+", "-", name.lower().removeprefix("nvidia").strip()).strip("-")


def lines_of(content: Mapping[str, Value], depth: int = 0) -> Iterator[str]:
    """A mapping as YAML: tables down to those of partitions on lines of their own, so that a difference is a line."""
    for key, value in content.items():
        head = f"{'  ' * depth}{_text(key)}:"
        if isinstance(value, Mapping) and depth < DEEP:
            yield head
            yield from lines_of(cast("Mapping[str, Value]", value), depth + 1)
        else:
            yield f"{head} {flow(value)}"


def flow(value: Value) -> str:
    """A value on one line of YAML."""
    if isinstance(value, Mapping):
        table = cast("Mapping[str, Value]", value)
        return "{" + ", ".join(f"{_text(key)}: {flow(each)}" for key, each in table.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(flow, cast("list[Value]", value))) + "]"
    return _text(value) if isinstance(value, str) else json.dumps(value)


# ------------------------------------------------------------------------------ a site


def _about(survey: Survey) -> str:
    site = survey.site
    if not survey.is_slurm:
        return f"{survey.host}, {survey.system}: {survey.cores} cores, {hints.size(survey.memory_mib * 1024)}"
    told = [f"SLURM {site.version or 'of unknown version'}"]
    told += [f"cluster {site.cluster}"] if site.cluster else []
    told += [f"MaxArraySize {site.max_array_size}"] if site.max_array_size is not None else []
    told += [f"at most {site.max_submit} jobs queued"] if site.max_submit else []
    told += ["no accounting"] if site.has_accounting is False else []
    return ", ".join(told)


def _customs(site: SiteLimits) -> Iterator[str]:
    default = default_account(site)
    if default and len(accounts(site)) > 1:
        others = ", ".join(each for each in accounts(site) if each != default)
        yield _line("slurm", {"account": default}, f"your other accounts: {others}")
    elif default:
        yield _line("slurm", {"account": default})


def _of_partition(partition: Partition, site: SiteLimits) -> dict[str, Value]:
    alike = [each for each in site.nodes or () if each.partition == partition.name]
    facts: dict[str, Value] = {}
    if partition.max_time_s:
        facts["time"] = units.say_duration(partition.max_time_s)
    if partition.max_nodes:
        facts["nodes"] = partition.max_nodes
    cpus = [
        n for n in [partition.max_cpus or max((each.cpus or 0 for each in alike), default=0)] if n
    ]
    mem = partition.max_mem_mib or max((each.mem_mib or 0 for each in alike), default=0)
    facts.update({"cpus": cpus[0]} if cpus else {})
    facts.update({"mem": units.say_size(mem * units.MIB)} if mem else {})
    gpus: dict[str, Value] = {}
    for nodes in alike:
        for kind, count in nodes.gpus.items():
            key = kind or "gpu"
            gpus[key] = max(count, int(str(gpus.get(key, 0))))
    facts.update({"gpus": gpus} if gpus else {})
    account = _account(partition, site)
    facts.update({"account": account} if account else {})
    qos = _qos(partition, site)
    facts.update({"qos": qos} if qos else {})
    return facts


def _account(partition: Partition, site: SiteLimits) -> str | None:
    """The account to charge there, where it cannot be the default one."""
    mine = [each for each in site.associations or () if each.partition in ("", partition.name)]
    allowed = None if partition.accounts is None else {each.lower() for each in partition.accounts}
    denied = {each.lower() for each in partition.denied_accounts}
    fit = [
        each
        for each in mine
        if (allowed is None or each.account.lower() in allowed)
        and each.account.lower() not in denied
    ]
    if not fit or any(each.is_default for each in fit):
        return None
    return fit[0].account


def _qos(partition: Partition, site: SiteLimits) -> list[Value]:
    """The QOS a job may name there, when there is a choice."""
    mine = list(dict.fromkeys(name for each in site.associations or () for name in each.qos))
    allowed = [
        name
        for name in mine
        if (partition.allowed_qos is None or name in partition.allowed_qos)
        and name not in partition.denied_qos
    ]
    known = {each.name: each for each in site.qos or ()}
    if len(allowed) < 2:
        return []
    found: list[Value] = []
    for name in allowed:
        limit = known[name].max_wall_s if name in known else None
        found.append({"name": name, **({"time": units.say_duration(limit)} if limit else {})})
    return found


def _remarks(partition: Partition, site: SiteLimits) -> str:
    alike = [each for each in site.nodes or () if each.partition == partition.name]
    told = ["the site's default"] if partition.is_default else []
    told += [_shape(each, len(alike) > 1) for each in alike]
    if any("" in each.gpus for each in alike):
        told.append("the site does not say which type of GPU")
    return "; ".join(told)


def _shape(nodes: Nodes, is_one_of_many: bool) -> str:
    """So many nodes, and what tells them from the others of their partition."""
    has = [f"{nodes.cpus} cores"] if nodes.cpus else []
    has += [f"{count} GPUs{kind and ' '}{kind}" for kind, count in nodes.gpus.items()] or ["no GPU"]
    text = f"{nodes.count} node{'s' if nodes.count != 1 else ''}"
    return f"{text} with {', '.join(has)}" if is_one_of_many else text


def _of_machine(survey: Survey) -> dict[str, Value]:
    facts: dict[str, Value] = {"cpus": survey.cores}
    facts.update(
        {"mem": units.say_size(survey.memory_mib * units.MIB)} if survey.memory_mib else {}
    )
    gpus: dict[str, Value] = {}
    for gpu in survey.gpus:
        key = type_key(gpu.name)
        gpus[key] = 1 + int(str(gpus.get(key, 0)))
    facts.update({"gpus": gpus} if gpus else {})
    return facts


# ----------------------------------------------------------------------------- a person


def _workspace(rooms: Sequence[Room], folder: str) -> Iterator[str]:
    """A folder of its own for each machine: homes are often shared, workspaces never."""
    if not rooms:
        yield _line(
            "workspace", f"$HOME/{folder}", "no folder was found that can be written: name one"
        )
        return
    best = rooms[0]
    told = [f"{hints.size(best.free_kib)} free"] if best.free_kib is not None else []
    if best.name == "$HOME":
        told.append("your home: name a bigger, faster file system if there is one")
    elif "scratch" in best.path.lower():
        told.append("such file systems are often purged: read the site's rules")
    if best.free_inodes is not None and 0 < best.free_inodes < 100_000:
        told.append(f"only {best.free_inodes} more files")
    others = [each.name for each in rooms[1:]]
    told += [f"others: {', '.join(others)}"] if others else []
    yield _line("workspace", f"{best.name}/{folder}", "; ".join(told))


def _python(survey: Survey) -> Iterator[str]:
    best = survey.python
    if best is not None:
        version = ".".join(map(str, best[1]))
        yield _line(
            "python", best[0], f"{version} on the login node; better: the one with your packages"
        )
        return
    yield "# python: ...  # none of 3.9 or newer was found: name one"
    if survey.modules:
        yield f"#   or load one: modules: [{survey.modules[0]}]; there are {', '.join(survey.modules)}"


def _launchers(
    name: str, survey: Survey, partitions: Mapping[str, Partition], taken: Sequence[str]
) -> tuple[dict[str, str], str]:
    def free(wanted: str) -> str:
        wanted = re.sub(r"[^A-Za-z0-9._-]+", "-", wanted).lstrip("._-") or name
        return wanted if wanted not in taken and wanted != "local" else f"{name}-{wanted}"

    if not survey.is_slurm:
        key = free(name)
        return {key: flow({"connector": name, "cpus": 1})}, key
    found = {
        free(key): flow({"connector": name, "partition": key, **_modest(each, survey.site)})
        for key, each in partitions.items()
    }
    if not found:
        found = {free(name): flow({"connector": name, "cpus": 1, "time": "1h"})}
    return found, next(iter(found))


def _modest(partition: Partition, site: SiteLimits) -> dict[str, Value]:
    """What a first job asks for: little, but within all limits."""
    alike = [each for each in site.nodes or () if each.partition == partition.name]
    shares = [each.mem_mib // max(1, each.cpus or 1) for each in alike if each.mem_mib]
    mem = min([FEW_MIB, *(share for share in shares if share)])
    wish: dict[str, Value] = {"cpus": 1}
    wish.update({"mem": units.say_size(mem * units.MIB)} if shares else {})
    wish["time"] = units.say_duration(min(HOUR_S, partition.max_time_s or HOUR_S))
    has_gpus = bool(alike) and all(each.gpus for each in alike)
    wish.update({"gpus": 1} if has_gpus else {})
    return wish


def _catalog(survey: Survey) -> dict[str, str]:
    return {kind: flow(_of_type(kind)) for kind in _unknown_types(survey)}


def _unknown_types(survey: Survey) -> list[str]:
    """The types there that are known by their names, and not built in under these."""
    known = builtin.layer().table("catalog").table("gpus").items
    return [kind for kind in types_of(survey) if kind not in known and gpu_types.known(kind)]


def _of_type(kind: str) -> dict[str, Value]:
    known = gpu_types.known(kind)
    assert known is not None
    facts: dict[str, Value] = {"vendor": known.vendor} if known.vendor else {}
    facts.update({"vram": units.say_size(known.vram)} if known.vram else {})
    facts.update({"capability": known.capability} if known.capability else {})
    return facts


def _line(key: str, value: Value, comment: str = "") -> str:
    return f"{key}: {flow(value)}" + (f"  # {comment}" if comment else "")


def _text(text: str) -> str:
    return (
        text
        if _PLAIN.fullmatch(text) or re.fullmatch(r"[0-9]+[A-Za-z]+\w*", text)
        else json.dumps(text, ensure_ascii=False)
    )
