"""From a launcher and what a job asks for to its request, refusing early what can never be met.

The request is the one of xpm/wire/workspace.py. Cores, memory and GPUs are those of each node; a job has one node unless the
launcher or the job says otherwise. Tokens that the batch system gives (cpu, gpu, license) become resources; the others stay
counted slots, held by the agent. Without a batch system the agent counts cores, memory and GPUs of the host too.
"""

from collections.abc import Mapping
from dataclasses import replace

from xpm.agent import modules
from xpm.errors import ProfileProblem
from xpm.launchers import endings, fitting, paying, placeholders, rendering, units
from xpm.launchers.fitting import Fit
from xpm.launchers.matching import Candidate, Match
from xpm.launchers.model import Blueprint, Setup
from xpm.launchers.paying import SlotEntry, Tokens
from xpm.launchers.wanting import Needs, with_cores

__all__ = ["SlotEntry", "refused", "request"]


def request(
    candidate: Candidate, is_resumable: bool, totals: Mapping[str, int]
) -> dict[str, object]:
    """The request of one job that is run so.

    Args:
        candidate: how.
        is_resumable: whether the task goes on from what it finds in its folder.
        totals: how many units there are of its tokens, as the plan says.
    """
    blueprint, needs, paid = candidate.blueprint, candidate.needs, candidate.paid
    site = blueprint.site
    policy = site.policy.then(blueprint.policy)
    options, resources = _ask(blueprint, needs, paid, candidate.fit)
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
            policy, needs, _caps(candidate), lambda grown: _grown(candidate, grown), is_resumable
        ),
    }
    throttle = paying.throttle(blueprint, paid, totals) if site.is_slurm else None
    if throttle is not None:
        found["throttle"] = throttle
    if is_resumable:
        found["resumable"] = True
    if warned is not None:
        found["warning"] = warned
    return found


def _ask(
    blueprint: Blueprint, needs: Needs, paid: Tokens, fit: Fit
) -> tuple[list[str], dict[str, int | None]]:
    """The sbatch flags and the resources."""
    options = (
        rendering.options(blueprint, needs, paid, fit) if blueprint.site.is_slurm else list[str]()
    )
    resources: dict[str, int | None] = {
        "cpus": needs.cpus,
        "mem_mib": None if needs.mem is None else units.mib(needs.mem),
        "gpus": needs.gpus.count or None,
        "time_s": needs.time_s,
    }
    if paid.exclusive:
        resources["exclusive"] = True
    return options, resources


def _grown(candidate: Candidate, grown: Needs) -> tuple[list[str], dict[str, int | None]]:
    """The same for a job that has grown: in the same partitions, on the same GPUs, under a QOS that allows it."""
    blueprint = candidate.blueprint
    needs = with_cores(blueprint, grown)
    for fit in fitting.fits(_staying(candidate), needs):
        stays = fit.partitions == candidate.fit.partitions and fit.gpus == candidate.fit.gpus
        if stays and not fit.reasons:
            return _ask(blueprint, needs, candidate.paid, fit)
    raise ProfileProblem("it cannot grow so far there")


def _staying(candidate: Candidate) -> Blueprint:
    """The launcher bound to the partitions that were chosen."""
    blueprint = candidate.blueprint
    names = candidate.fit.partition or blueprint.wish.partition
    return replace(blueprint, wish=replace(blueprint.wish, partition=names))


def _caps(candidate: Candidate) -> endings.Caps:
    """How far a job may grow at its place."""
    site, fit = candidate.blueprint.site, candidate.fit
    if not site.is_slurm:
        return endings.Caps(site.host.mem, site.host.time_s)
    mem = endings.smallest(each.mem for each in fit.partitions)
    if candidate.needs.qos or len(fit.partitions) != 1:
        return endings.Caps(mem, fit.time_limit)
    return endings.Caps(mem, _longest(candidate))


def _longest(candidate: Candidate) -> int | None:
    """The longest time under any QOS the job may ask for."""
    partition = candidate.fit.partitions[0]
    limits = [Fit((partition,), None, qos).time_limit for qos in partition.qos if not qos.submit]
    limits.append(candidate.fit.time_limit)
    return None if any(limit is None for limit in limits) else max(each or 0 for each in limits)


def refused(match: Match) -> ProfileProblem:
    """Why a job can be run nowhere: every way that was tried."""
    rows = match.candidates
    mark = rows[0].blueprint.mark
    where = str(mark) if mark else ""
    own = match.launcher
    if len(rows) == 1:
        words = f"{_label(rows[0])} cannot take this job: {match.verdicts[0]}"
        return ProfileProblem(f"launcher {own!r}: {words}", where=where)
    places = list(dict.fromkeys(each.connector for each in rows))
    there = f"no partition of {places[0]}" if len(places) == 1 else f"none of {', '.join(places)}"
    lines = list[str]()
    for each, verdict in zip(rows, match.verdicts, strict=True):
        head = f"\n    for {each.need}"
        if str(each.need) and head not in lines:
            lines.append(head)
        lines.append(f"\n    {_row(each, len(places) > 1)}: {verdict}")
    return ProfileProblem(
        f"launcher {own!r}: {there} can take this job{''.join(lines)}", where=where
    )


def _label(candidate: Candidate) -> str:
    partition = candidate.fit.partition or candidate.blueprint.wish.partition
    is_described = candidate.blueprint.site.is_slurm and candidate.blueprint.site.partitions
    return f"partition {partition!r}" if is_described else candidate.connector


def _row(candidate: Candidate, with_place: bool) -> str:
    fit = candidate.fit
    words = [candidate.connector] if with_place or not fit.partitions else []
    words += [fit.partition] if fit.partition else []
    words += [fit.gpus.type] if fit.gpus else []
    words += [fit.qos.name] if fit.qos and fit.partitions else []
    return " ".join(words)


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
    return modules.heeded(lines) + exports


def _refused(blueprint: Blueprint, words: str) -> ProfileProblem:
    mark = blueprint.mark
    where = str(mark) if mark else ""
    return ProfileProblem(f"launcher {blueprint.name!r}: {words}", where=where)
