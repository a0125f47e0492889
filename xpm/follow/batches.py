"""As what a batch system took jobs, told once: the arrays, and the first of those that go by themselves."""

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence

MOST_SINGLE = 5
"""A plan may have many small steps: of more the table tells."""
CLOCKS_S = 60.0
"""What is less before the beginning of a run may be in it: clocks differ."""
_ELEMENT = re.compile(r"(.+)_(\d+)")


class Batches:
    """Which batch jobs have been heard of, and told."""

    def __init__(self, began: float = 0.0) -> None:
        """Batches of a run that began then, by the clock here."""
        self._began = began
        self._told: set[tuple[str, str]] = set()
        self._heard: list[tuple[str, str]] = []
        self._before: Counter[tuple[str, bool]] = Counter()
        self._single = 0

    def add(self, connector: str, batch_id: str, ended: tuple[str, float] | None = None) -> None:
        """Note as what a job was taken, and how and when it ended, if it has."""
        if ended is not None and ended[1] < self._began - CLOCKS_S:
            self._before[connector, ended[0] == "done"] += 1
        else:
            self._heard.append((connector, batch_id))

    def news(self) -> list[str]:
        """What to say of those heard of since: ``mycluster took 6 jobs as array 4211_[0-5]``."""
        found, self._heard = self._heard, []
        before, self._before = self._before, Counter()
        return [*_of_earlier(before), *(self._of(found) if found else [])]

    def _of(self, found: Iterable[tuple[str, str]]) -> list[str]:
        arrays: dict[tuple[str, str], list[int]] = {}
        single: dict[str, list[str]] = {}
        for connector, batch_id in found:
            element = _ELEMENT.fullmatch(batch_id)
            name = connector, element[1] if element else batch_id
            if name in self._told:
                continue
            if element:
                arrays.setdefault(name, []).append(int(element[2]))
            elif self._single < MOST_SINGLE:
                self._single += 1
                self._told.add(name)
                single.setdefault(connector, []).append(batch_id)
        self._told.update(arrays)
        return [*_of_arrays(arrays), *_of_single(single)]


def _of_arrays(found: Mapping[tuple[str, str], Sequence[int]]) -> Iterator[str]:
    for (connector, array), indices in found.items():
        jobs = "1 job" if len(indices) == 1 else f"{len(indices)} jobs"
        yield f"{connector} took {jobs} as array {array}_[{ranges(indices)}]"


def _of_earlier(found: Mapping[tuple[str, bool], int]) -> Iterator[str]:
    """Of jobs that another main folder or laptop had sent."""
    for (connector, is_done), count in found.items():
        jobs = "a job" if count == 1 else f"{count} jobs"
        if is_done:
            was = "was" if count == 1 else "were"
            yield f"{connector}: {jobs} {was} done there before; `xpm story JOB` tells when, and with which code"
        else:
            yield f"{connector}: {jobs} had ended badly there before this run; the next one gives a new attempt"


def _of_single(found: Mapping[str, Sequence[str]]) -> Iterator[str]:
    for connector, ids in found.items():
        jobs = "a job" if len(ids) == 1 else f"{len(ids)} jobs"
        yield f"{connector} took {jobs} as {', '.join(ids)}"


def ranges(numbers: Iterable[int]) -> str:
    """Numbers as SLURM writes them: ``0-2,5``."""
    parts: list[list[int]] = []
    for each in sorted(set(numbers)):
        if parts and each == parts[-1][-1] + 1:
            parts[-1][1:] = [each]
        else:
            parts.append([each])
    return ",".join("-".join(map(str, part)) for part in parts)
