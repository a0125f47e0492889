"""Refusing here what a site has said it can never run: what is wrong, and the lines that say so."""

from collections.abc import Mapping, Sequence
from typing import cast

from xpm.agent import never
from xpm.agent.limits import SiteLimits
from xpm.errors import ProfileProblem
from xpm.launchers.flags import KEYS
from xpm.launchers.model import Blueprint


def refuse(
    blueprint: Blueprint, request: Mapping[str, object], site: SiteLimits, age: str, where: str
) -> None:
    """Raise what is wrong with a request for a site.

    Args:
        blueprint: the launcher it comes from.
        request: what a job asks for.
        site: what the site allows.
        age: how old that is, in words.
        where: the line of the plan.

    Raises:
        ProfileProblem: the site can never run it; with every reason.
    """
    found = never.objections(cast("Sequence[str]", request.get("options") or ()), site)
    if not found:
        return
    raise ProfileProblem(
        f"launcher {blueprint.name!r} asks for what {request['connector']} can never give",
        cause=never.table(found),
        hint=f"mend {_lines(blueprint, found)}; this is what the site said {age}, and"
        " `xpm launchers check --online` asks it again",
        where=where,
    )


def _lines(blueprint: Blueprint, found: Sequence[never.Objection]) -> str:
    """The keys at fault, and where they are written."""
    told: dict[str, None] = {}
    for each in found:
        key = KEYS.get(each.flag, each.flag)
        marks = blueprint.marks
        mark = marks.get(key) or marks.get("defaults") or marks.get("require") or blueprint.mark
        told[f"{key} ({mark})" if mark else key] = None
    return ", ".join(told)
