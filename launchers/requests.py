"""From a launcher and the tokens of a job to its request, refusing early what can never be met.

The request is the one of xpm/wire/workspace.py. Cores, memory and GPUs are those of each node; a job has one node unless the
launcher says otherwise. Tokens that the batch system gives (cpu, gpu, license) become resources; the others stay counted
slots, held by the agent. Without a batch system the agent counts cores, memory and GPUs of the host too.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

from xpm.agent import modules
from xpm.errors import ProfileProblem
from xpm.launchers import endings, placeholders, units
from xpm.launchers.blueprints import is_paid, total_of
from xpm.launchers.fitting import Fit, Needs, choose, suits, time_limit
from xpm.launchers.model import Blueprint, Gpus, GpuWish, HostLimits, Setup, TokenRule

SLOTS = TokenRule("slots")
SlotEntry = tuple[str, int, int] | tuple[str, int, int, str]
"""A token, how many units, of how many, and the folder where several users count it."""
KINDS = ("cpu", "gpu", "license", "exclusive", "slots")


@dataclass(frozen=True, slots=True)
class Tokens:
    """A job's tokens, by how they are paid."""

    cpus: int | None
    gpus: int | None
    licenses: Mapping[str, int]
    exclusive: bool
    slots: Mapping[str, int]


def sort_tokens(blueprint: Blueprint, tokens: Mapping[str, int]) -> Tokens:
    """The tokens of the job and of its launcher (the larger of the two counts), by how they are paid."""
    wanted = dict(blueprint.tokens)
    for name, count in tokens.items():
        wanted[name] = max(count, wanted.get(name, 0))
    paid: dict[str, dict[str, int]] = {kind: {} for kind in KINDS}
    for name, count in sorted(wanted.items()):
        rule = blueprint.rules.get(name, SLOTS)
        kind = rule.kind if is_paid(name, rule, blueprint.site) else "slots"
        total = total_of(name, rule, blueprint.site)
        if total is not None and count > total:
            raise _refused(
                blueprint, f"{count} units of token {name!r} can never be had, there are {total}"
            )
        paid[kind][name] = count
    cpus, gpus = sum(paid["cpu"].values()), sum(paid["gpu"].values())
    alone = bool(paid["exclusive"])
    return Tokens(cpus or None, gpus or None, paid["license"], alone, paid["slots"])


def slot_entries(blueprint: Blueprint, tokens: Iterable[tuple[str, int, int]]) -> list[SlotEntry]:
    """What remains to be counted of a plan's tokens and the launcher's own, as queue entries have it."""
    totals = {name: total for name, _, total in tokens}
    slots = sort_tokens(blueprint, {name: count for name, count, _ in tokens}).slots
    entries: list[SlotEntry] = []
    for name, count in slots.items():
        rule = blueprint.rules.get(name, SLOTS)
        known = total_of(name, rule, blueprint.site)
        said = [total for total in (known, totals.get(name)) if total is not None]
        entry = name, count, min(said, default=count)
        entries.append((*entry, rule.shared) if rule.shared else entry)
    return entries


def request(
    blueprint: Blueprint,
    tokens: Mapping[str, int],
    is_resumable: bool = False,
    totals: Mapping[str, int] | None = None,
) -> dict[str, object]:
    """The request of one job.

    Args:
        blueprint: its launcher.
        tokens: the units it holds.
        is_resumable: whether the task goes on from what it finds in its folder.
        totals: how many units there are of those, as the plan says.

    Raises:
        ProfileProblem: it can never be met; with the reasons, by partition where there are several.
    """
    paid = sort_tokens(blueprint, tokens)
    site = blueprint.site
    policy = site.policy.then(blueprint.policy)
    needs = _needs(blueprint, paid)
    options, resources = _ask(blueprint, needs, paid)
    fits = _fits(blueprint, needs) if site.is_slurm else []
    staying = _staying(blueprint, fits)
    warned = endings.warning(policy, needs, is_resumable)
    if site.is_slurm:
        options += endings.flags(needs, warned, is_resumable, site.customs.requeue)
    found: dict[str, object] = {
        "launcher": blueprint.name,
        "connector": site.spec.name,
        "kind": "slurm" if site.is_slurm else "plain",
        "options": options,
        "resources": resources,
        "python": blueprint.setup.python,
        "setup": _setup(blueprint.setup, {**site.words, **_known(resources)}),
        "retry": endings.retry(
            policy, needs, _caps(blueprint, needs, fits),
            lambda grown: _ask(staying, grown, paid), is_resumable,
        ),
        **(_throttle(blueprint, paid, totals or {}) if site.is_slurm else {}),
    }  # fmt: skip
    if is_resumable:
        found["resumable"] = True
    if warned is not None:
        found["warning"] = warned
    return found


