"""The indices of an array as SLURM writes them: ``5-9,12-20:4%2``, counted without being spelt out."""

import re

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import List, Optional, Tuple

    Span = Tuple[int, int, int]

_SPAN = re.compile(r"^([0-9]{1,9})(?:-([0-9]{1,9})(?::([0-9]{1,9}))?)?$")
_AT_ONCE = re.compile(r"^(.*)%([0-9]{1,9})$")


def parse(text: str) -> "Optional[Tuple[List[Span], Optional[int]]]":
    """First, last and step of each span, how many may run at once; None for what is none, or was cut."""
    throttled = _AT_ONCE.match(text)
    spans = []
    for each in (throttled.group(1) if throttled else text).split(","):
        found = _SPAN.match(each)
        if found is None:
            return None
        first = int(found.group(1))
        last = int(found.group(2) or first)
        step = int(found.group(3) or 1)
        if last < first or not step:
            return None
        spans.append((first, last, step))
    return spans, (int(throttled.group(2)) or None) if throttled else None


def count(text: str) -> "Optional[int]":
    """How many can start before one of them has ended; None for what is none."""
    found = parse(text)
    if found is None:
        return None
    spans, at_once = found
    whole = sum((last - first) // step + 1 for first, last, step in spans)
    return whole if at_once is None else min(whole, at_once)


def before(text: str, index: int) -> "Optional[int]":
    """How many of them come before one; None where it is not among those that ``count`` counts."""
    found = parse(text)
    if found is None:
        return None
    spans, at_once = found
    passed = 0
    for first, last, step in spans:
        if first <= index <= last and (index - first) % step == 0:
            passed += (index - first) // step
            return passed if at_once is None or passed < at_once else None
        if index > first:
            passed += (min(index, last) - first) // step + 1
    return None
