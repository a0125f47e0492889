"""What both sides of a connector say of one job: it imports nothing, so that who only looks loads no connector."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class JobRef:
    """A job by what names its folder: ``jobs/<task>/<job>``."""

    task: str
    job: str


@dataclass(frozen=True, slots=True)
class Change:
    """What is now known of a job; ``state`` is one of DESIGN.md's words."""

    ref: JobRef
    state: str
    cause: str | None
    attempt: int
    generation: int
    batch_id: str | None
    reason: str
    """Why it waits, in words; empty when there is nothing to say."""
    message: str
    """What went wrong, in words; empty when nothing did."""
    at: float
    """When the far side knew it, seconds since 1970."""


@dataclass(frozen=True, slots=True)
class Stayed:
    """A file that a rule keeps on the far side."""

    path: str
    size: int
    """Bytes."""
    why: str
    """The rule: ``pull``, ``skip``, ``pull_on``, ``max_file`` or ``max_total``; or ``unreadable``."""

    @property
    def is_unreadable(self) -> bool:
        """Whether nobody there may read it."""
        return self.why == "unreadable"


@dataclass(frozen=True, slots=True)
class Stands:
    """Where a batch job stands in the queue, by priority among what waits in its partition: about, never exactly."""

    batch_id: str
    indices: str
    """Of an array (xpm/wire/indices.py), those it is said of: the first has this place, the second the next."""
    partition: str
    place: int
    """1: nobody is ahead."""
    of: int
