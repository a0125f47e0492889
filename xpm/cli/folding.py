"""A plan folded by task: which kinds of tasks there are, how they stand, and which waits for which."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from xpm.follow.looking import Row


@dataclass(frozen=True, slots=True)
class Kind:
    """All jobs of one task."""

    task: str
    states: Mapping[str, int]
    after: Mapping[str, int]
    """The tasks its jobs depend on, and over how many pairs of jobs."""
    depth: int
    """How many kinds come before it, at most."""

    @property
    def jobs(self) -> int:
        """How many there are."""
        return sum(self.states.values())


def fold(rows: Iterable[Row]) -> list[Kind]:
    """The kinds of tasks of these jobs, what comes first first."""
    states: dict[str, Counter[str]] = {}
    after: dict[str, Counter[str]] = {}
    for row in rows:
        states.setdefault(row.task, Counter())[row.state] += 1
        after.setdefault(row.task, Counter()).update(ref.task for ref in row.parents)
    depths = _depths(
        {task: [each for each in found if each in states] for task, found in after.items()}
    )
    kinds = [Kind(task, states[task], after[task], depths[task]) for task in states]
    return sorted(kinds, key=lambda kind: kind.depth)


def _depths(after: Mapping[str, Sequence[str]]) -> dict[str, int]:
    """The longest way to each task; a way that comes back to where it was counts for nothing."""
    depths: dict[str, int] = {}

    def depth(task: str, way: frozenset[str]) -> int:
        if task not in depths:
            before = [each for each in after[task] if each not in way | {task}]
            depths[task] = max((depth(each, way | {task}) + 1 for each in before), default=0)
        return depths[task]

    for task in after:
        depth(task, frozenset())
    return depths
