"""Which jobs of a main folder pass a filter."""

from collections.abc import Collection

from xpm.errors import UsageProblem
from xpm.follow import filters, narrowing
from xpm.follow.conditions import Condition
from xpm.follow.filters import Filter
from xpm.follow.looking import Look, Row


def passing(look: Look, text: str, experiment: str | None = None) -> list[Row]:
    """The jobs that pass a filter, of one experiment or of all: then of the one that ran last first.

    Raises:
        UsageProblem: the filter cannot be read, or names a tag that no job has.
    """
    names = look.experiments() if experiment is None else [experiment]
    wanted = parsed(look, text)
    return [row for name in names for row in _passing(look, name, wanted)]


def all_passing(look: Look, wanted: Filter | None) -> list[Row]:
    """The jobs that pass a filter that is read already, of all experiments; None: all jobs."""
    names = look.experiments()
    if wanted is None:
        return [row for name in names for row in look.rows(name)]
    return [row for name in names for row in _passing(look, name, wanted)]


def _passing(look: Look, name: str, wanted: Filter) -> list[Row]:
    """The jobs of one experiment: where SQL knows that they pass, they are not looked at one by one."""
    rows = look.rows(name, narrowing.condition(wanted))
    doubt = narrowing.doubt(wanted)
    if doubt is None:
        return list(rows)
    doubtful = list(look.rows(name, doubt))
    refused = {row.place for row in doubtful if not filters.passes(wanted, row, name)}
    return [row for row in rows if row.place not in refused]


def in_sql(look: Look, text: str) -> Condition | None:
    """What exactly those jobs fulfil that pass a filter; None: SQL cannot tell.

    Raises:
        UsageProblem: the filter cannot be read, or names a tag that no job has.
    """
    wanted = parsed(look, text)
    doubt = narrowing.doubt(wanted)
    if doubt is not None and look.holds(doubt):
        return None
    return narrowing.condition(wanted)


def parsed(look: Look, text: str) -> Filter:
    """The filter that a text stands for.

    Raises:
        UsageProblem: the filter cannot be read, or names a tag that no job has.
    """
    wanted = filters.parse(text)
    for name in filters.names(wanted):
        if not look.holds(narrowing.has_tag(name)):
            check_tags(wanted, look.tag_names())
    return wanted


def check_tags(found: Filter, known: Collection[str]) -> None:
    """Refuse a filter by a tag that no job has: ``not`` of a slip of the pen would mean all of them.

    Raises:
        UsageProblem: it does.
    """
    for name in filters.names(found):
        if name not in known:
            import difflib

            near = difflib.get_close_matches(name, [*filters.FIELDS, *known], 1)
            known_names = ", ".join([*filters.FIELDS, *sorted(known)])
            raise UsageProblem(
                f"no job has a tag {name!r}",
                hint=f"did you mean {near[0]!r}?" if near else f"known: {known_names}",
            )
