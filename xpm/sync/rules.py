"""Which files of a job come here.

Patterns are those of ``.gitignore`` (xpm/sync/ignoring.py), relative to the job's folder; a folder's pattern covers all
below it. Our own records always come. What stays is noted beside the mirror, with the reason.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

from xpm.sync import ignoring
from xpm.sync.ignoring import Rule
from xpm.wire import ledger

LOGS = ("stdout", "stderr")
GROWING = ("/stdout", "/stderr", "*.tfevents.*")
"""Files that only grow: of these only the new end travels."""


@dataclass(frozen=True)
class Choice:
    """Which files of one job come now.

    Args:
        pull: patterns of what comes; none: everything.
        skip: patterns of what stays all the same.
        most_each: the largest file that comes, bytes; None: any.
        most_all: the most that comes of one job, bytes, smallest files first; None: all.
        growing: patterns of files that only grow.
    """

    pull: tuple[str, ...] = ()
    skip: tuple[str, ...] = ()
    most_each: int | None = None
    most_all: int | None = None
    growing: tuple[str, ...] = GROWING

    def staying(self, sizes: Mapping[str, int]) -> Mapping[str, str]:
        """The files that stay there, each with the reason.

        Args:
            sizes: every file of the job, with its size in bytes.
        """
        if not (self.pull or self.skip or self.most_each is not None or self.most_all is not None):
            return {}
        found = {path: why for path, size in sizes.items() if (why := self._why(path, size))}
        if self.most_all is not None:
            left = self.most_all
            for path, size in sorted(sizes.items(), key=lambda each: (each[1], each[0])):
                if path in found or _is_ours(path):
                    continue
                left -= size
                if left < 0:
                    found[path] = "max_total"
        return found

    def grows(self, path: str) -> bool:
        """Whether a file only grows."""
        return covers(self._growing, path)

    def _why(self, path: str, size: int) -> str | None:
        if _is_ours(path):
            return None
        if covers(self._skip, path):
            return "skip"
        if self.pull and path not in LOGS and not covers(self._pull, path):
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


EVERYTHING = Choice()


def parsed(patterns: Sequence[str]) -> Sequence[Rule]:
    """Patterns as rules."""
    return ignoring.parse("\n".join(patterns), "")


def covers(rules: Sequence[Rule], path: str) -> bool:
    """Whether rules cover a file, by its own name or by a folder it lies in."""
    parts = path.split("/")
    above = ("/".join(parts[:count]) for count in range(1, len(parts)))
    if any(ignoring.is_ignored(folder, True, rules) for folder in above):
        return True
    return ignoring.is_ignored(path, False, rules)


def _is_ours(path: str) -> bool:
    return path.startswith(f"{ledger.FOLDER}/")
