"""Which experiment a plan opens: one that submits, one that only tells, or one that runs tasks here."""

import os
from pathlib import Path
from typing import TYPE_CHECKING, cast

from xpm._experiment import Experiment
from xpm.follow import options as run_options
from xpm.follow.observer import PlainObserver

if TYPE_CHECKING:
    from xpm.plan.requirements import Req


def opening(
    path: str | os.PathLike[str],
    id: str,
    port: int | None,
    launcher: str | None,
    require: "Req | str | None" = None,
) -> "Experiment":
    """The experiment a plan opens: one that submits, or one that runs tasks here for a debugger."""
    options = run_options.current()
    if options.dry is not None:
        from xpm._dry import DryExperiment

        folder = Path(options.workdir or path)
        return cast("Experiment", DryExperiment(folder, id, launcher, require, options))
    if options.debug is None:
        return Experiment(path, id, port=port, launcher=launcher, require=require)
    from xpm._debug import DebugExperiment

    folder = Path(options.workdir or path)
    debugged = DebugExperiment(folder, id, options.debug, options.observer or PlainObserver)
    return cast("Experiment", debugged)
