"""Where a profile says other things of a cluster than the cluster itself: what ``check --online`` tells besides what is refused.

Pure: the words of the profile, with their places, against what the site has told. What it does not tell contradicts nothing.
"""

from collections.abc import Callable, Iterable, Iterator

from xpm.agent.limits import Nodes, SiteLimits
from xpm.agent.limits import Partition as SitePartition
from xpm.launchers.report import Finding, Report, did_you_mean
from xpm.launchers.schema import Values
from xpm.launchers.tree import Mark, Table
from xpm.launchers.units import MIB, say_duration, say_size
from xpm.launchers.vocabulary import CONNECTOR


def differences(connector: Table, site: SiteLimits, name: str) -> list[Finding]:
    """Every word of a connector that the site contradicts.

    Args:
        connector: the connector, with all it extends.
        site: what the site has told.
        name: of the connector.
    """
    path = f"connectors.{name}"
    values = CONNECTOR.read(connector, path, Report())
    if values is None:
        return []
    slurm = values.get("slurm", Values)
    found = list(_of_customs(slurm, site, f"{path}.slurm")) if slurm else []
    for key, partition in values.tables("partitions"):
        found += _of_partition(key, partition, slurm, site, f"{path}.partitions.{key}")
    return found


def _of_customs(slurm: Values, site: SiteLimits, path: str) -> Iterator[Finding]:
    yield from _account(slurm, site, path)
    licenses = slurm.get("licenses", Values)
    if licenses is None or site.licenses is None:
        return
    for key, asked in licenses.values.items():
        if asked not in site.licenses:
            words = f"the site has no licence {asked!r}{did_you_mean(str(asked), site.licenses)}"
            yield Finding(licenses.where(key), f"{path}.licenses.{key}", words)


def _account(values: Values, site: SiteLimits, path: str) -> Iterator[Finding]:
    account = values.get("account", str)
    mine = list(dict.fromkeys(each.account for each in site.associations or ()))
    if account is None or not mine or account.lower() in (each.lower() for each in mine):
        return
    words = f"you have no account {account!r}{did_you_mean(account, mine, 'yours')}"
    yield Finding(values.where("account"), f"{path}.account", words)


def _of_partition(
    key: str, partition: Values, slurm: Values | None, site: SiteLimits, path: str
) -> Iterator[Finding]:
    yield from _account(partition, site, path)
    if site.partitions is None:
        return
    name = partition.get("name", str) or key
    there = next((each for each in site.partitions if each.name == name), None)
    if there is None:
        known = [each.name for each in site.partitions]
        words = f"the site has no partition {name!r}{did_you_mean(name, known, 'it has')}"
        yield Finding(partition.where("name"), path, words)
        return
    alike = [each for each in site.nodes or () if each.partition == name]
    yield from _numbers(partition, there, alike, path)
    yield from _gpus(partition, slurm, alike, path)
    names = [each.name for each in site.qos or ()]
    for qos in partition.items("qos") if names else ():
        said = qos.get("name", str) if isinstance(qos, Values) else None
        if isinstance(qos, Values) and said is not None and said not in names:
            words = f"the site has no QOS {said!r}{did_you_mean(said, names, 'it has')}"
            yield Finding(qos.where("name"), f"{path}.qos", words)


def _numbers(
    partition: Values, there: SitePartition, alike: Iterable[Nodes], path: str
) -> Iterator[Finding]:
    alike = list(alike)
    told: dict[str, tuple[int | None, Callable[[int], str]]] = {
        "time": (there.max_time_s, say_duration),
        "nodes": (there.max_nodes, str),
        "cpus": (max((each.cpus or 0 for each in alike), default=0) or None, str),
        "mem": (max((each.mem_mib or 0 for each in alike), default=0) * MIB or None, say_size),
    }
    for key, (limit, say) in told.items():
        said = partition.get(key, int)
        if said is not None and limit is not None and said > limit:
            words = f"{say(said)} is said here, the site has {say(limit)}"
            yield Finding(partition.where(key), f"{path}.{key}", words)


def _gpus(
    partition: Values, slurm: Values | None, alike: Iterable[Nodes], path: str
) -> Iterator[Finding]:
    gpus = partition.get("gpus", Values)
    there: dict[str, int] = {}
    for nodes in alike:
        for kind, each in nodes.gpus.items():
            there[kind] = max(each, there.get(kind, 0))
    in_flag = slurm is None or slurm.get("gpu_type_in", str) != "constraint"
    if gpus is None or not there:
        return
    for key, said in gpus.values.items():
        inner = said if isinstance(said, Values) else None
        name = (inner.get("name", str) if inner else None) or key
        count: object = inner.get("per_node", int) if inner is not None else said
        mark: Mark = gpus.where(key)
        if in_flag and any(there) and name not in there:
            words = f"its nodes have no GPU {name!r}{did_you_mean(name, filter(None, there), 'they have')}"
            yield Finding(mark, f"{path}.gpus.{key}", words)
        most = there.get(name, max(there.values()))
        if isinstance(count, int) and count > most:
            words = f"{count} of a node are said here, the site has {most}"
            yield Finding(mark, f"{path}.gpus.{key}", words)
