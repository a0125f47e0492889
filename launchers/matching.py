"""Which of the places a launcher allows takes a job: every way to ask is tried, and the best that fits is taken.

What a job needs is hard: a way that cannot give it is out, with its reasons. Of the others the first in this order is taken:

1. the alternative of the requirement that is written first (``a | b``);
2. what the launcher prefers: places with its tags; partitions without interruptions (or, ``preemptible: true``, with);
3. no GPUs left idle by a job that wants none;
4. what costs less, if all that are left say what they cost; else the place the launcher names first, and there the cheaper;
5. what fits more tightly: less unused GPU memory, then less unused time;
6. what is written first.

Nothing else decides, so the same words always give the same choice. When nothing fits, nothing is taken.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from xpm.errors import ProfileProblem
from xpm.launchers import fitting, paying
from xpm.launchers.fitting import Fit
from xpm.launchers.model import Blueprint, GpuType
from xpm.launchers.paying import Tokens
from xpm.launchers.units import say_duration, say_size
from xpm.launchers.wanting import Needs, needs_of, tags_of
from xpm.plan.needs import Need

ANYTHING = (Need(),)


@dataclass(frozen=True, slots=True)
class Asked:
    """What one job asks its launcher for."""

    alternatives: tuple[Need, ...] = ANYTHING
    tokens: Mapping[str, int] = field(default_factory=dict[str, int])
    totals: Mapping[str, int] = field(default_factory=dict[str, int])
    """How many units there are of its tokens, as the plan says."""
    barred: Mapping[str, str] = field(default_factory=dict[str, str])
    """Connectors it cannot go to, and why: what it depends on is elsewhere."""
    is_trial: bool = False
    """Whether jobs may say more than this: what is not said is not missed then."""


@dataclass(frozen=True, slots=True)
class Candidate:
    """One way to run the job; it cannot be had when there are reasons why not."""

    number: int
    """In the order of the requirement, the launcher's places and what they list."""
    alternative: int
    place: int
    blueprint: Blueprint
    need: Need
    needs: Needs
    paid: Tokens
    fit: Fit
    reasons: tuple[str, ...]

    @property
    def connector(self) -> str:
        """The name of its place."""
        return self.blueprint.site.spec.name

    @property
    def cost(self) -> float | None:
        """Of an hour of the job, in the profile's own unit; None when nothing says."""
        partition = self.fit.partitions[0] if len(self.fit.partitions) == 1 else None
        cost, gpus = self.blueprint.site.cost, self.fit.gpus
        if partition is not None and partition.cost is not None:
            cost = partition.cost
        if gpus is not None and gpus.cost is not None:
            cost = gpus.cost * self.needs.gpus.count
        if cost is None:
            return None
        factor = partition.cost_factor if partition is not None else 1.0
        return (
            cost * self.needs.nodes * factor * (self.fit.qos.cost_factor if self.fit.qos else 1.0)
        )


@dataclass(frozen=True, slots=True)
class Match:
    """All ways to run a job, and the one that is taken."""

    launcher: str
    candidates: tuple[Candidate, ...]
    chosen: Candidate | None
    verdicts: tuple[str, ...]
    """Of each candidate: why it cannot be had, or why another one is taken; empty for the chosen one."""


Objecting = Callable[[Candidate], Sequence[str]]
"""What the place itself has said against a candidate."""


def match(
    blueprints: Sequence[Blueprint], asked: Asked, objecting: Objecting | None = None
) -> Match:
    """Try everything, and choose.

    Args:
        blueprints: the launcher, for each of its places.
        asked: what the job asks for.
        objecting: asked only where there is a choice.
    """
    found = list(_candidates(blueprints, asked))
    fitting_ = [each for each in found if not each.reasons]
    if objecting is not None and len(fitting_) > 1:
        found = [_objected(each, objecting) for each in found]
        fitting_ = [each for each in found if not each.reasons]
    merits = [_merits(each) for each in fitting_]
    left = [each for each, merit in zip(fitting_, merits, strict=True) if merit == min(merits)]
    priced = all(each.cost is not None for each in left)
    ranks = {each.number: _rank(each, priced) for each in fitting_}
    best = min(fitting_, key=lambda each: ranks[each.number], default=None)
    verdicts = [
        "; ".join(each.reasons)
        or ("" if best is None or each is best else _why_not(each, best, ranks))
        for each in found
    ]
    return Match(blueprints[0].name, tuple(found), best, tuple(verdicts))


def _objected(candidate: Candidate, objecting: Objecting) -> Candidate:
    if candidate.reasons:
        return candidate
    return replace(candidate, reasons=tuple(objecting(candidate)))


