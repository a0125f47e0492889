"""Braced words in profile text (``{fast}``, ``{cpus}``): replaced here when known here, by the far side's variables otherwise."""

import re
from collections.abc import Mapping

from xpm.launchers import secrets
from xpm.launchers.report import Report, did_you_mean
from xpm.launchers.tree import Mark

WORD = re.compile(r"(?<!\$)\{([a-z_]+)\}")

FAR = {"user": "$USER", "home": "$HOME"}
"""What only the far side knows, as its own variables."""

ANYWHERE: tuple[str, ...] = ("user", "home", "fast", "workspace")
OF_REQUEST: tuple[str, ...] = ("cpus", "gpus", "mem_mib", "time_s")
"""What a request gives to exported variables."""


def expand(text: str, known: Mapping[str, str]) -> str:
    """``text`` with the known words replaced; the others stay."""
    return WORD.sub(lambda match: known.get(match[1], match[0]), text)


def expand_place(text: str, known: Mapping[str, str], mark: Mark, path: str, report: Report) -> str:
    """A folder with every word replaced; words nobody knows are problems."""
    if re.search(r"/?\{project\}", text):
        report.note(mark, path, "{project} is left out: projects share the workspace for now")
        text = re.sub(r"/?\{project\}", "", text) or "/"
    check(text, known, mark, path, report)
    return expand(text, known)


def check(text: str, known: Mapping[str, str], mark: Mark, path: str, report: Report) -> None:
    """Report the words of ``text`` that are not known."""
    for word in WORD.findall(text):
        if word in known:
            continue
        if word == "fast":
            words = "{fast} is not set (add to the connector: fast: /scratch/{user})"
            report.problem(mark, path, words)
        else:
            hint = did_you_mean(word, known, "known here")
            report.problem(mark, path, f"unknown placeholder '{{{word}}}'{hint}")


def check_export(
    text: str, known: Mapping[str, str], place: str, mark: Mark, path: str, report: Report
) -> None:
    """Report a secret, and the words of an exported variable that nobody knows; note those unknown at this place."""
    secrets.check_export(path.rpartition(".")[2], text, mark, path, report)
    words = (*ANYWHERE, *OF_REQUEST)
    for word in WORD.findall(text):
        if word not in words:
            hint = did_you_mean(word, words, "known here")
            report.problem(mark, path, f"unknown placeholder '{{{word}}}'{hint}")
        elif word not in known and word not in OF_REQUEST:
            report.note(mark, path, f"is not set on {place}, which has no '{word}:'")


def quoted(text: str) -> str:
    """For sh, in double quotes: ``$VAR``, ``${VAR}`` and a leading ``~`` are expanded there, nothing else is."""
    if text == "~" or text.startswith("~/"):
        text = "$HOME" + text[1:]
    text = re.sub(r"[\\\"`]", lambda match: "\\" + match[0], text)
    text = re.sub(r"\$(?!\{?[A-Za-z_])", r"\\$", text)
    return f'"{text}"'
