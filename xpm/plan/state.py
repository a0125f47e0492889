"""What xpm keeps of one configuration besides its values."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Optional

    from xpm.plan.context import Handle
    from xpm.plan.places import Place


class Seal:
    """By whom and where a configuration was fixed, and its folder's name for generated paths."""

    __slots__ = ("job", "path", "place", "task")

    def __init__(self, task: str, job: str, place: Place, path: str) -> None:
        self.task = task
        self.job = job
        self.place = place
        self.path = path


class Tagging:
    """A tag: its value, the line that gave it, and whether it is the value of the argument of its name."""

    __slots__ = ("of_argument", "place", "value")

    def __init__(self, value: Any, place: Place, of_argument: bool) -> None:
        self.value = value
        self.place = place
        self.of_argument = of_argument


class State:
    """Everything of a configuration that is no value.

    ``live``: an instance inside a job, where anything may be assigned. ``ref``: the task and job it is or, for
    an output, comes from.
    """

    __slots__ = (
        "digest", "handle", "init", "live", "meta", "parents", "place", "places", "producer", "ref",
        "result", "seal", "stopped", "tags", "tokens",
    )  # fmt: skip

    def __init__(self, place: Optional[Place], live: bool = False) -> None:
        self.place = place
        self.live = live
        self.seal: Optional[Seal] = None
        self.digest: Optional[bytes] = None
        self.places: Optional[dict[str, Place]] = None
        self.tags: Optional[dict[str, Tagging]] = None
        self.stopped: Optional[set[str]] = None
        self.meta: Optional[bool] = None
        self.producer: Any = None
        self.handle: Optional[Handle] = None
        self.result: Any = None
        self.ref: Optional[tuple[str, str]] = None
        self.tokens: Optional[list[Any]] = None
        self.parents: Optional[list[Any]] = None
        self.init: tuple[Any, ...] = ()