def _candidates(blueprints: Sequence[Blueprint], asked: Asked) -> "list[Candidate]":
    found: list[Candidate] = []
    for alternative, need in enumerate(asked.alternatives):
        for place, blueprint in enumerate(blueprints):
            tokens = {**asked.tokens}
            for name, count in need.tokens:
                tokens[name] = max(count, tokens.get(name, 0))
            wrong: list[str] = []
            try:
                paid = paying.sort_tokens(blueprint, tokens)
                named = {name for name, _ in need.tokens} - asked.tokens.keys()
                wrong += paying.uncountable(blueprint, paid, named - blueprint.tokens.keys())
            except ProfileProblem as problem:
                paid = Tokens()
                wrong.append(problem.what)
            needs = needs_of(blueprint, need, paid)
            wrong += _barred(blueprint, need, needs, asked)
            ways = fitting.fits(blueprint, needs)
            if wrong and len(ways) > 1:
                ways = [Fit()]  # none of its partitions matters then
            for fit in ways:
                reasons = (*wrong, *fit.reasons)
                found.append(
                    Candidate(
                        len(found), alternative, place, blueprint, need, needs, paid, fit, reasons
                    )
                )
    return found


def _barred(blueprint: Blueprint, need: Need, needs: Needs, asked: Asked) -> list[str]:
    """Why the job must not go to this place at all."""
    site, wrong = blueprint.site, list[str]()
    if site.spec.name in asked.barred:
        wrong.append(asked.barred[site.spec.name])
    missing = [tag for tag in tags_of(blueprint, need) if tag not in site.tags]
    if missing:
        has = f"its tags are {', '.join(site.tags)}" if site.tags else "it has no tags"
        wrong.append(f"it is not tagged {', '.join(missing)}, {has}")
    limits = (
        ("time", site.only_if.time, needs.time_s, say_duration),
        ("memory", site.only_if.mem, needs.mem, say_size),
    )
    for word, bound, value, say in limits:
        if bound is None:
            continue
        if value is None and asked.is_trial:
            continue
        if value is None:
            wrong.append(f"only jobs of {word} {bound.sign}{say(bound.value)}, it says none")
        elif not bound.holds(value):
            wrong.append(f"{word} {say(value)}, only {bound.sign}{say(bound.value)} may come here")
    return wrong


RANKS = (
    "a later alternative of the requirement",
    "without the tags that the launcher prefers",
    "{interrupted}",
    "has GPUs, and the job wants none",
    "a later place of the launcher",
    "costs {cost}, not {best_cost}",
    "{vram} of GPU memory that nobody asked for, not {best_vram}",
    "fits less tightly: up to {limit}, not {best_limit}",
    "written later",
)


def _merits(candidate: Candidate) -> tuple[float, ...]:
    """What goes before any price; smaller is better."""
    prefer, fit = candidate.blueprint.wish.prefer, candidate.fit
    tags = candidate.blueprint.site.tags
    return (
        candidate.alternative,
        sum(tag not in tags for tag in prefer.tags),
        _interrupts(fit) is not prefer.preemptible,
        not candidate.needs.gpus.count and any(each.gpus for each in fit.partitions),
    )


def _rank(candidate: Candidate, priced: bool) -> tuple[float, ...]:
    """Smaller is better; what each place means is in RANKS."""
    cost = candidate.cost
    return (
        *_merits(candidate),
        0 if priced else candidate.place,
        1.0 if cost is None else cost,
        _unused(candidate),
        _slack(candidate),
        candidate.number,
    )


def _interrupts(fit: Fit) -> bool:
    return any(each.preemptible for each in fit.partitions)


def _unused(candidate: Candidate) -> float:
    """Bytes of GPU memory nobody asked for; of types whose memory is unknown: none known."""
    wish, catalog = candidate.needs.gpus, candidate.blueprint.catalog
    if not wish.count:
        return 0
    if candidate.fit.gpus is not None:
        types = [candidate.fit.gpus.type]
    else:
        types = [gpus.type for each in candidate.fit.partitions for gpus in each.gpus or ()]
    sizes = [catalog.get(each, GpuType()).vram or 0 for each in types]
    asked = [bound.value for like in wish.likes for bound in like.vram if ">" in bound.sign]
    return max(0, max(sizes, default=0) - max(asked, default=0)) * wish.count


def _slack(candidate: Candidate) -> float:
    limit, time_s = candidate.fit.time_limit, candidate.needs.time_s
    if time_s is None or not candidate.blueprint.site.is_slurm:
        return 0
    return math.inf if limit is None else limit - time_s


def _why_not(candidate: Candidate, best: Candidate, ranks: Mapping[int, tuple[float, ...]]) -> str:
    mine, theirs = ranks[candidate.number], ranks[best.number]
    first = next(i for i, (one, two) in enumerate(zip(mine, theirs, strict=True)) if one != two)
    return RANKS[first].format(
        interrupted="its jobs may be interrupted"
        if _interrupts(candidate.fit)
        else "its jobs are not interrupted, which the launcher would like",
        cost=_say_number(mine[5]),
        best_cost=_say_number(theirs[5]),
        vram=say_size(int(mine[6])),
        best_vram=say_size(int(theirs[6])),
        limit=_say_limit(candidate),
        best_limit=_say_limit(best),
    )


def _say_number(number: float) -> str:
    return f"{number:g}"


def _say_limit(candidate: Candidate) -> str:
    limit = candidate.fit.time_limit
    return "any time" if limit is None else say_duration(limit)
