"""The only printer: results on stdout, remarks on stderr, colour only where a terminal wants it.

What jobs, tags and hosts say is shown, never obeyed: control characters in it are spelled out (xpm/cli/cells.py).
"""

import json
import os
import sys
from collections.abc import Iterable, Sequence
from typing import TextIO

import click

from xpm.cli import cells, columns
from xpm.errors import XpmError

COLOURS = {
    "done": "green",
    "running": "cyan",
    "failed": "red",
    "lost": "red",
    "cancelled": "yellow",
    "skipped": "yellow",
    "unknown": "magenta",
}
MANY_ROWS = 200
_CODES = {"green": 32, "cyan": 36, "red": 31, "yellow": 33, "magenta": 35, "bold": 1}


def line(text: str = "", lead: str = "") -> None:
    """One line of result, or several; ``lead`` comes before them as it is: painted."""
    click.echo(lead + cells.harmless(text), color=True if has_colour(sys.stdout) else None)


def raw(content: bytes) -> None:
    """Bytes of a log, as they are."""
    sys.stdout.flush()
    sys.stdout.buffer.write(content)
    sys.stdout.buffer.flush()


def note(text: str) -> None:
    """A remark to the person at the terminal."""
    click.echo(cells.harmless(text), err=True)


def document(content: object) -> None:
    """A result for programs: JSON, keys in the order given; indented, but for the rows of long lists, one on each line."""
    sys.stdout.write(cells.harmless_json(_as_json(content)) + "\n")


def _as_json(content: object) -> str:
    if not (isinstance(content, dict) and any(map(_is_long, content.values()))):
        return json.dumps(content, indent=2, ensure_ascii=False)
    encode = json.JSONEncoder(ensure_ascii=False).encode  # the quick one, which does not indent
    parts = (
        f"{encode(name)}: "
        + (
            "[\n    " + ",\n    ".join(map(encode, value)) + "\n  ]"
            if _is_long(value)
            else encode(value)
        )
        for name, value in content.items()
    )
    return "{\n  " + ",\n  ".join(parts) + "\n}"


def _is_long(value: object) -> bool:
    return isinstance(value, list) and len(value) > MANY_ROWS


def problem(error: XpmError) -> None:
    """What went wrong and what to do."""
    _coloured(f"{paint('error:', 'red', sys.stderr)} {cells.harmless(str(error))}")


def defect(error: BaseException, arguments: Sequence[str]) -> None:
    """An error nobody foresaw: everything a bug report needs."""
    import traceback

    note("".join(traceback.format_exception(error)).rstrip())
    told = f"xpm {version()}, Python {sys.version.split()[0]}, `xpm {' '.join(arguments)}`"
    _coloured(
        f"\n{paint('error:', 'red', sys.stderr)} this is a defect of xpm, not of your plan."
        f"\n  -> please report it with the lines above: {cells.harmless(told)}"
    )


def version() -> str:
    """The version of the installed distribution."""
    from importlib import metadata

    try:
        return metadata.version("xpm-launcher")
    except metadata.PackageNotFoundError:
        return "(a checkout, not installed)"


def table(headings: Sequence[str], rows: Iterable[Sequence[str]], title: str = "") -> None:
    """Rows under headings: folded to the terminal's width, and coloured where it likes that; plain columns elsewhere."""
    whole = [headings, *rows]
    most = size(sys.stdout)[0] if is_terminal(sys.stdout) else None
    colours = has_colour(sys.stdout)
    text = [paint(cells.one_line(title), "bold", sys.stdout)] if title else []
    for place, lines in enumerate(columns.laid_out(whole, most)):
        for each in lines:
            shown = [_cell(cell, place == 0) for cell in each] if colours else each
            text.append(columns.GAP.join(shown))
    sys.stdout.write("".join(f"{each}\n" for each in text))


def aligned(rows: Sequence[Sequence[str]]) -> list[str]:
    """Rows as lines of aligned columns; every cell on one line."""
    return [columns.GAP.join(line) for lines in columns.laid_out(rows) for line in lines]


def _cell(text: str, is_heading: bool) -> str:
    colour = "bold" if is_heading else COLOURS.get(text.rstrip())
    return f"\033[{_CODES[colour]}m{text}\033[0m" if colour else text


def paint(text: str, colour: str, stream: TextIO) -> str:
    """The text in a colour ("" is none), where the stream shows colours."""
    if not (text and colour and has_colour(stream)):
        return text
    return f"\033[{_CODES[colour]}m{text}\033[0m"


def is_terminal(stream: TextIO) -> bool:
    """Whether a person looks at this stream through a terminal that can move its cursor."""
    return stream.isatty() and os.environ.get("TERM", "") not in ("", "dumb", "unknown")


def size(stream: TextIO) -> tuple[int, int]:
    """The columns and lines of a terminal as it is now; where it does not tell, of an ordinary one."""
    try:
        found = os.get_terminal_size(stream.fileno())
    except (OSError, ValueError):
        found = os.terminal_size((0, 0))
    return found.columns or _number("COLUMNS") or 80, found.lines or _number("LINES") or 24


def _number(variable: str) -> int:
    said = os.environ.get(variable, "")
    return int(said) if said.isdigit() else 0


def has_colour(stream: TextIO) -> bool:
    """Whether colours are welcome: on a terminal, or by FORCE_COLOR (force-color.org); never with NO_COLOR (no-color.org)."""
    if os.environ.get("NO_COLOR"):
        return False
    return bool(os.environ.get("FORCE_COLOR")) or is_terminal(stream)


def _coloured(text: str) -> None:
    """A remark that is harmless already."""
    click.echo(text, err=True, color=True if has_colour(sys.stderr) else None)
