"""Which jobs of a main folder pass a filter."""

import difflib
from collections.abc import Collection

from xpm.errors import UsageProblem
from xpm.follow import filters, narrowing
from xpm.follow.filters import Filter
from xpm.follow.looking import Look, Row


def passing(look: Look, text: str, experiment: str | None = None) -> list[Row]:
    """The jobs that pass a filter, of one experiment or of all: then of the one that ran last first.

    Raises:
        UsageProblem: the filter cannot be read, or names a tag that no job has.
    """
    wanted = filters.parse(text)
    for name in filters.names(wanted):
        if not look.holds(narrowing.has_tag(name)):
            check_tags(wanted, look.tag_names())
    condition = narrowing.condition(wanted)
    names = look.experiments() if experiment is None else [experiment]
    return [
        row
        for name in names
        for row in look.rows(name, condition)
        if filters.passes(wanted, row, name)
    ]


def check_tags(found: Filter, known: Collection[str]) -> None:
    """Refuse a filter by a tag that no job has: ``not`` of a slip of the pen would mean all of them.

    Raises:
        UsageProblem: it does.
    """
    for name in filters.names(found):
        if name not in known:
            near = difflib.get_close_matches(name, [*filters.FIELDS, *known], 1)
            known_names = ", ".join([*filters.FIELDS, *sorted(known)])
            raise UsageProblem(
                f"no job has a tag {name!r}",
                hint=f"did you mean {near[0]!r}?" if near else f"known: {known_names}",
            )
