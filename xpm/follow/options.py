"""What a run is told from outside the plan: by ``xpm run``, or by the environment."""

import contextlib
import os
from collections.abc import Callable, Iterator
from contextvars import ContextVar
from dataclasses import dataclass, field, replace
from pathlib import Path

from xpm.follow.dry import DryRun
from xpm.follow.observer import Observer
from xpm.follow.world import World


@dataclass(frozen=True, slots=True)
class Debugging:
    """That tasks are to run in this process, and what becomes of one that raises."""

    look: Callable[[BaseException], object]
    """Called with what a task raised, before anything else happens."""
    raised: list[BaseException] = field(default_factory=list[BaseException])
    """What tasks have raised."""


@dataclass(frozen=True, slots=True)
class DryOptions:
    """That nothing is to be done, only told."""

    found: list[DryRun] = field(default_factory=list[DryRun])
    """What each experiment of the script would do, filled meanwhile."""
    scratch: list[Path] = field(default_factory=list[Path])
    """Folders that exist while the script runs, for whoever started it to remove."""


@dataclass(frozen=True, slots=True)
class RunOptions:
    """How an experiment runs, whatever its plan says."""

    launcher: str | None = None
    """The default launcher; a launcher named at a task's submission stays."""
    workdir: Path | None = None
    """The main folder, instead of the plan's."""
    refresh: bool = False
    """Let jobs that have not started run the code as it is now."""
    move: bool = False
    """Send jobs that have not started where they are to go now, when an earlier run sent them elsewhere."""
    detach: bool = False
    """Make all safe on the far side, then end."""
    observer: Callable[[], Observer] | None = None
    """Who shows what happens; None: plain lines on stderr."""
    debug: Debugging | None = None
    """Run the tasks in this process, instead of submitting them."""
    dry: DryOptions | None = None
    """Find out what a run would do, instead of doing it."""
    world: World = field(default_factory=World)
    """Where profiles and connectors come from."""


_current: ContextVar[RunOptions | None] = ContextVar("xpm_run_options", default=None)


def current() -> RunOptions:
    """The options in force."""
    options = _current.get() or RunOptions()
    workdir = os.environ.get("XPM_WORKDIR")
    if options.workdir is None and workdir:
        return replace(options, workdir=Path(workdir))
    return options


@contextlib.contextmanager
def using(options: RunOptions) -> Iterator[None]:
    """Run what is inside with these options."""
    token = _current.set(options)
    try:
        yield
    finally:
        _current.reset(token)
