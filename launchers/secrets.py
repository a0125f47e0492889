"""Secrets in a profile: refused, since what a profile exports is kept in the records of jobs, here and there.

A secret is a literal value that goes into a variable whose name ends in a word like TOKEN, KEY, PASSWORD. References
(``$VAR``, ``$(cat file)``), paths, placeholders, numbers, switches and short values are none.
"""

import re
from collections.abc import Sequence

from xpm.launchers.report import Report
from xpm.launchers.tree import Mark

WORDS = frozenset(
    "TOKEN TOKENS KEY APIKEY PASSWORD PASSWD PASSPHRASE PASS PWD SECRET SECRETS CREDENTIAL CREDENTIALS".split()
)
SHORTEST = 8
_EXPORT = re.compile(r"(?:^|[;&\s])([A-Za-z_][A-Za-z0-9_]*)=(\"[^\"]*\"|'[^']*'|[^\s;&|]*)")
_HARMLESS = re.compile(
    r"[-+]?[0-9.]+|[/~.{].*|.*\$.*|.*`.*|true|false|yes|no|on|off", re.IGNORECASE
)


def is_secret(name: str, value: str) -> bool:
    """Whether this value of a variable of this name is to be kept from records and lists of processes."""
    words = name.upper().split("_")
    if not WORDS & set(words[-2:]):
        return False
    return len(value) >= SHORTEST and not _HARMLESS.fullmatch(value)


def check_export(name: str, value: str, mark: Mark, path: str, report: Report) -> None:
    """Report a secret that a profile exports."""
    if is_secret(name, value):
        report.problem(mark, path, words(name))


def check_lines(lines: Sequence[str], mark: Mark, path: str, report: Report) -> None:
    """Report secrets that lines of shell set."""
    for line in lines:
        for name, value in _EXPORT.findall(line):
            if is_secret(name, value.strip("\"'")):
                report.problem(mark, path, words(name))


def words(name: str) -> str:
    """What to say of a secret, without its value."""
    return (
        f"{name} looks like a secret, which would be kept in the records of every job: write it to a file that"
        f" only you can read there, and use `pre: ['export {name}=\"$(cat ~/.{name.lower()})\"']`"
    )
