"""What a site can never run, found before it is asked: the sbatch options of a request against the site's limits.

SLURM accepts some of this and lets it wait for ever (a time over the partition's limit), and nobody may fall back to
another partition in silence. Pure; what is unknown of the site refuses nothing. Where the site's own plugins may
change what a job asks for, names that nobody knows are left to sbatch: they may be the plugins'.
"""

import difflib
from typing import Any, Iterable, List, Mapping, NamedTuple, Optional, Sequence, Tuple

from xpm.agent.limits import Association, Nodes, Partition, Qos, SiteLimits
from xpm.agent.slurm_request import Ask, asked

Objection = NamedTuple("Objection", [("flag", str), ("place", str), ("words", str)])
"""Why it can never run: the sbatch flag at fault, the partition ("" for the whole site), and the words."""

_UNITS = (("d", 86400), ("h", 3600), ("m", 60), ("s", 1))


def objections(options: Iterable[str], site: SiteLimits) -> List[Objection]:
    """Why this can never run there; [] when it may, as far as the site is known."""
    ask = asked(options)
    found = _of_licenses(ask, site) + _of_account(ask, site)
    if site.partitions is None:
        return found
    known = {each.name: each for each in site.partitions}
    names = ask.partitions or tuple(each.name for each in site.partitions if each.is_default)
    unknown = [_no_such(name, known) for name in names if name not in known]
    if unknown:
        return found if site.has_rewriting else found + unknown
    reasons = [_of_partition(known[name], ask, site) for name in names]
    if all(reasons):  # SLURM takes whichever of them fits
        found += [each for some in reasons for each in some]
    return found


def table(found: Sequence[Objection]) -> str:
    """Objections in words: one line, or a line for each partition."""
    places = sorted({each.place for each in found if each.place})
    general = [each.words for each in found if not each.place]
    told = {
        place: "; ".join(each.words for each in found if each.place == place) for place in places
    }
    if len(places) == 1:
        general.append("partition %r can never run it: %s" % (places[0], told[places[0]]))
    text = "; ".join(general)
    if len(places) > 1:
        lines = ["    %s: %s" % (place, told[place]) for place in places]
        text = "\n".join(["; ".join([*general, "no partition can ever run it"]), *lines])
    return text


def refusal(found: str, request: Mapping[str, Any]) -> str:
    """The words that end a job: what is wrong, with what was asked, who can mend it."""
    options = " ".join(str(each) for each in request.get("options") or ())
    return (
        "the site can never run it: %s\nasked for with %s: mend the launcher %s in the profile"
        % (
            found,
            options or "no options",
            request.get("launcher") or "",
        )
    )


# ----------------------------------------------------------------------- the whole site


def _of_licenses(ask: Ask, site: SiteLimits) -> List[Objection]:
    found = []
    for name, count in sorted(ask.licenses.items()):
        if site.licenses is None:
            break
        total = site.licenses.get(name)
        if total is None:
            words = "the site has no licence %r%s" % (name, _near(name, site.licenses))
        elif count > total:
            words = "%d of licence %r can never be had, there are %d" % (count, name, total)
        else:
            continue
        found.append(Objection("licenses", "", words))
    return found


def _of_account(ask: Ask, site: SiteLimits) -> List[Objection]:
    mine = [each.account for each in site.associations or ()]
    if not ask.account or not mine or not _enforces(site, "associations") or site.has_rewriting:
        return []
    if ask.account.lower() in (each.lower() for each in mine):
        return []
    words = "you have no account %r%s" % (ask.account, _near(ask.account, mine))
    return [Objection("account", "", words)]


def _no_such(name: str, known: Iterable[str]) -> Objection:
    return Objection("partition", name, "there is no such partition%s" % _near(name, known))


# -------------------------------------------------------------------------- a partition


def _of_partition(partition: Partition, ask: Ask, site: SiteLimits) -> List[Objection]:
    rights = _rights(partition, ask, site)
    wrong = _of_access(partition, ask, rights, site)
    wrong += _of_time(partition, ask, rights)
    wrong += _of_nodes(partition, ask, site.nodes)
    wrong += _of_resources(ask, rights)
    return [Objection(flag, partition.name, words) for flag, words in wrong]


_Wrong = List[Tuple[str, str]]

_Rights = NamedTuple(
    "_Rights",
    [
        ("account", str),
        ("account_qos", Tuple[str, ...]),
        ("flags", Tuple[str, ...]),  # of the QOS
        (
            "sources",
            List[Tuple[Any, str]],
        ),  # an Association or Qos that limits a job, and its words
    ],
)


