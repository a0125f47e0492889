"""The sbatch flags of a job, in the customs of the cluster it goes to."""

from xpm.launchers import units
from xpm.launchers.fitting import Fit
from xpm.launchers.model import Blueprint, Gpus, GpuWish
from xpm.launchers.paying import Tokens
from xpm.launchers.wanting import Needs


def options(blueprint: Blueprint, needs: Needs, paid: Tokens, fit: Fit) -> list[str]:
    """The flags, those of the profile's ``extra`` last."""
    wish, site = blueprint.wish, blueprint.site
    names = [each.name for each in fit.partitions] or [wish.partition or ""]
    accounts = [wish.account, *(each.account for each in fit.partitions), site.customs.account]
    flags: list[str] = []

    def add(flag: str, value: object) -> None:
        if value:
            flags.append(f"--{flag}={value}")

    add("partition", ",".join(names))
    add("account", next((account for account in accounts if account), None))
    add("qos", fit.qos.name if fit.qos else None)
    add("time", units.minutes(needs.time_s) if needs.time_s else None)
    add("nodes", needs.nodes)
    add("ntasks" if needs.nodes == 1 else "ntasks-per-node", 1)
    add("cpus-per-task", needs.cpus)
    flags += _memory(blueprint, needs)
    gpus = fit.gpus if len(fit.partitions) == 1 else _verbatim(needs.gpus)
    flags += _gpus(blueprint, needs, gpus, _is_named(needs, fit, gpus))
    add("constraint", _constraint(blueprint, fit, needs, gpus))
    flags += ["--exclusive"] if paid.exclusive else []
    licenses = site.customs.licenses
    add("licenses", ",".join(f"{licenses[name]}:{count}" for name, count in paid.licenses))
    return [*flags, *site.customs.extra, *wish.extra]


def _memory(blueprint: Blueprint, needs: Needs) -> list[str]:
    if not needs.mem:
        return []
    way = blueprint.site.customs.mem_flag
    if way == "from-cpus":
        return []
    shares = {"mem-per-cpu": needs.cpus or 1, "mem-per-gpu": needs.gpus.count}
    share = shares.get(way) or 1
    flag = "mem" if share == 1 and way == "mem-per-gpu" and not needs.gpus.count else way
    return [f"--{flag}={units.mib(-(-needs.mem // share))}M"]


def _verbatim(wish: GpuWish) -> Gpus | None:
    """A type the profile does not describe goes to the site as it is written."""
    return Gpus(wish.type) if wish.type else None


def _is_named(needs: Needs, fit: Fit, gpus: Gpus | None) -> bool:
    """Whether the site must be told the type: not where there is but one, which it may not call by name."""
    others = any(len(each.gpus or ()) > 1 for each in fit.partitions)
    return gpus is not None and bool(gpus.name or needs.gpus.is_choosy or others)


def _gpus(blueprint: Blueprint, needs: Needs, gpus: Gpus | None, named: bool) -> list[str]:
    count = needs.gpus.count
    if not count:
        return []
    customs = blueprint.site.customs
    type_ = f"{gpus.name or gpus.type}:" if gpus and named and customs.gpu_type_in == "flag" else ""
    if customs.gpu_flag == "gres":
        return [f"--gres=gpu:{type_}{count}"]
    if customs.gpu_flag == "gpus":
        return [f"--gpus={type_}{count * needs.nodes}"]
    return [f"--gpus-per-node={type_}{count}"]


def _constraint(blueprint: Blueprint, fit: Fit, needs: Needs, gpus: Gpus | None) -> str | None:
    parts = [blueprint.wish.constraint]
    parts += [each.constraint for each in fit.partitions[:1]]
    if gpus is not None and needs.gpus.count:
        in_constraint = blueprint.site.customs.gpu_type_in == "constraint"
        parts.append(gpus.constraint or (gpus.type if in_constraint else None))
    said = list(dict.fromkeys(part for part in parts if part))
    if len(said) > 1:
        said = [f"({part})" if "|" in part else part for part in said]
    return "&".join(said) or None
