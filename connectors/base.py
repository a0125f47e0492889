"""The contract of a connector: a place that takes sealed jobs and answers for them.

Three kinds satisfy it (``local``, ``ssh``, ``slurm``), behind one contract suite (tests/contract). Every method
may raise ``xpm.errors.HostProblem`` (transient or not): that is news about the link, never about a job. Methods are
called from one thread, except ``nudge``, ``cancel`` and ``close``, which any thread may call.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from xpm.connectors.jobs import Change as Change
from xpm.connectors.jobs import JobRef as JobRef
from xpm.connectors.jobs import Stands as Stands
from xpm.connectors.jobs import Stayed as Stayed
from xpm.plan.tokens import Token
from xpm.sync.rules import EVERYTHING, Choice

Entry = Mapping[str, object]
"""A queue entry, as xpm/wire/workspace.py describes it."""


@dataclass(frozen=True, slots=True)
class Reported:
    """How far a job says it is."""

    ref: JobRef
    at: float
    """When it said so, seconds since 1970."""
    fraction: float
    description: str


@dataclass(frozen=True, slots=True)
class News:
    """One answer of ``observe``."""

    changes: Sequence[Change]
    cursor: str
    notes: Sequence[str]
    site: Mapping[str, object] | None = None
    """What the site allows (xpm/agent/limits.py), when that is news."""
    progress: Sequence[Reported] = ()
    """How far jobs are that have said so since; nothing of places whose folders are here."""
    standing: Sequence[Stands] | None = None
    """Where batch jobs stand that wait for their turn, when that is news."""


@dataclass(frozen=True, slots=True)
class Snapshot:
    """A project folder as it was: ``files`` maps relative posix paths to (sha256, mode, absolute local path)."""

    id: str
    files: Mapping[str, tuple[str, int, str]]


@dataclass(frozen=True, slots=True)
class Fetched:
    """The mirror of one job: what arrived, and what was left: by mishap, in words, and by rule."""

    ref: JobRef
    files: int
    bytes: int
    problems: Sequence[str]
    stayed: Sequence[Stayed] = ()
    kept: Sequence[str] = ()
    """What was done with files that somebody has edited here, in words."""


Progress = Callable[[int], None]
"""Who hears of bytes as they arrive.

One that has a method ``expect`` is told before how many are to come, and with ``expect_files`` in how many files; one that has
``pauses`` is asked now and then whether to stop asking for more, which raises ``Paused`` when all that was asked for has arrived.
"""


class Paused(Exception):
    """Who wanted files has something more urgent to do; what has arrived stays."""


def announced(progress: Progress, count: int, files: int) -> None:
    """Tell who hears of bytes how many more are to come, in how many files."""
    expect_files = getattr(progress, "expect_files", None)
    if expect_files is not None:
        expect_files(files)
    expect = getattr(progress, "expect", None)
    if expect is not None:
        expect(count)


def is_paused(progress: Progress) -> bool:
    """Whether who hears of bytes wants no more of them now."""
    pauses = getattr(progress, "pauses", None)
    return pauses is not None and bool(pauses())


@dataclass(frozen=True, slots=True)
class Begin:
    """Where in a log the output of a run begins."""

    attempt: int
    generation: int
    offset: int


@dataclass(frozen=True, slots=True)
class Printed:
    """Bytes of a log, and the runs whose output begins among or right behind them."""

    content: bytes
    begins: Sequence[Begin] = ()
    offset: int = 0
    """Where they begin."""
    size: int = 0
    """Of the whole log."""


@dataclass(frozen=True, slots=True)
class Sent:
    """An experiment as a workspace remembers it."""

    name: str
    jobs: int
    states: Mapping[str, int]
    """How many of its jobs are in each state."""
    last_at: float
    """When jobs were last sent for it, seconds since 1970."""


class CodeGone(Exception):
    """Nothing was queued: trees of code that the jobs need are not there, or not any more."""

    def __init__(self, trees: Sequence[str]) -> None:
        super().__init__(", ".join(trees))
        self.trees = trees


class Connector(Protocol):
    """A place that takes sealed jobs and answers for them."""

    @property
    def name(self) -> str:
        """Its name in the profile; ``local`` for this machine."""

    def stage(self, snapshot: Snapshot, progress: Callable[[int, int], None]) -> None:
        """Make a code snapshot available there; contents already there are not sent again."""

    def holds(self, snapshot: str) -> bool:
        """Whether a code snapshot is available there, whoever sent it."""

    def submit(self, entries: Sequence[Entry]) -> None:
        """Make these jobs wanted: durable there on return, in one exchange. Idempotent.

        Raises ``CodeGone`` when their code is not there, whatever was staged before.
        """

    def observe(self, cursor: str | None, refs: Sequence[JobRef], wait_s: float) -> News:
        """Everything that changed since the cursor; waits at most ``wait_s`` seconds for something.

        Without a cursor (or with one from another life of the agent): the state of all of ``refs``.
        """

    def nudge(self) -> None:
        """Let an ``observe`` that waits return at once."""

    def cancel(self, attempts: Sequence[tuple[JobRef, int]]) -> None:
        """Note, durably there, that these attempts are to be cancelled."""

    def tail(self, ref: JobRef, stream: str, offset: int, limit: int) -> Printed:
        """Bytes of ``stdout`` or ``stderr`` from an offset on, from its end when negative; none when there are no more."""

    def fetch(
        self,
        refs: Sequence[JobRef],
        main: str,
        progress: Progress,
        choice: Choice = EVERYTHING,
    ) -> Sequence[Fetched]:
        """Mirror these files of the jobs' folders below the main folder, final records last. Safe to repeat.

        Raises ``Paused`` when ``progress`` wants that.
        Of jobs that run (``choice.meanwhile``), what is news since the last time; those that another process brings now
        are left out.
        """

    def experiments(self) -> Sequence[Sent]:
        """The experiments jobs were ever sent there for, by whichever laptop; the latest first."""

    def wanted(self, experiment: str | None) -> Iterator[tuple[float, Entry]]:
        """Every queue entry sent there, of one experiment or of all, oldest first, and when it came."""

    def probe(self, refresh_s: float = 0.0) -> Mapping[str, object]:
        """Facts and limits of the place; with some seconds' time for it, the limits are asked for anew."""

    def createtoken(self, name: str, total: int) -> Token:
        """A counted right to run there."""

    def close(self) -> None:
        """End the connection, if any; jobs go on."""
