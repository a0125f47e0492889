"""One thing found at a place: a line with a verdict, and what to do about it."""

import sys
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from typing import Literal

from xpm.cli import render

_COLOURS = {"ok": "green", "warn": "yellow", "bad": "red"}


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that is so at a place; ``do`` says how to mend it, empty where there is nothing to mend."""

    topic: str
    verdict: Literal["ok", "warn", "bad"]
    what: str
    do: str = ""


def show(findings: Iterable[Finding]) -> None:
    """A line for each, and what to do below it."""
    for finding in findings:
        verdict = render.paint(f"{finding.verdict:<4}", _COLOURS[finding.verdict], sys.stdout)
        render.line(f"  {finding.topic:<10}  {finding.what}", lead=verdict)
        if finding.do:
            render.line(f"  -> {finding.do}")


def rows(findings: Iterable[Finding]) -> list[dict[str, object]]:
    """The same for programs."""
    return [asdict(each) for each in findings]


def is_bad(findings: Iterable[Finding]) -> bool:
    """Whether one of them is bad."""
    return any(each.verdict == "bad" for each in findings)