def _ask(
    blueprint: Blueprint, needs: Needs, paid: Tokens
) -> tuple[list[str], dict[str, int | None]]:
    """The sbatch flags and the resources."""
    needs = _with_cores(blueprint, needs)
    options: list[str] = []
    if blueprint.site.is_slurm:
        options = _options(blueprint, needs, paid)
    else:
        _check_host(blueprint, needs, blueprint.site.host)
    resources: dict[str, int | None] = {
        "cpus": needs.cpus,
        "mem_mib": None if needs.mem is None else units.mib(needs.mem),
        "gpus": needs.gpus.count or None,
        "time_s": needs.time_s,
    }
    if paid.exclusive:
        resources["exclusive"] = True
    return options, resources


def _staying(blueprint: Blueprint, fits: list[Fit]) -> Blueprint:
    """The launcher bound to the partitions that were chosen, so that a job that grows stays there."""
    names = ",".join(fit.partition.key for fit in fits) or blueprint.wish.partition
    return replace(blueprint, wish=replace(blueprint.wish, partition=names))


def _caps(blueprint: Blueprint, needs: Needs, fits: list[Fit]) -> endings.Caps:
    """How far a job may grow at its place."""
    host = blueprint.site.host
    if not blueprint.site.is_slurm:
        return endings.Caps(host.mem, host.time_s)
    mem = endings.smallest(fit.partition.mem for fit in fits)
    return endings.Caps(mem, endings.smallest(time_limit(fit.partition, needs) for fit in fits))


