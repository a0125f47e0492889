"""Cleaning up at a place: what nobody there needs, what it takes, and its removal, in the agent's verbs."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from xpm.connectors import answers
from xpm.connectors.base import JobRef
from xpm.connectors.callers import Caller
from xpm.sync.mirror import Local, delta
from xpm.wire import manifests


@dataclass(frozen=True, slots=True)
class Rubbish:
    """Something there that nobody needs any more; ``kind`` and ``name`` as in xpm/agent/rubbish.py."""

    kind: str
    name: str
    count: int
    files: int = 0
    bytes: int = 0


@dataclass(frozen=True, slots=True)
class Over:
    """The folder of a job there that is over, and that nothing depends on which is not."""

    ref: JobRef
    experiment: str
    """Whose it was; "" when nothing tells."""
    at: float
    is_empty: bool
    """Whether its results are removed already."""
    files: int = 0
    bytes: int = 0


@dataclass(frozen=True, slots=True)
class Remains:
    """Something that stays, and why."""

    kind: str
    name: str
    why: str


class Tidying:
    """The cleaning of one place.

    Args:
        name: the connector's.
        caller: the way there.
    """

    def __init__(self, name: str, caller: Caller) -> None:
        self._name = name
        self._caller = caller

    def survey(self) -> tuple[Sequence[Rubbish], Sequence[Over]]:
        """What nobody needs, with what it takes; and the folders of jobs that are over."""
        answer = self._caller.call({"verb": "rubbish"})[0]
        with answers.understood(self._name, "rubbish"):
            found = [Rubbish(str(k), str(n), int(c)) for k, n, c in answer["items"]]
            jobs = [
                Over(JobRef(str(t), str(j)), answers.plain(e, 200), float(at), bool(empty))
                for t, j, e, at, _, empty in answer["jobs"]
            ]
        sizes = self._measured([[each.kind, each.name] for each in found])
        return [
            replace(each, files=files, bytes=size)
            for each, (files, size) in zip(found, sizes, strict=True)
        ], jobs

    def measured(self, jobs: Sequence[Over]) -> Sequence[Over]:
        """The same, with what their results take."""
        sizes = self._measured([["job", each.ref.job, each.ref.task] for each in jobs])
        return [
            replace(each, files=files, bytes=size)
            for each, (files, size) in zip(jobs, sizes, strict=True)
        ]

    def fingerprint(self, ref: JobRef, here: Local) -> tuple[str, str]:
        """The fingerprint of what lies there of a job, and what of it is not here, in words; "" when all is."""
        request = {"verb": "manifest", "jobs": [[ref.task, ref.job]]}
        answer = self._caller.call(request)[0]
        with answers.understood(self._name, "manifest"):
            manifest = answer["jobs"][0]
            lacks = delta(ref, manifest, here, self._caller.workspace)
            count = len(lacks.pulls) + len(lacks.records) + len(lacks.links)
            why = f"{count} of its files are not here" if count else ""
            if not why and lacks.problems:
                why = f"not all of it is here: {lacks.problems[0]}"
            return manifests.fingerprint(manifest), why

    def clean(
        self, items: Sequence[Rubbish], jobs: Sequence[tuple[JobRef, str | None]]
    ) -> Sequence[Remains]:
        """Remove these, as far as nobody needs them by now; what stays.

        Args:
            items: what to remove.
            jobs: whose results to remove, each with the fingerprint of what was fetched.
        """
        request: dict[str, Any] = {
            "verb": "clean",
            "items": [[each.kind, each.name] for each in items],
            "jobs": [[ref.task, ref.job, fetched] for ref, fetched in jobs],
        }
        remains: list[Remains] = []
        while True:
            answer = self._caller.call(request)[0]
            with answers.understood(self._name, "clean"):
                remains += [
                    Remains(str(kind), str(name), answers.plain(why))
                    for kind, name, why in answer["kept"]
                ]
                if not answer["left"]:
                    return remains
            request = {"verb": "clean"}

    def _measured(self, items: list[list[str]]) -> list[tuple[int, int]]:
        sizes: list[tuple[int, int]] = []
        while len(sizes) < len(items):
            request = {"verb": "measure", "items": items[len(sizes) : len(sizes) + 500]}
            answer = self._caller.call(request)[0]
            with answers.understood(self._name, "measure"):
                more = [(int(files), int(size)) for files, size in answer["sizes"]]
                if not 0 < len(more) <= len(items) - len(sizes):
                    raise ValueError("sizes of something else")
            sizes += more
        return sizes
