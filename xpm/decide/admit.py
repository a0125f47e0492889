"""Who may start now: as many ready jobs as limits, tokens and the host's room allow, first come first served.

Everything countable is a *want*: units of a token, GPUs, memory, cores. A job that does not fit is passed over, so a big
one does not block the small ones behind it. Once it has been ready for long enough without fitting, its wants are kept
back for it, in their order, up to the first it lacks: nobody behind it takes those any more, so each comes free when
enough of those that run now have ended, and the job starts. What comes after the one it lacks is not left idle for it.
"""

from typing import Dict, Iterable, List, NamedTuple, Optional, Tuple

Want = NamedTuple(
    "Want",
    [
        ("what", str),  # the same for all who draw on the same stock
        ("count", int),
        ("total", int),  # how many there are, as this job sees it
        ("name", str),  # for people
    ],
)

Candidate = NamedTuple(
    "Candidate",
    [
        ("job", str),
        ("tokens", Tuple[Want, ...]),
        ("held", bool),  # it has all its tokens already
        ("needs", Tuple[Want, ...]),  # of the host
        ("waited_s", float),  # for how long it has been ready
    ],
)

Limits = NamedTuple("Limits", [("slots", Optional[int]), ("patience_s", float)])
"""``slots``: how many more jobs the place takes now; None: as many as there are."""

Admission = NamedTuple(
    "Admission",
    [
        ("admitted", List[str]),  # in order
        ("reasons", Dict[str, str]),  # why some others wait, in words
        ("never", Dict[str, str]),  # what can never be met, in words
    ],
)

PATIENCE_S = 60.0
"""How long a job is passed over before what it wants is kept back for it."""
LOOK = 5000
"""So many that do not fit are looked at; the many behind them wait without a word."""


def admit(ready: Iterable[Candidate], limits: Limits, used: Dict[str, int]) -> Admission:
    """Choose who may start.

    A job takes all its tokens at once, or none: a job that waits for one token holds no other.

    Args:
        ready: jobs whose parents are done, in the order they came.
        limits: what the place takes.
        used: of each stock, how much is in use.
    """
    taken = dict(used)
    found = Admission([], {}, {})
    for each in ready:
        full = limits.slots is not None and len(found.admitted) >= limits.slots
        if full or len(found.reasons) >= LOOK:
            break
        wants = each.needs if each.held else each.tokens + each.needs
        never = [want for want in wants if want.count > want.total]
        lacking = [want for want in wants if _lacks(want, taken)]
        if never:
            found.never[each.job] = _impossible(never)
        elif not lacking:
            found.admitted.append(each.job)
            _take(wants, taken)
        else:
            found.reasons[each.job] = "waits for " + ", ".join(_say(w, taken) for w in lacking)
            if each.waited_s >= limits.patience_s:
                _take(wants[: wants.index(lacking[0]) + 1], taken)
    return found


def _lacks(want: Want, taken: Dict[str, int]) -> bool:
    return taken.get(want.what, 0) + want.count > want.total


def _take(wants: Iterable[Want], taken: Dict[str, int]) -> None:
    for want in wants:
        taken[want.what] = taken.get(want.what, 0) + want.count


def _say(want: Want, taken: Dict[str, int]) -> str:
    if want.total == WHOLE:
        return want.name
    gone = taken.get(want.what, 0)
    more = ": %d in use, or kept for jobs before it" % gone if gone > want.total else ""
    return "%s (%d of %d)%s" % (want.name, want.count, want.total, more)


def _impossible(wants: List[Want]) -> str:
    return "; ".join("%d %s, there are %d" % (each.count, each.name, each.total) for each in wants)


WHOLE = 1 << 20
"""How many parts a host has for those who share it: each takes one; who wants it for itself takes all."""