def _throttle(blueprint: Blueprint, paid: Tokens, totals: Mapping[str, int]) -> dict[str, int]:
    """How many jobs like this may run at once for their counted tokens: a hint for job arrays."""
    found: list[int] = []
    for name, count in paid.slots.items():
        known = total_of(name, blueprint.rules.get(name, SLOTS), blueprint.site)
        said = [total for total in (known, totals.get(name)) if total is not None]
        found += [total // count for total in said]
    return {"throttle": min(found)} if found else {}


def _needs(blueprint: Blueprint, paid: Tokens) -> Needs:
    wish = blueprint.wish
    gpus = wish.gpus if paid.gpus is None else replace(wish.gpus, count=paid.gpus)
    cpus = paid.cpus or wish.cpus
    if cpus is None and wish.cpus_per_gpu and gpus.count:
        cpus = wish.cpus_per_gpu * gpus.count
    mem = wish.mem
    if mem is None and wish.mem_per_gpu and gpus.count:
        mem = wish.mem_per_gpu * gpus.count
    needs = Needs(cpus, mem, wish.time_s, wish.nodes or 1, gpus, wish.qos)
    return _with_cores(blueprint, needs)


def _with_cores(blueprint: Blueprint, needs: Needs) -> Needs:
    """Where memory comes with cores: with as many as its memory takes."""
    customs = blueprint.site.customs
    is_so = blueprint.site.is_slurm and customs.mem_flag == "from-cpus"
    if not (is_so and customs.mem_per_cpu and needs.mem):
        return needs
    return replace(needs, cpus=max(needs.cpus or 1, -(-needs.mem // customs.mem_per_cpu)))


def _options(blueprint: Blueprint, needs: Needs, paid: Tokens) -> list[str]:
    """The sbatch flags."""
    wish, site = blueprint.wish, blueprint.site
    fits = _fits(blueprint, needs)
    names = [fit.partition.name for fit in fits] or [wish.partition or ""]
    accounts = [wish.account, *(fit.partition.account for fit in fits), site.customs.account]
    flags: list[str] = []

    def add(flag: str, value: object) -> None:
        if value:
            flags.append(f"--{flag}={value}")

    add("partition", ",".join(names))
    add("account", next((account for account in accounts if account), None))
    add("qos", wish.qos)
    add("time", units.minutes(needs.time_s) if needs.time_s else None)
    add("nodes", needs.nodes)
    add("ntasks" if needs.nodes == 1 else "ntasks-per-node", 1)
    add("cpus-per-task", needs.cpus)
    flags += _memory(blueprint, needs)
    gpus = fits[0].gpus if len(fits) == 1 else _verbatim(needs.gpus)
    flags += _gpus(blueprint, needs, gpus)
    add("constraint", _constraint(blueprint, fits, needs, gpus))
    flags += ["--exclusive"] if paid.exclusive else []
    licenses = site.customs.licenses
    add("licenses", ",".join(f"{licenses[name]}:{count}" for name, count in paid.licenses.items()))
    return [*flags, *site.customs.extra, *wish.extra]


def _fits(blueprint: Blueprint, needs: Needs) -> list[Fit]:
    """The partitions, none where the profile lists none."""
    wish, site = blueprint.wish, blueprint.site
    if not site.partitions:
        if needs.gpus.is_choosy and not needs.gpus.type:
            raise _refused(
                blueprint, f"no partition of {site.spec.name} is described, so none is known to fit"
            )
        return []
    names = tuple(wish.partition.split(",")) if wish.partition else ()
    fits, reasons = choose(site, names, needs, blueprint.catalog)
    if fits:
        return fits
    table = "".join(f"\n    {key}: {'; '.join(wrong)}" for key, wrong in reasons.items())
    if len(reasons) == 1:
        [(key, wrong)] = reasons.items()
        raise _refused(blueprint, f"partition {key!r} cannot take this job: {'; '.join(wrong)}")
    raise _refused(blueprint, f"no partition of {site.spec.name} can take this job{table}")


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


def _gpus(blueprint: Blueprint, needs: Needs, gpus: Gpus | None) -> list[str]:
    count = needs.gpus.count
    if not count:
        return []
    customs = blueprint.site.customs
    named = gpus is not None and (gpus.name or needs.gpus.is_choosy)
    type_ = f"{gpus.name or gpus.type}:" if gpus and named and customs.gpu_type_in == "flag" else ""
    if customs.gpu_flag == "gres":
        return [f"--gres=gpu:{type_}{count}"]
    if customs.gpu_flag == "gpus":
        return [f"--gpus={type_}{count * needs.nodes}"]
    return [f"--gpus-per-node={type_}{count}"]


def _constraint(
    blueprint: Blueprint, fits: list[Fit], needs: Needs, gpus: Gpus | None
) -> str | None:
    parts = [blueprint.wish.constraint]
    parts += [fit.partition.constraint for fit in fits[:1]]
    if gpus is not None and needs.gpus.count:
        in_constraint = blueprint.site.customs.gpu_type_in == "constraint"
        parts.append(gpus.constraint or (gpus.type if in_constraint else None))
    said = list(dict.fromkeys(part for part in parts if part))
    if len(said) > 1:
        said = [f"({part})" if "|" in part else part for part in said]
    return "&".join(said) or None


def _check_host(blueprint: Blueprint, needs: Needs, host: HostLimits) -> None:
    name = blueprint.site.spec.name
    pairs = (
        (needs.cpus, host.cpus, str, "cores"),
        (needs.mem, host.mem, units.say_size, "of memory"),
        (needs.gpus.count, host.gpus, str, "GPUs"),
        (needs.time_s, host.time_s, units.say_duration, "of time"),
    )
    wrong = [
        f"{say(wanted)} {what}, it has {say(there)}"
        for wanted, there, say, what in pairs
        if wanted is not None and there is not None and wanted > there
    ]
    types = host.gpu_types
    unfit = [each for each in types if not suits(each, needs.gpus, blueprint.catalog)]
    if unfit:
        have = ", ".join(f"{each.per_node} {each.type}" for each in types)
        more = "" if len(unfit) == len(types) else ", which are not told apart there"
        wrong.append(f"no such GPU, it has {have}{more}")
    if wrong:
        raise _refused(blueprint, f"{name} cannot take this job: {'; '.join(wrong)}")


def _known(resources: Mapping[str, int | None]) -> dict[str, str]:
    """The placeholders that come from the request."""
    return {key: str(value) for key, value in resources.items() if value is not None}


def before(setup: Setup, known: Mapping[str, str]) -> tuple[list[str], list[str]]:
    """The shell lines that run before a job's modules are loaded, and those after: its variables."""
    lines = [placeholders.expand(line, known) for line in setup.pre]
    exports = []
    for name, value in setup.export.items():
        text = placeholders.expand(value, known)
        if not placeholders.WORD.search(text):  # what the job did not ask for is not told
            exports.append(f"export {name}={placeholders.quoted(text)}")
    return lines, exports


def _setup(setup: Setup, known: Mapping[str, str]) -> list[str]:
    lines, exports = before(setup, known)
    if setup.modules:
        lines.append("module load " + " ".join(setup.modules))
    if any(line.split()[:1] in (["module"], ["ml"]) for line in lines):
        lines.insert(0, modules.COMMAND)
    return lines + exports


def _refused(blueprint: Blueprint, words: str) -> ProfileProblem:
    mark = blueprint.mark
    where = str(mark) if mark else ""
    return ProfileProblem(f"launcher {blueprint.name!r}: {words}", where=where)
