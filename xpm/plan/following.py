"""Asking a configuration for the job it is, or comes from."""

from __future__ import annotations

from xpm.errors import PlanProblem
from xpm.plan import context, places
from xpm.plan.state import state_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Callable

    from xpm.plan.config import Config
    from xpm.plan.context import Handle
    from xpm.plan.jobpath import JobPath


def handle(config: Config) -> Handle:
    """The submitted job.

    Raises:
        PlanProblem: it has not been submitted.
    """
    state = state_of(config)
    found: Any = state.handle
    if found is None and state.producer is not None:
        found = state_of(state.producer).handle
    if found is None:
        from xpm.plan.tasks import Task

        hint = "submit() it first" if isinstance(config, Task) else "only tasks have a job"
        raise PlanProblem(
            f"this {type(config).__name__} has no job",
            hint=hint,
            where=places.show(places.caller()),
        )
    return found  # type: ignore[no-any-return]


def jobpath(config: Config) -> JobPath:
    """The folder of the job, here or, inside a job, there."""
    from xpm.plan.jobpath import JobPath

    state = state_of(config)
    running = context.job()
    if state.folder is not None:
        return JobPath(state.folder)
    if running is not None and state.ref is not None:
        task, job = state.ref
        return JobPath(running.workspace, "jobs", task, job)
    return JobPath(handle(config).jobpath)


def on_completed(config: Config, callback: Callable[[Any], object]) -> None:
    """Have a function called with this object when the job is done."""
    handle(config).on_completed(callable_only(callback, "on_completed"), config)


def on_failed(config: Config, callback: Callable[[Any], object]) -> None:
    """Have a function called with this object when the job is over and not done."""
    handle(config).on_failed(callable_only(callback, "on_failed"), config)


def callable_only(callback: Callable[[Any], object], method: str) -> Callable[[Any], object]:
    """The function; what cannot be called is refused where it is given."""
    if not callable(callback):
        raise PlanProblem(
            f"{method} takes a function, got {type(callback).__name__}",
            hint=f"give the function itself, which is called with the task: .{method}(check), not .{method}(check(...))",
            where=places.show(places.caller()),
        )
    return callback
