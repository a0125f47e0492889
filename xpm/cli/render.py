"""The only printer: results on stdout, remarks on stderr, colour only where a terminal wants it.

``rich`` is imported when a terminal is to show a table and at no other time: a pipe gets plain
aligned columns.
"""

import json
import os
import sys
import traceback
from collections.abc import Iterable, Sequence
from typing import TextIO

import click

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
_CODES = {"green": 32, "cyan": 36, "red": 31, "yellow": 33, "magenta": 35, "bold": 1}


def line(text: str = "") -> None:
    """One line of result."""
    click.echo(text)


def raw(content: bytes) -> None:
    """Bytes of a log, as they are."""
    sys.stdout.flush()
    sys.stdout.buffer.write(content)
    sys.stdout.buffer.flush()


def note(text: str) -> None:
    """A remark to the person at the terminal."""
    click.echo(text, err=True)


def document(content: object) -> None:
    """A result for programs: JSON, indented, keys in the order given."""
    line(json.dumps(content, indent=2, ensure_ascii=False))


def problem(error: XpmError) -> None:
    """What went wrong and what to do."""
    note(f"{paint('error:', 'red', sys.stderr)} {error}")


def defect(error: BaseException, arguments: Sequence[str]) -> None:
    """An error nobody foresaw: everything a bug report needs."""
    note("".join(traceback.format_exception(error)).rstrip())
    note(
        f"\n{paint('error:', 'red', sys.stderr)} this is a defect of xpm, not of your plan."
        "\n  -> please report it with the lines above: "
        f"xpm {version()}, Python {sys.version.split()[0]}, `xpm {' '.join(arguments)}`"
    )


def version() -> str:
    """The version of the installed distribution."""
    from importlib import metadata

    try:
        return metadata.version("xpm-launcher")
    except metadata.PackageNotFoundError:
        return "(a checkout, not installed)"


def table(headings: Sequence[str], rows: Iterable[Sequence[str]], title: str = "") -> None:
    """Rows under headings: coloured on a terminal that likes it, plain columns elsewhere."""
    rows = [list(row) for row in rows]
    if has_colour(sys.stdout):
        _rich_table(headings, rows, title)
        return
    if title:
        line(title)
    for text in columns([headings, *rows]):
        line(text)


def columns(rows: Sequence[Sequence[str]]) -> list[str]:
    """Rows as lines of aligned columns; every cell on one line."""
    clean = [[" ".join(cell.split()) for cell in row] for row in rows]
    widths = [max(map(len, column)) for column in zip(*clean, strict=True)]
    return [
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in clean
    ]


def paint(text: str, colour: str, stream: TextIO) -> str:
    """The text in a colour, where the stream shows colours."""
    if not has_colour(stream):
        return text
    return f"\033[{_CODES[colour]}m{text}\033[0m"


def is_terminal(stream: TextIO) -> bool:
    """Whether a person looks at this stream through a terminal that can move its cursor."""
    return stream.isatty() and os.environ.get("TERM", "") != "dumb"


def has_colour(stream: TextIO) -> bool:
    """Whether colours are welcome: a terminal, and no NO_COLOR (no-color.org)."""
    return is_terminal(stream) and not os.environ.get("NO_COLOR")


def _rich_table(headings: Sequence[str], rows: Sequence[Sequence[str]], title: str) -> None:
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    shown = Table(
        title=title or None, title_justify="left", title_style="bold", box=None, pad_edge=False
    )
    for heading in headings:
        shown.add_column(heading, overflow="fold")
    for row in rows:
        shown.add_row(*(Text(cell, style=COLOURS.get(cell, "")) for cell in row))
    Console(highlight=False).print(shown)
