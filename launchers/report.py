"""Everything found wrong or without effect in a profile, gathered so that it can be said at once."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from xpm.errors import ProfileProblem
from xpm.launchers.tree import Mark


@dataclass(frozen=True, slots=True)
class Finding:
    """Something to say about one place of a profile."""

    mark: Mark | None
    path: str
    text: str

    def __str__(self) -> str:
        where = "" if self.mark is None else self.mark.exact
        return ": ".join(part for part in (where, self.path, self.text) if part)


@dataclass(slots=True)
class Report:
    """Problems forbid the use of the profile, notes do not. Owned by whoever reads one profile."""

    problems: list[Finding] = field(default_factory=list[Finding])
    notes: list[Finding] = field(default_factory=list[Finding])

    def problem(self, mark: Mark | None, path: str, text: str) -> None:
        """Say what is wrong; the same thing is said once."""
        _add(self.problems, Finding(mark, path, text))

    def note(self, mark: Mark | None, path: str, text: str) -> None:
        """Say what has no effect; the same thing is said once."""
        _add(self.notes, Finding(mark, path, text))


def _add(findings: list[Finding], finding: Finding) -> None:
    if finding not in findings:
        findings.append(finding)


def in_file_order(findings: Iterable[Finding]) -> list[Finding]:
    """Sorted by place, as a person mends them."""

    def place(finding: Finding) -> tuple[str, int, int]:
        mark = finding.mark
        return ("", 0, 0) if mark is None else (mark.file, mark.line, mark.column)

    return sorted(findings, key=place)


def refusal(problems: Sequence[Finding]) -> ProfileProblem:
    """One error that says all of them."""
    lines = [str(finding) for finding in in_file_order(problems)]
    if len(lines) == 1:
        return ProfileProblem(lines[0])
    return ProfileProblem(f"{len(lines)} problems in the launcher profile\n" + "\n".join(lines))


def nearest(word: str, known: Iterable[str]) -> str | None:
    """The known word that was probably meant."""
    import difflib  # late: only errors need it

    by_lower = {name.lower(): name for name in known}
    close = difflib.get_close_matches(word.lower().replace("-", "_"), by_lower, n=1, cutoff=0.6)
    close = close or difflib.get_close_matches(word.lower(), by_lower, n=1, cutoff=0.6)
    close = close or [part for part in re.split("[-_ ]", word.lower()) if part in by_lower]
    return by_lower[close[0]] if close else None


def did_you_mean(word: str, known: Iterable[str], kind: str = "known") -> str:
    """How to go on after a word that is not ``known``: the nearest one, or all of them."""
    names = list(known)
    near = nearest(word, names)
    if near is not None:
        return f", did you mean {near!r}?"
    if not names:
        return f" (there are no {kind} ones)" if kind != "known" else ""
    return f" ({kind}: {', '.join(names)})"
