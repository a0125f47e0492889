"""What every job that passes a filter fulfils, in SQL: so that of many jobs only few are looked at in Python.

A condition is said from above (whatever passes fulfils it) or from below (whatever fulfils it passes); ``not`` turns one
into the other. Where SQL cannot tell, that is "1" from above, "0" from below, and xpm/follow/filters.py decides. Tags are
compared in the text that xpm/follow/folding.py writes, where a value has one spelling.
"""

import json
import math
import re

from xpm.follow.conditions import ALL, Condition
from xpm.follow.filters import Both, Comparison, Either, Filter, Not, glob, number

_PLAIN = re.compile(r"[A-Za-z0-9_.+-]+")
"""The tags whose names are written in JSON as they are."""
_COLUMNS = {
    "state": "state", "task": "task", "cause": "cause", "id": "job", "connector": "connector",
    "launcher": "launcher", "attempt": "attempt", "experiment": "experiment",
}  # fmt: skip
_TAGS = "(', ' || substr(tags, 2, length(tags) - 2) || ',')"
_EXACT = 2.0**53
_SLACK = 1e-9
"""SQLite may read the last digits of a number otherwise than Python."""


_NONE = Condition("0")


def condition(found: Filter) -> Condition:
    """What every job that passes a filter fulfils."""
    return _said(found, above=True)


def doubt(found: Filter) -> Condition | None:
    """What those jobs fulfil of which SQL alone cannot tell whether they pass; None: there are none."""
    above, below = _said(found, above=True), _said(found, above=False)
    if above == below:
        return None
    return Condition(f"({above.sql} AND NOT {below.sql})", above.values + below.values)


def has_tag(name: str) -> Condition:
    """What a job with this tag fulfils, and maybe others."""
    if not _PLAIN.fullmatch(name):
        return ALL
    return _contains(name, "")


def _said(found: Filter, above: bool) -> Condition:
    if isinstance(found, Not):
        inner = _said(found.inner, not above)
        return Condition(f"NOT {inner.sql}", inner.values)
    if isinstance(found, Both | Either):
        left, right = _said(found.left, above), _said(found.right, above)
        word = "AND" if isinstance(found, Both) else "OR"
        return Condition(f"({left.sql} {word} {right.sql})", left.values + right.values)
    if found.operator == "!=":
        inner = _said(found.equal, not above)
        return Condition(f"NOT {inner.sql}", inner.values)
    column = _COLUMNS.get(found.name)
    told = _of_column(column, found) if column else _of_tag(found, above)
    if told is None:
        return ALL if above else _NONE
    return Condition(f"coalesce({told.sql}, 0)", told.values)


def _of_column(column: str, asked: Comparison) -> Condition | None:
    """Exact, from above and below; None: not to be told."""
    value = None if asked.is_quoted else number(asked.value)
    if column == "attempt":
        is_told = value is not None and math.isfinite(value)
        return Condition(f"attempt {asked.operator} ?", (value,)) if is_told else None
    if asked.operator != "=":
        return (
            None if value is not None else Condition(f"{column} {asked.operator} ?", (asked.value,))
        )
    if column == "job" and not asked.is_quoted:
        start = asked.value.lower()
        return Condition("substr(job, 1, ?) = ?", (len(start), start))
    if value is not None:
        return None
    if asked.is_quoted or "*" not in asked.value:
        return Condition(f"{column} = ?", (asked.value,))
    return Condition(f"{column} GLOB ?", (glob(asked.value),))


def _of_tag(asked: Comparison, above: bool) -> Condition | None:
    name = asked.tag
    if not _PLAIN.fullmatch(name):
        return None
    value = None if asked.is_quoted else number(asked.value)
    if value is not None and abs(value) < _EXACT:
        if asked.operator == "=":
            return _equal(name, value, above)
        return _ordered(name, asked.operator, value, above)
    if asked.operator == "=" and value is None and (asked.is_quoted or "*" not in asked.value):
        return _spelled(name, asked.value, above)
    return _contains(name, "") if above else None


def _equal(name: str, value: float, above: bool) -> Condition:
    """A number; from above also any text, which may spell it otherwise."""
    spellings = [f"{value!r},", *([f"{int(value)},"] if value.is_integer() else [])]
    if value == 0:
        spellings += ["0.0,", "-0.0,"]
    return _any_of(name, [*spellings, *(['"'] if above else [])])


def _spelled(name: str, value: str, above: bool) -> Condition:
    """A text; from above also what Python spells like it."""
    others = [f"{value},", "true,", "false,", "Infinity", "-Infinity", "NaN", "[", "{"]
    return _any_of(name, [f"{json.dumps(value)},", *(others if above else [])])


def _ordered(name: str, operator: str, value: float, above: bool) -> Condition:
    """A number, well away from the limit; from above also one near it, and any text."""
    path = f'$."{name}"'
    slack = abs(value) * _SLACK * (1 if above else -1)
    limit = value + slack if operator.startswith("<") else value - slack
    is_number = "json_valid(tags) AND json_type(tags, ?) IN ('integer', 'real')"
    compared = f"{operator[0]}=" if above else operator[0]
    sql = f"CASE WHEN {is_number} THEN json_extract(tags, ?) {compared} ? ELSE {int(above)} END"
    return Condition(sql, (path, path, limit))  # Python writes Infinity, which is no JSON


def _any_of(name: str, spellings: list[str]) -> Condition:
    found = [_contains(name, each) for each in spellings]
    sql = " OR ".join(each.sql for each in found)
    return Condition(f"({sql})", tuple(value for each in found for value in each.values))


def _contains(name: str, spelling: str) -> Condition:
    return Condition(f"instr({_TAGS}, ?)", (f', "{name}": {spelling}',))
