"""A plan folded by task: which kinds of tasks there are, how they stand, and which waits for which."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass


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


def fold(jobs: Iterable[tuple[str, str, int]], pairs: Iterable[tuple[str, str, int]]) -> list[Kind]:
    """The kinds of tasks, what comes first first.

    Args:
        jobs: a task, a state, and how many of its jobs are in it.
        pairs: a task, another one, and how often a job of the former depends on one of the latter.
    """
    states: dict[str, Counter[str]] = {}
    for task, state, count in jobs:
        states.setdefault(task, Counter())[state] += count
    after: dict[str, Counter[str]] = {task: Counter() for task in states}
    for task, other, count in pairs:
        after[task][other] += count
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
