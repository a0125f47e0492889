"""``xpm resume``: run an experiment's plan again, as it was last run."""

from pathlib import Path

import click

from xpm.cli import live, render, run, selecting
from xpm.errors import UsageProblem
from xpm.follow.options import RunOptions
from xpm.follow.views import ExperimentView
from xpm.wire import files


@click.command("resume")
@click.argument("experiment", required=False)
@click.option("--launcher", "-l", metavar="NAME", help="Another launcher than last time.")
@click.option("--detach", is_flag=True, help="Leave as soon as all is safe where it will run.")
@selecting.workdir_option
def command(
    experiment: str | None, launcher: str | None, detach: bool, workdir: Path | None
) -> int:
    """Run the plan of EXPERIMENT (default: the last one) again, with the arguments it had.

    What is done stays, what is alive is attached to, what failed gets a new attempt with the
    plan's code of now, and callbacks that waited run.
    """
    main = selecting.main_folder(workdir, experiment)
    found = selecting.experiments(main, experiment)
    if not found:
        raise UsageProblem("no experiment has run yet", on=str(main.path))
    view = found[0]
    content = files.load(str(main.experiment(view.id).folder / "run.json")) or {}
    script = content.get("script")
    if not script or not Path(script).is_file():
        raise UsageProblem(
            f"the plan of {view.id!r} is not there any more",
            on=str(script or "it was not run from a script"),
            hint=f"run it yourself: xpm run PLAN.py --workdir {main.path}",
        )
    options = RunOptions(
        launcher=launcher or _last_launcher(view),
        workdir=main.path,
        detach=detach,
        observer=live.observer,
    )
    render.note(f"running {script} again")
    return run.execute(Path(script), content.get("argv") or [], options)


def _last_launcher(view: ExperimentView) -> str | None:
    """The launcher of all jobs; None when they had several: the plan chose them."""
    names = {job.launcher for job in view.jobs}
    return names.pop() if len(names) == 1 else None