def _rights(partition: Partition, ask: Ask, site: SiteLimits) -> _Rights:
    """Under which account and QOS the job would run."""
    mine = [
        each
        for each in site.associations or ()
        if (each.account.lower() == ask.account.lower() if ask.account else each.is_default)
        and each.partition in ("", partition.name)
    ]
    association = max(mine, key=lambda each: each.partition) if mine else None
    account = ask.account or (association.account if association else "")
    known = {each.name: each for each in site.qos or ()}
    name = ask.qos or (association.default_qos if association else None) or "normal"
    qos, partition_qos = known.get(name), known.get(partition.qos or "")
    return _Rights(
        account,
        association.qos if association else (),
        qos.flags if qos else (),
        _sources(association, qos, partition_qos) if _enforces(site, "limits") else [],
    )


def _sources(
    association: Optional[Association], qos: Optional[Qos], partition_qos: Optional[Qos]
) -> List[Tuple[Any, str]]:
    """What may limit a job, what overrides the others first (resource_limits.shtml)."""
    both = [(partition_qos, "QOS %r of the partition"), (qos, "QOS %r")]
    if qos is not None and "OverPartQOS" in qos.flags:
        both.reverse()
    found: List[Tuple[Any, str]] = [
        (each, words % each.name) for each, words in both if each is not None
    ]
    if association is not None:
        found.append((association, "account %r" % association.account))
    return found


def _of_access(partition: Partition, ask: Ask, rights: _Rights, site: SiteLimits) -> _Wrong:
    wrong = []
    account, qos = rights.account, ask.qos
    if account and not _is_allowed(account, partition.accounts, partition.denied_accounts):
        wrong.append(
            ("account", "account %r may not use it%s" % (account, _only(partition.accounts)))
        )
    if qos and not _is_allowed(qos, partition.allowed_qos, partition.denied_qos):
        wrong.append(("qos", "QOS %r may not use it%s" % (qos, _only(partition.allowed_qos))))
    mine = rights.account_qos
    if qos and mine and qos not in mine and _enforces(site, "qos"):
        wrong.append(("qos", "account %r has no QOS %r%s" % (account, qos, _near(qos, mine))))
    if partition.groups and site.groups and not set(partition.groups).intersection(site.groups):
        wrong.append(("partition", "only groups %s may use it" % ", ".join(partition.groups)))
    return wrong


def _of_time(partition: Partition, ask: Ask, rights: _Rights) -> _Wrong:
    if ask.time_s is None:
        return []
    wrong = []
    most = partition.max_time_s
    if most is not None and ask.time_s > most and "PartitionTimeLimit" not in rights.flags:
        wrong.append(("time", "time %s, its limit is %s" % (say_time(ask.time_s), say_time(most))))
    said = [(each.max_wall_s, words) for each, words in rights.sources]
    wall = next((each for each in said if each[0] is not None), None)
    if wall is not None and ask.time_s > wall[0]:
        words = "time %s, %s allows %s" % (say_time(ask.time_s), wall[1], say_time(wall[0]))
        wrong.append(("time", words))
    return wrong


def _of_nodes(partition: Partition, ask: Ask, nodes: Optional[Sequence[Nodes]]) -> _Wrong:
    wrong = []
    said = [n for n in (partition.max_nodes, partition.total_nodes) if n is not None]
    most = min(said or [ask.nodes])
    if ask.nodes > most:
        wrong.append(("nodes", "%d nodes, its limit is %d" % (ask.nodes, most)))
    if partition.max_cpus is not None and ask.cpus > partition.max_cpus:
        wrong.append(
            ("cpus-per-task", "%d cores, its limit is %d" % (ask.cpus, partition.max_cpus))
        )
    if partition.max_mem_mib and ask.mem_mib > partition.max_mem_mib:
        words = "%d MiB, its limit is %d MiB" % (ask.mem_mib, partition.max_mem_mib)
        wrong.append(("mem", words))
    here = [each for each in nodes or () if each.partition == partition.name]
    return wrong or (_of_shapes(ask, here) if here else [])


def _of_shapes(ask: Ask, here: Sequence[Nodes]) -> _Wrong:
    """What no node has: one thing at a time, else all of it together, else enough of them."""
    wrong = []
    cpus, mem = max(each.cpus or 0 for each in here), max(each.mem_mib or 0 for each in here)
    if cpus and ask.cpus > cpus:
        wrong.append(("cpus-per-task", "%d cores, its nodes have %d" % (ask.cpus, cpus)))
    if mem and ask.mem_mib > mem:
        wrong.append(("mem", "%d MiB, its nodes have %d MiB" % (ask.mem_mib, mem)))
    for kind, count in sorted(ask.gpus.items()):
        most = max(_gpus_on(each, kind) for each in here)
        if count > most:
            what = "%d GPUs%s" % (count, " of type %r" % kind if kind else "")
            wrong.append(("gpus", "%s, its nodes have %s" % (what, _gpus_there(here, most, kind))))
    if wrong:
        return wrong
    able = sum(each.count for each in here if _holds(each, ask))
    if able < ask.nodes:
        there = "only %d of its nodes has" % able if able else "none of its nodes has"
        return [("nodes", "%s %s" % (there, _shape(ask)))]
    return []


