"""Which files of a project stay at home: .gitignore's language, as far as people use it.

A pattern is a name (``*.ckpt``), a folder (``data/``), a path (``/out``, ``docs/**/*.pdf``) or an exception (``!keep.txt``); the
last one that matches decides. As with git, nothing below an ignored folder can be brought back.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

ALWAYS = frozenset(
    (
        ".git", ".xpm", ".hg", ".svn", "__pycache__", ".venv", "venv", "node_modules", ".mypy_cache", ".pytest_cache",
        ".ruff_cache", ".hypothesis", ".ipynb_checkpoints", ".tox", ".nox", ".eggs", ".DS_Store", ".idea", ".vscode",
    )
)  # fmt: skip
"""Names that never travel, tracked or not."""


@dataclass(frozen=True, slots=True)
class Rule:
    """One line of an ignore file in the folder ``base`` ("" for the project's own)."""

    base: str
    pattern: "re.Pattern[str]"
    keeps: bool
    folders_only: bool


def parse(text: str, base: str) -> list[Rule]:
    """The rules of an ignore file."""
    rules = []
    for raw in text.splitlines():
        line = raw.rstrip("\r")
        line = line if line.endswith("\\ ") else line.rstrip(" ")
        if not line or line.startswith("#"):
            continue
        keeps = line.startswith("!")
        line = line[1:] if keeps else line.removeprefix("\\")
        folders_only = line.endswith("/")
        body = line.rstrip("/")
        if body:
            rules.append(Rule(base, _compiled(body), keeps, folders_only))
    return rules


def is_ignored(path: str, is_folder: bool, rules: Sequence[Rule]) -> bool:
    """Whether the last rule that matches a path (relative to the project) leaves it at home."""
    for rule in reversed(rules):
        prefix = f"{rule.base}/" if rule.base else ""
        if (rule.folders_only and not is_folder) or not path.startswith(prefix):
            continue
        if rule.pattern.fullmatch(path[len(prefix) :]):
            return not rule.keeps
    return False


@cache
def _compiled(body: str) -> "re.Pattern[str]":
    anchored = "/" in body
    return re.compile(("" if anchored else "(?:.*/)?") + _translated(body.lstrip("/")), re.DOTALL)


def _translated(glob: str) -> str:
    out, at = "", 0
    while at < len(glob):
        rest = glob[at:]
        if rest.startswith("**/") and (at == 0 or glob[at - 1] == "/"):
            out, at = out + "(?:.*/)?", at + 3
        elif rest == "**":
            out, at = out + ".*", at + 2
        elif rest[0] == "*":
            out, at = out + "[^/]*", at + 1
        elif rest[0] == "?":
            out, at = out + "[^/]", at + 1
        elif match := re.match(r"\[([!^]?)(\]?[^\]]*)\]", rest):
            negated = "^" if match.group(1) else ""
            out, at = out + f"[{negated}{_escaped_set(match.group(2))}]", at + match.end()
        elif rest[0] == "\\" and len(rest) > 1:
            out, at = out + re.escape(rest[1]), at + 2
        else:
            out, at = out + re.escape(rest[0]), at + 1
    return out


def _escaped_set(text: str) -> str:
    return text.replace("\\", "\\\\").replace("[", "\\[").replace("]", "\\]").replace("^", "\\^")
