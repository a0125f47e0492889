"""The kinds of tasks of a run as lines with bars, for a terminal of any size: pure functions."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from xpm.cli import cells
from xpm.cli.cells import Line
from xpm.words import telling

MARKS = {"done": "✓", "failed": "✗", "lost": "✗", "cancelled": "-", "skipped": "-"}
_COLOURS = {"done": "green", "failed": "red", "lost": "red"}
OVER = frozenset(MARKS)
ROOMY, TIGHT = 72, 48
"""Columns from which a bar is long, and from which there is one at all."""


class Kind(NamedTuple):
    """All jobs of one task."""

    task: str
    states: Mapping[str, int]
    left: str
    """How long it will yet take, in words."""

    @property
    def total(self) -> int:
        """How many they are."""
        return sum(self.states.values())

    @property
    def over(self) -> int:
        """How many of them are over."""
        return sum(count for state, count in self.states.items() if state in OVER)


def lines(kinds: Sequence[Kind], below: Sequence[str], columns: int, rows: int) -> list[Line]:
    """What fits: a line for each kind of tasks, and below them what else there is to say, the last of it first."""
    room = max(rows - len(kinds), rows // 2)
    kept = list(below) if len(below) <= room else _last(below, room)
    return [*_of_kinds(kinds, columns, max(0, rows - len(kept))), *([(each, "")] for each in kept)]


def words(states: Mapping[str, int]) -> str:
    """``✓ 6  ✗ 1  2 running``."""
    return "".join(text for text, _ in _words(states)).strip()


def bar(fraction: float, length: int) -> tuple[str, str]:
    """The part of a bar that is full, and the rest."""
    full = round(length * fraction)
    return "━" * full, "╌" * (length - full)


def _last(below: Sequence[str], room: int) -> list[str]:
    """As many as there is room for: what is waited for stands last, and is not to be missed."""
    return list(below[len(below) - room :]) if room > 0 else []


def _of_kinds(kinds: Sequence[Kind], columns: int, rows: int) -> list[Line]:
    shown, rest = list(kinds), list[Kind]()
    if len(kinds) > rows:
        by_wish = sorted(range(len(kinds)), key=lambda at: kinds[at].over == kinds[at].total)
        chosen = set(by_wish[: max(0, rows - 1)])
        shown = [each for at, each in enumerate(kinds) if at in chosen]
        rest = [each for at, each in enumerate(kinds) if at not in chosen]
    name = min(max((cells.width(each.task) for each in shown), default=0), max(8, columns // 3))
    count = max((len(_count(each)) for each in shown), default=0)
    found = [_line(each, columns, name, count) for each in shown]
    return [*found, _of_rest(rest)] if rest and rows else found


def _line(kind: Kind, columns: int, name: int, count: int) -> Line:
    spans = [(cells.filled(cells.cut(cells.flat(kind.task), name), name), "")]
    if columns >= TIGHT:
        full, empty = bar(
            kind.over / kind.total if kind.total else 0.0, 30 if columns >= ROOMY else 10
        )
        spans += [("  ", ""), (full, _colour(kind)), (empty, "")]
    spans += [(f"  {_count(kind):>{count}}", ""), *_words(kind.states)]
    return [*spans, (f"  {kind.left}", "")] if kind.left else spans


def _of_rest(kinds: Sequence[Kind]) -> Line:
    states = {state: sum(each.states.get(state, 0) for each in kinds) for state in telling.ORDER}
    return [(f"{len(kinds)} more kinds", ""), *_words(states)]


def _count(kind: Kind) -> str:
    return f"{kind.over}/{kind.total}"


def _colour(kind: Kind) -> str:
    if any(kind.states.get(state) for state in ("failed", "lost")):
        return "red"
    return "green" if kind.over == kind.total else "cyan"


def _words(states: Mapping[str, int]) -> list[tuple[str, str]]:
    return [
        (
            f"  {MARKS[state]} {states[state]}" if state in MARKS else f"  {states[state]} {state}",
            _COLOURS.get(state, ""),
        )
        for state in reversed(telling.ORDER)
        if states.get(state)
    ]