def _shape(ask: Ask) -> str:
    """What each node must have, in words."""
    gpus = ["%d GPUs%s" % (count, kind and " of type " + kind) for kind, count in ask.gpus.items()]
    mem = ["%d MiB" % ask.mem_mib] if ask.mem_mib else []
    extras = " and ".join(mem + gpus)
    return "%d cores%s" % (ask.cpus, extras and " with " + extras)


def _of_resources(ask: Ask, rights: _Rights) -> _Wrong:
    """What one job may never hold under this account and QOS, even when it is alone."""
    gpus = sum(ask.gpus.values()) * ask.nodes
    needs = {"cpu": ask.cpus * ask.nodes, "mem": ask.mem_mib * ask.nodes, "node": ask.nodes}
    needs["gres/gpu"] = gpus
    needs.update(("gres/gpu:" + kind, n * ask.nodes) for kind, n in ask.gpus.items() if kind)
    needs.update(("license/" + name, count) for name, count in ask.licenses.items())
    flags = {"cpu": "cpus-per-task", "mem": "mem", "node": "nodes"}
    wrong = []
    for name, need in sorted(needs.items()):
        bound = _bound(rights, name)
        if bound is not None and need > bound[0]:
            flag = flags.get(name, "licenses" if name.startswith("license/") else "gpus")
            unit = " MiB" if name == "mem" else ""
            words = "%s=%d%s, %s allows %d%s" % (name, need, unit, bound[1], bound[0], unit)
            wrong.append((flag, words))
    return wrong


def _bound(rights: _Rights, name: str) -> Optional[Tuple[int, str]]:
    """The tightest of the limits on one job, on one user, on all: a job alone may exceed none."""
    bounds = []
    for field in ("max_tres", "max_tres_user", "grp_tres"):
        for each, words in rights.sources:
            limit = getattr(each, field, {}).get(name)
            if limit is not None:
                bounds.append((limit, words))
                break  # the first that says it overrides the others
    return min(bounds) if bounds else None


# -------------------------------------------------------------------------------- parts


def _enforces(site: SiteLimits, what: str) -> bool:
    enforced = set(site.enforced or ())
    implied = {"associations": {"associations", "limits", "qos", "safe", "wckeys"}}
    return bool(enforced & ({"all"} | implied.get(what, {what, "safe"})))


def _is_allowed(name: str, allowed: Optional[Sequence[str]], denied: Sequence[str]) -> bool:
    if allowed is not None:
        return name.lower() in (each.lower() for each in allowed)
    return name.lower() not in (each.lower() for each in denied)


def _only(allowed: Optional[Sequence[str]]) -> str:
    return ", only %s" % ", ".join(allowed) if allowed is not None else ""


def _near(word: str, known: Iterable[str]) -> str:
    names = sorted(set(known))
    close = difflib.get_close_matches(word, names, 1)
    if close:
        return ", did you mean %r?" % close[0]
    return " (there are %s)" % ", ".join(names) if names else ""


def _gpus_on(nodes: Nodes, kind: str) -> int:
    if not kind:
        return sum(nodes.gpus.values())
    return sum(count for each, count in nodes.gpus.items() if each.lower() == kind.lower())


def _gpus_there(here: Sequence[Nodes], most: int, kind: str) -> str:
    if most or not kind:
        return str(most or "none")
    types = sorted({each for nodes in here for each in nodes.gpus if each})
    return ", ".join(types) or "none"


def _holds(nodes: Nodes, ask: Ask) -> bool:
    if ask.cpus > (nodes.cpus or ask.cpus) or ask.mem_mib > (nodes.mem_mib or ask.mem_mib):
        return False
    return all(count <= _gpus_on(nodes, kind) for kind, count in ask.gpus.items())


def say_time(seconds: int) -> str:
    """A duration as a profile would write it: ``1h30m``."""
    parts, left = [], seconds
    for unit, size in _UNITS:
        if left >= size:
            parts.append("%d%s" % (left // size, unit))
            left %= size
    return "".join(parts) or "0s"
