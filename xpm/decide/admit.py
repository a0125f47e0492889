"""Who may start now: as many ready jobs as limits and tokens allow, first come first served."""

from typing import Dict, Iterable, List, NamedTuple, Optional, Tuple

Candidate = NamedTuple(
    "Candidate",
    [
        ("job", str),
        ("tokens", Tuple[Tuple[str, int, int], ...]),  # name, count, total
        ("held", bool),  # it has all its tokens already
    ],
)

Limits = NamedTuple("Limits", [("slots", Optional[int])])
"""``slots``: how many more jobs the place takes now; None: as many as there are."""

Admission = NamedTuple("Admission", [("admitted", List[str]), ("reasons", Dict[str, str])])
"""Who may start, in order, and why some others wait, in words."""


def admit(ready: Iterable[Candidate], limits: Limits, free: Dict[str, int]) -> Admission:
    """Choose who may start.

    A job takes all its tokens at once, or none: a job that waits for one token holds no other. A job that does not
    fit is passed over, so a big one never blocks the small ones behind it (nor is it starved of what it never holds:
    tokens come back at the end of each holder).

    Args:
        ready: jobs whose parents are done, in the order they came.
        limits: what the place takes.
        free: for each token, how many units nobody holds.
    """
    left = dict(free)
    admitted: List[str] = []
    reasons: Dict[str, str] = {}
    for each in ready:
        if limits.slots is not None and len(admitted) >= limits.slots:
            break  # nothing to say of the many behind
        lacking = [] if each.held else _lacking(each, left)
        if lacking:
            reasons[each.job] = "waits for token %s" % ", ".join(lacking)
            continue
        if not each.held:
            for name, count, _ in each.tokens:
                left[name] = left.get(name, 0) - count
        admitted.append(each.job)
    return Admission(admitted, reasons)


def _lacking(candidate: Candidate, left: Dict[str, int]) -> List[str]:
    return [
        "%s (%d of %d)" % (name, count, total)
        for name, count, total in sorted(candidate.tokens)
        if left.get(name, total) < count
    ]
