"""What a lane tells the thread that follows it."""

from collections.abc import Sequence
from dataclasses import dataclass

from xpm.connectors.base import Change, Fetched, JobRef, Printed
from xpm.errors import XpmError
from xpm.follow.waiting import Waiting


@dataclass(frozen=True, slots=True)
class Delivered:
    """These attempts are durably wanted there."""

    connector: str
    attempts: Sequence[tuple[JobRef, int]]


@dataclass(frozen=True, slots=True)
class Changed:
    """News of jobs; in the order the far side told them."""

    connector: str
    changes: Sequence[Change]


@dataclass(frozen=True, slots=True)
class Arrived:
    """The files of an attempt that is over are here."""

    connector: str
    change: Change
    fetched: Fetched


@dataclass(frozen=True, slots=True)
class Noted:
    """Something a person may want to read."""

    connector: str
    text: str


@dataclass(frozen=True, slots=True)
class LinkDown:
    """The host does not answer, or a disk is full or away; its jobs go on and keep their last known states."""

    waiting: Waiting

    @property
    def connector(self) -> str:
        """Which one."""
        return self.waiting.connector

    @property
    def error(self) -> XpmError:
        """What came back."""
        return self.waiting.problem


@dataclass(frozen=True, slots=True)
class LinkUp:
    """The host answers again."""

    connector: str


@dataclass(frozen=True, slots=True)
class Logged:
    """What a job has printed from an offset on, as somebody has asked."""

    connector: str
    ref: JobRef
    stream: str
    offset: int
    printed: Printed


@dataclass(frozen=True, slots=True)
class Turned:
    """One round is over: what was owed is sent, what was asked is told, what finished is here."""

    connector: str
    pokes: int
    """How many pokes it has answered."""


@dataclass(frozen=True, slots=True)
class Stopped:
    """The lane is over; with the error that ended it, if one did."""

    connector: str
    error: BaseException | None


Event = Delivered | Changed | Arrived | Noted | Logged | LinkDown | LinkUp | Turned | Stopped
