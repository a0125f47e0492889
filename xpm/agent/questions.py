"""What a site is asked by one process, for everybody in its workspace: the query, and the file its answer becomes."""

import os
from typing import Any, Dict, List, NamedTuple, Optional, Tuple

from xpm.agent import errands
from xpm.agent.errands import Said

Heard = NamedTuple("Heard", [("said", Optional[Said])])
"""A query has ended; ``said`` is None when its shell was killed."""


class Question(object):
    """A query of this process's, one at a time.

    Args:
        folder: where its files are, as long as it is under way.
        what: what it asks.
        environ: what it runs with.
        limit_s: how long it may take.
    """

    def __init__(self, folder: str, what: str, environ: Dict[str, str], limit_s: int) -> None:
        self._folder = folder
        self._name = errands.own_name(what)
        self._environ = environ
        self._limit_s = limit_s
        self._running: Optional[Any] = None

    @property
    def is_asked(self) -> bool:
        """Whether nobody has heard its answer yet."""
        return self._running is not None

    def ask(self, argv: List[str]) -> None:
        """Start it; the one before has been heard."""
        self._running = errands.start(self._folder, self._name, argv, self._environ, self._limit_s)

    def hear(self) -> Optional[Heard]:
        """What it came to, once; None while it has not."""
        if self._running is None or self._running.poll() is None:
            return None
        self._running = None
        said = errands.said(self._folder, self._name)
        errands.forget(self._folder, self._name)
        return Heard(said)


class Shared(object):
    """A file that anybody may replace, and that is read again only then."""

    def __init__(self, path: str) -> None:
        self.path = path
        self._stamp: Optional[Tuple[int, int]] = None

    def is_new(self) -> bool:
        """Whether it is another file than the last time."""
        try:
            found = os.stat(self.path)
        except FileNotFoundError:
            return False
        before, self._stamp = self._stamp, (found.st_mtime_ns, found.st_ino)
        return self._stamp != before
