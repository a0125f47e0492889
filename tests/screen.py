"""Terminals as they really behave: what has been written, as a person sees it after any change of size."""

import unicodedata
from collections.abc import Sequence

import pyte


class Clipping(pyte.Screen):
    """One like xterm: lines are cut off when it gets narrower."""

    def sized(self, columns: int, rows: int) -> None:
        """Get another size: the cursor stays where it was in its line, and lines at the top go when there are too many."""
        lines: list[str] = []
        at, x, shown = 0, self.cursor.x, self.shown
        for number in range(max(len(shown), self.cursor.y + 1)):
            pieces = self.refitted(shown[number] if number < len(shown) else "", columns)
            if number == self.cursor.y:
                at, x = len(lines) + min(x // columns, len(pieces) - 1), x % columns
            lines += pieces
        gone = max(0, at - rows + 1, min(at, len(lines) - rows))
        self.resize(rows, columns)
        self.erase_in_display(2)
        for number, line in enumerate(lines[gone : gone + rows]):
            self.cursor_position(number + 1, 1)
            self.draw(line)
        self.cursor_position(at - gone + 1, x + 1)

    def refitted(self, line: str, columns: int) -> Sequence[str]:
        """What becomes of a line."""
        return _pieces(line, columns)[:1]

    @property
    def shown(self) -> list[str]:
        """The lines down to the last that has anything on it."""
        lines = [line.rstrip() for line in self.display]
        while lines and not lines[-1]:
            lines.pop()
        return lines


class Folding(Clipping):
    """One like most others: lines that are longer than it gets wide are folded."""

    def refitted(self, line: str, columns: int) -> Sequence[str]:
        """What becomes of a line."""
        return _pieces(line, columns)


def _pieces(text: str, columns: int) -> Sequence[str]:
    pieces, cells = [""], 0
    for character in text:
        wide = 2 if unicodedata.east_asian_width(character) in "WF" else 1
        if cells + wide > columns:
            pieces.append("")
            cells = 0
        pieces[-1] += character
        cells += wide
    return pieces
