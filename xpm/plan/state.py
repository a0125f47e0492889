"""What xpm keeps of one configuration besides its values."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Callable, TypeGuard

    from xpm.plan.config import Config
    from xpm.plan.context import Handle
    from xpm.plan.description import Argument
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


if TYPE_CHECKING:
    Tagged = tuple[int, str, Tagging]
    """How far below, the tag's name, the tag."""


class State:
    """Everything of a configuration that is no value.

    ``unset``: arguments that hold their own copy of a default. ``live``: an instance that runs, where anything may be
    assigned; ``folder``: its folder, where no job gives it one. ``ref``: the task and job it is or, for an output, comes
    from. ``tagged``: the tags a sealed one has with those below, once they are collected. ``classes``: those of its
    document and of all that leads to. ``later``: brings its values, which are not here yet (xpm/plan/restoring.py).
    ``narrowed``: the arguments of a ``Box[int]`` that have other types than those of ``Box``.
    """

    # Defaults of the class: most states have few of these, and there are very many states.
    seal: Seal | None = None
    digest: bytes | None = None
    places: dict[str, Place] | None = None
    tags: dict[str, Tagging] | None = None
    stopped: set[str] | None = None
    tagged: tuple[Tagged, ...] | None = None
    unset: tuple[str, ...] = ()
    meta: bool | None = None
    producer: Any = None
    handle: Handle | None = None
    result: Any = None
    ref: tuple[str, str] | None = None
    tokens: list[Any] | None = None
    parents: list[Any] | None = None
    init: tuple[Any, ...] = ()
    folder: str | None = None
    classes: frozenset[type] | None = None
    later: Callable[[Any], None] | None = None
    narrowed: dict[str, Argument] | None = None
    live = False

    def __init__(self, place: Place | None, live: bool = False) -> None:
        self.place = place
        if live:
            self.live = True


def state_of(config: Config) -> State:
    """What is kept of a configuration besides its values."""
    try:
        return config.__dict__["_xpm"]  # type: ignore[no-any-return]
    except KeyError:
        from xpm.plan.problems import refuse_unmade

        raise refuse_unmade(type(config)) from None


def is_config(value: object) -> TypeGuard[Config]:
    """Whether it is a configuration."""
    return hasattr(type(value), "__xpm__")


def is_job(config: Config) -> bool:
    """Whether it is a task that was submitted, not one of its outputs."""
    state = state_of(config)
    return state.ref is not None and state.producer is None


def wake(config: Config) -> None:
    """Have the values of a configuration here, if they are to be brought later."""
    later = state_of(config).later
    if later is not None:
        later(config)
