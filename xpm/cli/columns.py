"""Rows under each other: aligned, and where a terminal is too narrow for that, folded: pure functions."""

from collections.abc import Sequence

from xpm.cli import cells

GAP = "  "
LEAST = 8
"""A column that is folded keeps so many cells."""
WIDEST = 120
"""Where nothing is folded, what is longer moves what stands behind it, not the other rows."""
TALLEST = 8
"""So many lines of a folded cell are shown at most."""

Lines = list[list[str]]
"""The lines of one row, each as its cells: padded where another one follows."""


def laid_out(rows: Sequence[Sequence[str]], most: int | None = None) -> list[Lines]:
    """Rows as lines, every cell clean.

    Args:
        rows: the cells.
        most: how many cells of a terminal a line may take; None: any, and every row is one line.
    """
    clean = [[cells.one_line(cell) for cell in row] for row in rows]
    widths = [max(map(cells.width, column)) for column in zip(*clean, strict=True)]
    if most is None:
        widths = [min(each, WIDEST) for each in widths]
    if most is None or _whole(widths) <= most:
        return [[_padded(row, widths)] for row in clean]
    narrow = _narrowed(widths, most)
    if narrow is None:
        return [_stacked(row, most) for row in clean]
    return [_folded(row, narrow) for row in clean]


def _whole(widths: Sequence[int]) -> int:
    return sum(widths) + len(GAP) * (len(widths) - 1)


def _narrowed(widths: Sequence[int], most: int) -> list[int] | None:
    """Widths that fit, the widest made narrower; None: that would leave too little of them."""
    narrow = list(widths)
    while (over := _whole(narrow) - most) > 0:
        widest = max(narrow)
        second = max((each for each in narrow if each < widest), default=LEAST)
        if widest <= LEAST:
            return None
        equal = [place for place, each in enumerate(narrow) if each == widest]
        less = min(widest - max(second, LEAST), -(-over // len(equal)))
        for place in equal:
            narrow[place] -= max(1, less)
    return narrow


def _padded(row: Sequence[str], widths: Sequence[int]) -> list[str]:
    """The cells of a line, without spaces behind the last that says something."""
    last = max((place for place, cell in enumerate(row) if cell), default=-1)
    return [
        cells.filled(cell, wide) if place < last else cell
        for place, (cell, wide) in enumerate(zip(row, widths, strict=True))
        if place <= last
    ]


def _folded(row: Sequence[str], widths: Sequence[int]) -> Lines:
    columns = [_lines(cell, wide) for cell, wide in zip(row, widths, strict=True)]
    height = max(map(len, columns))
    return [
        _padded([column[at] if at < len(column) else "" for column in columns], widths)
        for at in range(height)
    ]


def _stacked(row: Sequence[str], most: int) -> Lines:
    """The cells behind each other, on as many lines as that takes."""
    text = GAP.join(cell for cell in row if cell)
    first, *more = _lines(text, max(1, most - len(GAP)))
    return [[first], *([GAP + each] for each in more)]


def _lines(cell: str, wide: int) -> list[str]:
    found = cells.folded(cells.start(cell, wide * TALLEST + 1), wide)
    return found if len(found) <= TALLEST else [*found[: TALLEST - 1], "…"]
