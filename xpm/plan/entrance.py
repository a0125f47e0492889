"""Opening an experiment."""

from __future__ import annotations

from xpm.plan import context

TYPE_CHECKING = False
if TYPE_CHECKING:
    import os
    from typing import Any, NoReturn

    from xpm._experiment import Experiment
    from xpm.plan.requirements import Req


def experiment(
    path: str | os.PathLike[str],
    id: str,
    port: int | None = None,
    launcher: str | None = None,
    require: Req | str | None = None,
) -> Experiment:
    """An experiment to be opened by ``with``: tasks submitted inside belong to it, and leaving it waits for them.

    Args:
        path: the main folder, where jobs and results are; made if it is not there.
        id: the name of the experiment: its records are in ``<path>/xp/<id>``.
        port: where on this machine a page shows its jobs while it runs; 0 takes any port that is free.
        launcher: the name of the profile that runs tasks, unless they name their own; by default that of the profiles.
        require: what tasks need of the place that runs them, unless they say otherwise: ``Req(...)`` or text.

    In a notebook, ``xp = experiment(...).start()`` opens it without a block; ``xp.close()`` ends it without waiting.

    Leaving the block, like ``xp.wait()``, raises JobsFailed when a task is not done in the end, and CallbackFailed when
    a callback raised. An exception in the block leaves the jobs alone: they go on.

    Raises:
        PlanProblem: the folder or the name cannot be used (when the block is entered).
        ProfileProblem: there is no such launcher (likewise).
    """
    if context.in_job():
        stopping: Any = _Stopping()
        opened: Experiment = stopping
        return opened
    from xpm._opening import opening

    return opening(path, id, port, launcher, require)


class _Stopping:
    """An experiment inside a job: opening it ends the plan there."""

    def __enter__(self) -> NoReturn:
        raise context.PlanStops

    def __exit__(self, *error: object) -> None:
        """Never reached."""

    def start(self) -> NoReturn:
        """The same without a block."""
        raise context.PlanStops
