"""Which files of a job come here, and when.

Patterns are those of ``.gitignore`` (xpm/sync/ignoring.py), relative to the job's folder; a folder's pattern covers all
below it. Our own records always come. What stays is noted beside the mirror, with the reason.
"""

import enum
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property

from xpm.sync import ignoring
from xpm.sync.ignoring import Rule
from xpm.wire import ledger

LOGS = ("stdout", "stderr")
GROWING = ("/stdout", "/stderr", "*.tfevents.*")
"""Files that only grow: of these only the new end travels."""
ENDS = ("done", "failed", "cancelled", "lost")
"""The ends of jobs that leave files."""


@enum.unique
class Moment(enum.Enum):
    """When files of a job are brought."""

    END = "end"
    """It is over, in a way that brings results."""
    UNWISHED = "unwished"
    """It is over otherwise: its logs come, to tell why."""
    RUNNING = "running"
    """It goes on: what is to be seen meanwhile comes."""


@dataclass(frozen=True)
class Choice:
    """Which files of one job come now.

    Args:
        pull: patterns of what comes; none: everything.
        skip: patterns of what stays all the same.
        most_each: the largest file that comes, bytes; None: any.
        most_all: the most that comes of one job, bytes, smallest files first; None: all.
        growing: patterns of files that only grow.
        live: patterns of what comes while the job runs, its logs besides; None: nothing does.
        pull_on: the ends after which files come, others than logs.
        wanted: patterns of what comes whatever the others say.
        moment: whether the job is over.
    """

    pull: tuple[str, ...] = ()
    skip: tuple[str, ...] = ()
    most_each: int | None = None
    most_all: int | None = None
    growing: tuple[str, ...] = GROWING
    live: tuple[str, ...] | None = None
    pull_on: tuple[str, ...] = ENDS
    wanted: tuple[str, ...] = ()
    moment: Moment = Moment.END

    def after(self, state: str) -> "Choice":
        """The same for a job that ended so."""
        wished = state in self.pull_on
        return replace(self, moment=Moment.END if wished else Moment.UNWISHED)

    @property
    def meanwhile(self) -> "Choice":
        """The same for a job that runs."""
        return replace(self, moment=Moment.RUNNING)

    def and_also(self, patterns: Sequence[str]) -> "Choice":
        """The same with these files besides."""
        return replace(self, wanted=(*self.wanted, *patterns))

    @property
    def words(self) -> str:
        """What decides which files stay at the end: equal for rules that keep the same."""
        said = [self.pull, self.skip, self.most_each, self.most_all, sorted(self.pull_on)]
        return json.dumps(said)

    def staying(self, sizes: Mapping[str, int]) -> Mapping[str, str]:
        """The files that stay there, each with the reason.

        Args:
            sizes: every file of the job, with its size in bytes.
        """
        if self._keeps_nothing:
            return {}
        found = {path: why for path, size in sizes.items() if (why := self._why(path, size))}
        if self.most_all is not None:
            left = self.most_all
            for path, size in sorted(sizes.items(), key=lambda each: (each[1], each[0])):
                if path in found or _is_ours(path) or covers(self._wanted, path):
                    continue
                left -= size
                if left < 0:
                    found[path] = "max_total"
        return found

    def grows(self, path: str) -> bool:
        """Whether a file only grows."""
        return covers(self._growing, path)

    @property
    def _keeps_nothing(self) -> bool:
        has_limits = self.most_each is not None or self.most_all is not None
        return self.moment is Moment.END and not (self.pull or self.skip or has_limits)

    def _why(self, path: str, size: int) -> str | None:
        if _is_ours(path) or covers(self._wanted, path):
            return None
        if covers(self._skip, path):
            return "skip"
        is_log = path in LOGS
        if self.moment is Moment.UNWISHED and not is_log:
            return "pull_on"
        if self.moment is Moment.RUNNING and not is_log and not covers(self._live, path):
            return "live"
        if self.moment is Moment.END and self.pull and not is_log and not covers(self._pull, path):
            return "pull"
        if self.most_each is not None and size > self.most_each:
            return "max_file"
        return None

    @cached_property
    def _pull(self) -> Sequence[Rule]:
        return parsed(self.pull)

    @cached_property
    def _skip(self) -> Sequence[Rule]:
        return parsed(self.skip)

    @cached_property
    def _growing(self) -> Sequence[Rule]:
        return parsed(self.growing)

    @cached_property
    def _live(self) -> Sequence[Rule]:
        return parsed(self.live or ())

    @cached_property
    def _wanted(self) -> Sequence[Rule]:
        return parsed(self.wanted)


EVERYTHING = Choice()


@dataclass(frozen=True)
class Rules:
    """What a profile says of the results of one place: usually, and of the jobs of launchers that say otherwise."""

    usual: Choice = EVERYTHING
    by_launcher: Mapping[str, Choice] = field(default_factory=dict[str, Choice])

    def of(self, launcher: str) -> Choice:
        """Those of a launcher's jobs; of one that is gone or says nothing, the place's."""
        return self.by_launcher.get(launcher, self.usual)

    @property
    def is_live(self) -> bool:
        """Whether anything comes while jobs run."""
        return any(each.live is not None for each in (self.usual, *self.by_launcher.values()))


EVERYTHING_COMES = Rules()


def parsed(patterns: Sequence[str]) -> Sequence[Rule]:
    """Patterns as rules."""
    return ignoring.parse("\n".join(patterns), "")


def covers(rules: Sequence[Rule], path: str) -> bool:
    """Whether rules cover a file, by its own name or by a folder it lies in."""
    if not rules:
        return False
    parts = path.split("/")
    above = ("/".join(parts[:count]) for count in range(1, len(parts)))
    if any(ignoring.is_ignored(folder, True, rules) for folder in above):
        return True
    return ignoring.is_ignored(path, False, rules)


def _is_ours(path: str) -> bool:
    return path.startswith(f"{ledger.FOLDER}/")
