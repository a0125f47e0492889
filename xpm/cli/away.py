"""What became of jobs while nobody looked."""

from collections import Counter
from collections.abc import Collection, Mapping, Sequence

from xpm.connectors.jobs import JobRef
from xpm.follow import leaving
from xpm.follow.looking import OVER, Look
from xpm.words import telling

Attempts = Sequence[tuple[str, JobRef, int]]


def ended(
    before: Attempts, look: Look, experiments: Collection[str], brought: Mapping[str, int]
) -> list[str]:
    """One line for each connector with jobs of these experiments that were not over before, and are now.

    Args:
        before: what Session.asked is.
        look: what is known now.
        experiments: those that are shown.
        brought: the bytes of results that came from each connector just now.
    """
    awaited = {(name, ref) for name, ref, _ in before}
    found: dict[str, Counter[str]] = {}
    for each in experiments if awaited else ():
        for row in look.rows(each):
            if row.state in OVER and (row.connector, row.ref) in awaited:
                found.setdefault(row.connector, Counter())[row.state] += 1
    return [
        f"{name}: {telling.in_words(counts)} since you last looked{_came(brought.get(name, 0))}"
        for name, counts in sorted(found.items())
    ]


def _came(count: int) -> str:
    return f"; {leaving.size(count)} of results came" if count else ""
