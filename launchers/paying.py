"""A job's tokens: which the place pays, as cores, GPUs, licences or a whole host, and which are counted slots."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from xpm.errors import ProfileProblem
from xpm.launchers.blueprints import is_paid, total_of
from xpm.launchers.model import Blueprint, TokenRule

SLOTS = TokenRule("slots")
SlotEntry = tuple[str, int, int] | tuple[str, int, int, str]
"""A token, how many units, of how many, and the folder where several users count it."""
KINDS = ("cpu", "gpu", "license", "exclusive", "slots")


@dataclass(frozen=True, slots=True)
class Tokens:
    """A job's tokens, by how they are paid."""

    cpus: int | None = None
    gpus: int | None = None
    licenses: tuple[tuple[str, int], ...] = ()
    exclusive: bool = False
    slots: tuple[tuple[str, int], ...] = ()


def sort_tokens(blueprint: Blueprint, tokens: Mapping[str, int]) -> Tokens:
    """The tokens of the job and of its launcher (the larger of the two counts), by how they are paid.

    Raises:
        ProfileProblem: more units than there are.
    """
    wanted = dict(blueprint.tokens)
    for name, count in tokens.items():
        wanted[name] = max(count, wanted.get(name, 0))
    paid: dict[str, dict[str, int]] = {kind: {} for kind in KINDS}
    for name, count in sorted(wanted.items()):
        rule = blueprint.rules.get(name, SLOTS)
        kind = rule.kind if is_paid(name, rule, blueprint.site) else "slots"
        total = total_of(name, rule, blueprint.site)
        if total is not None and count > total:
            raise ProfileProblem(
                f"{count} units of token {name!r} can never be had, there are {total}"
            )
        paid[kind][name] = count
    return Tokens(
        cpus=sum(paid["cpu"].values()) or None,
        gpus=sum(paid["gpu"].values()) or None,
        licenses=tuple(paid["license"].items()),
        exclusive=bool(paid["exclusive"]),
        slots=tuple(paid["slots"].items()),
    )


def slot_entries(
    blueprint: Blueprint, tokens: Iterable[tuple[str, int, int | None]]
) -> list[SlotEntry]:
    """What remains to be counted of a plan's tokens and the launcher's own, as queue entries have it.

    ``tokens`` are (name, units, total); None: nobody but the profile says how many there are.
    """
    tokens = tuple(tokens)
    totals = {name: total for name, _, total in tokens}
    slots = sort_tokens(blueprint, {name: count for name, count, _ in tokens}).slots
    entries: list[SlotEntry] = []
    for name, count in slots:
        rule = blueprint.rules.get(name, SLOTS)
        known = total_of(name, rule, blueprint.site)
        said = [total for total in (known, totals.get(name)) if total is not None]
        entry = name, count, min(said, default=count)
        entries.append((*entry, rule.shared) if rule.shared else entry)
    return entries


def uncountable(blueprint: Blueprint, paid: Tokens, names: Iterable[str]) -> list[str]:
    """Those of these tokens that are counted and of which nobody says how many units there are, in words."""
    return [
        f"nothing says how many units of token {name!r} there are"
        f" (add to tokens: {name}: {{kind: slots, total: 8}})"
        for name, _ in paid.slots
        if name in names
        and total_of(name, blueprint.rules.get(name, SLOTS), blueprint.site) is None
    ]


def throttle(blueprint: Blueprint, paid: Tokens, totals: Mapping[str, int]) -> int | None:
    """How many jobs like this may run at once for their counted tokens: a hint for job arrays."""
    found: list[int] = []
    for name, count in paid.slots:
        known = total_of(name, blueprint.rules.get(name, SLOTS), blueprint.site)
        said = [total for total in (known, totals.get(name)) if total is not None]
        found += [total // count for total in said]
    return min(found, default=None)
