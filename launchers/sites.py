"""From a connector of a profile to the place it describes, reporting what is missing or contradicts itself."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from xpm.connectors.specs import (
    Capacity,
    Dealings,
    KeeperWish,
    Keeping,
    LocalSpec,
    SlurmSpec,
    Spec,
    SshSpec,
    SshTarget,
)
from xpm.launchers import placeholders, secrets, units
from xpm.launchers.environs import read_made
from xpm.launchers.flags import check_extra
from xpm.launchers.model import (
    Customs,
    Gpus,
    HostLimits,
    OnlyIf,
    Partition,
    Policy,
    Qos,
    Setup,
    Site,
)
from xpm.launchers.report import Report, did_you_mean
from xpm.launchers.schema import Values
from xpm.launchers.units import Comparison

MISSING = {
    "kind": "say what kind of place it is (kind: ssh, kind: slurm or kind: local)",
    "ssh": "say how to reach it (ssh: {host: mycluster})",
    "workspace": 'say which folder there is for jobs (workspace: "~/xpm")',
}


def read_site(
    name: str,
    values: Values,
    present: frozenset[str],
    policies: Mapping[str, Policy],
    report: Report,
) -> Site | None:
    """The place, or None when its kind is not known; ``present`` are its keys, right or wrong."""
    path = f"connectors.{name}"
    kind = values.get("kind", str)
    needed = ["kind"] if "kind" not in present else []
    needed += [
        key for key in ("ssh", "workspace") if kind in ("ssh", "slurm") and key not in present
    ]
    for key in needed:
        report.problem(values.mark, path, f"{key!r} is missing: {MISSING[key]}")
    words = _words(values, path, report)
    policy = _policy(values, policies, path, report)
    spec = _spec(name, kind, values, words, path, report)
    if isinstance(spec, SlurmSpec):
        spec = replace(spec, dealings=_dealings(values.get("slurm", Values), policy.dealings))
    _say_without_effect(kind, values, present, path, report)
    _check_export(name, values, words, path, report)
    customs = _customs(values, report, path)
    partitions = {key: _partition(key, part) for key, part in values.tables("partitions")}
    if kind is None:
        return None
    return Site(
        spec=spec or LocalSpec(name),  # a stand-in: its problems are said, so nobody will use it
        is_slurm=kind == "slurm",
        mark=values.mark,
        customs=customs,
        partitions=partitions,
        host=_host(values),
        licenses=numbers_of(values.get("licenses", Values)),
        setup=read_setup(values, words),
        env=values.get("env", str),
        words=words,
        policy=policy,
        tags=values.texts("tags"),
        cost=values.get("cost", float),
        only_if=_only_if(values.get("only_if", Values)),
    )


def _only_if(values: Values | None) -> OnlyIf:
    if values is None:
        return OnlyIf()
    return OnlyIf(values.get("time", Comparison), values.get("mem", Comparison))


def _words(values: Values, path: str, report: Report) -> dict[str, str]:
    """The placeholders this place knows."""
    words = dict(placeholders.FAR)
    for key in ("fast", "workspace"):
        text = values.get(key, str)
        if text is not None:
            where = values.where(key)
            words[key] = placeholders.expand_place(text, words, where, f"{path}.{key}", report)
    return words


def _spec(
    name: str,
    kind: str | None,
    values: Values,
    words: Mapping[str, str],
    path: str,
    report: Report,
) -> Spec | None:
    python = values.get("python", str)
    if python:
        placeholders.check(python, words, values.where("python"), f"{path}.python", report)
        python = placeholders.expand(python, words)
    capacity = _capacity(values)
    keeping = Keeping(share=values.get("share", str))
    if kind == "local":
        return LocalSpec(name, python, capacity, keeping)
    target = _target(values, path, report)
    workspace = words.get("workspace")
    if kind is None or target is None or workspace is None:
        return None
    if kind == "slurm":
        keeper = _keeper(values.get("slurm", Values))
        return SlurmSpec(name, target, workspace, python, keeper, keeping=keeping)
    return SshSpec(name, target, workspace, python, capacity, keeping)


def _dealings(slurm: Values | None, policy: Dealings) -> Dealings:
    """How the cluster is dealt with: as its policy says, within what the connector says of it."""
    if slurm is None:
        return policy
    arrays, env = slurm.get("arrays", Values), slurm.get("env", Values)
    most = [each for each in (policy.most_jobs, slurm.get("max_submit", int)) if each is not None]
    sizes = [policy.array_size, arrays.get("max_size", int) if arrays else None]
    accounting = slurm.get("accounting", str)
    return replace(
        policy,
        most_jobs=min(most, default=None),
        array_size=min((each for each in sizes if each is not None), default=None),
        array_tasks=arrays.get("max_tasks", int) if arrays else None,
        accounting=None if accounting in (None, "auto") else accounting == "sacct",
        keep_environ=env.texts("keep") if env else (),
    )


def _capacity(values: Values) -> Capacity:
    """What jobs may use of the machine, all together."""
    table = values.get("capacity", Values)
    host = _host(values)
    return Capacity(
        jobs=table.get("jobs", int) if table else values.get("capacity", int),
        cpus=host.cpus,
        mem_mib=None if host.mem is None else units.mib(host.mem),
        gpus=host.gpus if host.gpu_ids is None else host.gpu_ids,
    )


def _keeper(slurm: Values | None) -> KeeperWish:
    wish = slurm.get("keeper", Values) if slurm else None
    if wish is None:
        return KeeperWish(off=bool(slurm and slurm.get("keeper", str)))
    return KeeperWish(
        partition=wish.get("partition", str),
        account=wish.get("account", str),
        qos=wish.get("qos", str),
        time_s=wish.get("time", int),
    )


def _target(values: Values, path: str, report: Report) -> SshTarget | None:
    ssh = values.get("ssh", Values)
    if ssh is None:
        return None
    host = ssh.get("host", str)
    if "host" not in ssh.marks:
        report.problem(ssh.mark, f"{path}.ssh", "'host' is missing (example: {host: mycluster})")
    if host is None:
        return None
    if host.startswith("-") or any(space in host for space in " \t"):
        report.problem(ssh.where("host"), f"{path}.ssh.host", f"{host!r} is not a host name")
        return None
    config = ssh.get("config", str)
    return SshTarget(
        host=host,
        config=Path(ssh.where("config").file).parent / Path(config).expanduser()
        if config
        else None,
        keepalive_s=float(ssh.get("keepalive", int) or SshTarget(host).keepalive_s),
        connect_timeout_s=float(ssh.get("timeout", int) or SshTarget(host).connect_timeout_s),
        transport=ssh.get("transport", str) or SshTarget(host).transport,
    )


def _check_export(
    name: str, values: Values, words: Mapping[str, str], path: str, report: Report
) -> None:
    secrets.check_lines(values.texts("pre"), values.where("pre"), f"{path}.pre", report)
    export = values.get("export", Values)
    for key, value in texts_of(export).items():
        mark = export.where(key) if export else values.mark
        placeholders.check_export(value, words, name, mark, f"{path}.export.{key}", report)


def _say_without_effect(
    kind: str | None, values: Values, present: frozenset[str], path: str, report: Report
) -> None:
    useless = {
        "local": ("ssh", "workspace", "slurm", "partitions", "sync"),
        "ssh": ("slurm", "partitions"),
        "slurm": ("capacity", "host", "licenses"),
    }
    instead = {
        "workspace": "the main folder is used",
        "capacity": "Slurm decides how many jobs run",
        "sync": "its jobs run in the main folder",
        "licenses": "Slurm's licences go under slurm: {licenses: ...}",
    }
    for key in useless.get(kind or "", ()):
        if key in present:
            why = f": {instead[key]}" if key in instead else ""
            words = f"has no effect on a connector of kind {kind}{why}"
            report.note(values.where(key), f"{path}.{key}", words)


def _customs(values: Values, report: Report, path: str) -> Customs:
    slurm = values.get("slurm", Values)
    if slurm is None:
        return Customs()
    usual = Customs()
    check_extra(slurm, f"{path}.slurm", report)
    mem_flag = slurm.get("mem_flag", str) or usual.mem_flag
    if mem_flag == "from-cpus" and "mem_per_cpu" not in slurm.marks:
        words = "needs 'mem_per_cpu' beside it (example: mem_per_cpu: 4GB)"
        report.problem(slurm.where("mem_flag"), f"{path}.slurm.mem_flag", words)
    licenses = slurm.get("licenses", Values)
    return Customs(
        account=slurm.get("account", str),
        gpu_flag=slurm.get("gpu_flag", str) or usual.gpu_flag,
        gpu_type_in=slurm.get("gpu_type_in", str) or usual.gpu_type_in,
        mem_flag=mem_flag,
        mem_per_cpu=slurm.get("mem_per_cpu", int) or None,
        licenses=texts_of(licenses),
        extra=slurm.texts("extra"),
        requeue=slurm.get("requeue", bool),
    )


def _partition(key: str, values: Values) -> Partition:
    gpus = values.get("gpus", Values)
    return Partition(
        key=key,
        name=values.get("name", str) or key,
        mark=values.mark,
        time_s=values.get("time", int),
        nodes=values.get("nodes", int),
        cpus=values.get("cpus", int),
        mem=values.get("mem", int),
        gpus=tuple(_gpus(name, value) for name, value in gpus.values.items()) if gpus else None,
        cpus_per_gpu_max=values.get("cpus_per_gpu_max", int),
        account=values.get("account", str),
        constraint=values.get("constraint", str),
        qos=tuple(_qos(item) for item in values.items("qos") if isinstance(item, Values)),
        preemptible=values.get("preemptible", bool) or False,
        cost=values.get("cost", float),
        cost_factor=1.0 if (factor := values.get("cost_factor", float)) is None else factor,
    )


def _gpus(name: str, value: object) -> Gpus:
    if not isinstance(value, Values):
        return Gpus(name, value if isinstance(value, int) else None)
    return Gpus(
        name,
        value.get("per_node", int),
        value.get("name", str),
        value.get("constraint", str),
        value.get("cost", float),
    )


def _qos(values: Values) -> Qos:
    factor = values.get("cost_factor", float)
    return Qos(
        name=values.get("name", str) or "",
        time_s=values.get("time", int),
        gpus=values.get("gpus", int),
        submit=values.get("submit", int),
        is_default=values.get("default", bool) or False,
        cost_factor=1.0 if factor is None else factor,
    )


def _host(values: Values) -> HostLimits:
    host = values.get("host", Values)
    if host is None:
        return HostLimits()
    by_type = host.get("gpus", Values)
    gpus = sum(numbers_of(by_type).values()) if by_type else host.get("gpus", int)
    listed = (
        tuple(str(each) for each in host.items("gpus"))
        if isinstance(host.values.get("gpus"), tuple)
        else None
    )
    return HostLimits(
        cpus=host.get("cpus", int),
        mem=host.get("mem", int),
        gpus=gpus if listed is None else len(listed),
        time_s=host.get("time", int),
        gpu_ids=listed,
        gpu_types=tuple(Gpus(name, count) for name, count in numbers_of(by_type).items()),
    )


def _policy(
    values: Values,
    policies: Mapping[str, Policy],
    path: str,
    report: Report,
) -> Policy:
    name = values.get("policy", str)
    if name is not None and name not in policies:
        hint = did_you_mean(name, policies, "known")
        report.problem(values.where("policy"), f"{path}.policy", f"unknown policy {name!r}{hint}")
    return policies.get(name or "default", Policy())


def read_setup(values: Values, words: Mapping[str, str]) -> Setup:
    """What happens before a job, by these values; ``words`` are the placeholders known now."""
    python = values.get("python", str)
    return Setup(
        python=placeholders.expand(python, words) if python else None,
        pre=tuple(placeholders.expand(line, words) for line in values.texts("pre")),
        modules=values.texts("modules"),
        export=texts_of(values.get("export", Values)),
        made=read_made(values, words),
    )


def texts_of(values: Values | None) -> dict[str, str]:
    """A mapping to text; numbers become text."""
    found = values.values.items() if values else ()
    return {key: str(value) for key, value in found if isinstance(value, str | int)}


def numbers_of(values: Values | None) -> dict[str, int]:
    """A mapping to whole numbers."""
    found = values.values.items() if values else ()
    return {key: value for key, value in found if isinstance(value, int)}
