"""Entries put into the text of a profile that people edit: everything else in it stays as it is, comments included. Pure.

The loader's marks say where a section and an entry begin, so only the text between is touched. Sections in braces cannot be
extended this way; that is said, never guessed.
"""

from collections.abc import Mapping, Sequence

from xpm.errors import ProfileProblem
from xpm.launchers.load import parse
from xpm.launchers.report import Report
from xpm.launchers.tree import Table

Section = Mapping[str, Sequence[str]]
"""Entries by name: their lines, the first behind ``name:`` when it is the only one."""


def with_entries(text: str, file: str, section: Sequence[str], entries: Section) -> str:
    """The text with these entries in a section (a path of keys); those of the same names are replaced.

    Raises:
        ProfileProblem: the text is no profile, or the section is in braces.
    """
    for name, lines in entries.items():
        text = _with_entry(text, file, section, name, lines)
    return text


def names(text: str, file: str, section: str) -> Sequence[str]:
    """The entries of a section."""
    return nested_names(text, file, [section])


def nested_names(text: str, file: str, section: Sequence[str]) -> Sequence[str]:
    """The entries of a section within others."""
    table = _table(text, file)
    for key in section:
        table = table.table(key)
    return tuple(table.items)


def _with_entry(
    text: str, file: str, section: Sequence[str], name: str, lines: Sequence[str]
) -> str:
    rows = text.splitlines()
    table, depth, at = _table(text, file), 0, None
    for key in section:
        mark = table.keys.get(key)
        if mark is None:
            return _appended(rows, at, section[depth:], name, lines, depth)
        table, at, depth = table.table(key), mark.line, depth + 1
        if "{" in rows[at - 1].split("#")[0].partition(":")[2] and not _is_empty(table):
            raise ProfileProblem(
                f"the section {key!r} is in braces, so nothing can be put into it by a program",
                where=f"{file}:{at}",
                hint="write it on lines of its own, or put the entry in by hand",
            )
        rows[at - 1] = _opened(rows[at - 1], table)
    assert at is not None
    indent = " " * (table.keys[next(iter(table.keys))].column - 1 if table.keys else 2 * depth)
    block = _block(name, lines, indent)
    mark = table.keys.get(name)
    if mark is not None:
        end = _end(rows, mark.line, len(indent))
        rows[mark.line - 1 : end] = block
    else:
        end = _end(rows, at, len(rows[at - 1]) - len(rows[at - 1].lstrip()))
        rows[end:end] = block
    return "\n".join([*rows, ""])


def _appended(
    rows: list[str],
    at: int | None,
    keys: Sequence[str],
    name: str,
    lines: Sequence[str],
    depth: int,
) -> str:
    """A new section, below the one at this line, or at the end."""
    block = [f"{'  ' * (depth + n)}{key}:" for n, key in enumerate(keys)]
    block += _block(name, lines, "  " * (depth + len(keys)))
    if at is None:
        gap = [""] if rows and rows[-1].strip() else []
        return "\n".join([*rows, *gap, *block, ""])
    end = _end(rows, at, 2 * (depth - 1))
    return "\n".join([*rows[:end], *block, *rows[end:], ""])


def _block(name: str, lines: Sequence[str], indent: str) -> list[str]:
    if len(lines) == 1 and lines[0].startswith("{"):
        return [f"{indent}{name}: {lines[0]}"]
    return [f"{indent}{name}:", *(f"{indent}  {line}" for line in lines)]


def _end(rows: Sequence[str], first: int, indent: int) -> int:
    """How many lines there are up to the end of what begins on this one; blank lines and comments after it are not its own."""
    end = first
    for number in range(first, len(rows)):
        row = rows[number]
        if not row.strip() or row.lstrip().startswith("#"):
            continue
        if len(row) - len(row.lstrip()) <= indent:
            break
        end = number + 1
    return end


def _opened(row: str, table: Table) -> str:
    """A section that is there but empty, ready for lines below it."""
    if table.items:
        return row
    head, _, rest = row.partition(":")
    comment = rest[rest.index("#") - 2 :] if "#" in rest else ""
    return f"{head}:{comment}"


def _is_empty(table: Table) -> bool:
    return not table.items


def _table(text: str, file: str) -> Table:
    report = Report()
    table = parse(text, file, report)
    if table is None:
        raise ProfileProblem(
            str(report.problems[0]) if report.problems else "not a profile",
            hint="mend the file first: `xpm launchers check`",
        )
    return table
