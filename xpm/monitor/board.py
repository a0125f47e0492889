"""All jobs of a main folder as they stand, kept in memory, and which of them have changed since the last look.

Owned by one thread (xpm/monitor/asking.py), as its Look is. Reading the journal costs in proportion to its jobs, so it is
read again only when somebody has written it, or the records or the outbox of the main folder have changed.
"""

import json
import os
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import cast

from xpm.connectors.base import JobRef
from xpm.follow import choosing, filters
from xpm.follow.journal import Journal, Place
from xpm.follow.looking import Look, Row
from xpm.follow.main import MainFolder
from xpm.follow.standing import Standing
from xpm.monitor.progress import Progress, Watched

Key = tuple[str, str, str]
"""Experiment, task, job."""


@dataclass(slots=True)
class Entry:
    """One job of one experiment, with its tags read once; what filters ask for has the names of xpm/follow/filters.py."""

    key: Key
    row: Row
    tags: Mapping[str, object]
    reason: str
    standing: Standing | None = None

    @property
    def told(self) -> tuple[str, Standing | None]:
        """What is said of it besides its row."""
        return self.reason, self.standing

    def __getattr__(self, name: str) -> object:
        return getattr(self.row, name)


@dataclass(frozen=True, slots=True)
class News:
    """What has changed between two looks."""

    number: int
    changed: Sequence[Entry] = ()
    gone: Sequence[Key] = ()
    progress: Mapping[Key, Progress] = field(default_factory=dict[Key, Progress])
    is_place: bool = False
    """Whether something is news of a connector."""

    def __bool__(self) -> bool:
        return bool(self.changed or self.gone or self.progress or self.is_place)


class Board:
    """What is known of all jobs."""

    def __init__(self, main: MainFolder) -> None:
        self.main = main
        self.journal = Journal(main)
        self.look = Look(main, self.journal)
        self.experiments: Sequence[str] = ()
        self.entries: dict[Key, Entry] = {}
        self.places: Mapping[str, Place] = {}
        self.number = 0
        self._marks: object = None
        self._watched = Watched()
        self._found: dict[tuple[str, str], tuple[int, Sequence[Entry]]] = {}
        self.refresh()

    def refresh(self) -> News:
        """Look again; what has changed."""
        marks = self._marked()
        changed: list[Entry] = []
        gone: list[Key] = []
        is_place = False
        if marks != self._marks:
            self._marks = marks
            self.look.update()
            is_place = self.places != self.look.places
            self.places = self.look.places
            changed, gone = self._read()
            self._marks = self._marked()  # folding the records is our own writing
        running = [each for each in self.entries.values() if each.row.state == "running"]
        progress = self._watched.look(self.main, running)
        if changed or gone or progress or is_place:
            self.number += 1
        return News(self.number, changed, gone, progress, is_place)

    def progress(self, key: Key) -> Progress | None:
        """How far a job that runs is, by its own word."""
        return self._watched.known.get(key)

    def passing(self, text: str, experiment: str | None) -> Sequence[Entry]:
        """The jobs that pass a filter, of one experiment or of all: those of the one that ran last first.

        Raises:
            UsageProblem: the filter cannot be read, or names a tag that no job has.
        """
        asked = (text.strip(), experiment or "")
        known = self._found.get(asked)
        if known is not None and known[0] == self.number:
            return known[1]
        found = self._passing(*asked)
        if len(self._found) > 20:
            self._found.clear()
        self._found[asked] = (self.number, found)
        return found

    def counts(self) -> Mapping[str, Counter[str]]:
        """How many jobs of each experiment are in which state."""
        found: dict[str, Counter[str]] = {name: Counter() for name in self.experiments}
        for experiment, _, _ in self.entries:
            found.setdefault(experiment, Counter())
        for key, each in self.entries.items():
            found[key[0]][each.row.state] += 1
        return found

    def entry(self, ref: JobRef) -> Entry | None:
        """A job, as the experiment that ran last has it."""
        for name in self.experiments:
            found = self.entries.get((name, ref.task, ref.job))
            if found is not None:
                return found
        return None

    def close(self) -> None:
        """End it."""
        self.journal.close()

    def _passing(self, text: str, experiment: str) -> Sequence[Entry]:
        some: Sequence[Entry] = [
            each for key, each in self.entries.items() if not experiment or key[0] == experiment
        ]
        if not text:
            return some
        wanted = filters.parse(text)
        choosing.check_tags(wanted, {name for each in some for name in each.tags})
        return [each for each in some if filters.passes(wanted, cast("Row", each), each.key[0])]

    def _read(self) -> tuple[list[Entry], list[Key]]:
        self.experiments = self.look.experiments()
        before, tags = self.entries, dict[str, Mapping[str, object]]()
        self.entries = {}
        changed: list[Entry] = []
        for name in self.experiments:
            for row in self.look.rows(name):
                key = (name, row.task, row.id)
                told = self.look.reason(row), self.look.standing(row)
                known = before.get(key)
                if known is not None and known.row[:-1] == row[:-1] and known.told == told:
                    known.row = row
                    self.entries[key] = known
                    continue
                read = tags.get(row.tags_text)
                if read is None:
                    read = tags[row.tags_text] = json.loads(row.tags_text)
                self.entries[key] = entry = Entry(key, row, read, *told)
                changed.append(entry)
        return changed, [key for key in before if key not in self.entries]

    def _marked(self) -> object:
        """What is the same as long as nobody has written anything."""
        (version,) = self.journal.read("PRAGMA data_version").fetchone()
        records = tuple((each.id, each.size()) for each in self.main.experiments())
        own = self.main.own
        folders = [own / "outbox", own / "owed"]
        listed = [path for each in folders if each.is_dir() for path in (each, *each.iterdir())]
        times = tuple(_changed_at(path) for path in listed)
        return version, records, times, self.look.standings.marks()


def _changed_at(path: "os.PathLike[str]") -> int:
    try:
        return os.stat(path).st_mtime_ns  # noqa: PTH116
    except FileNotFoundError:
        return 0
