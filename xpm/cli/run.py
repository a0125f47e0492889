"""``xpm run``: run a plan script with a launcher and a main folder chosen here."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from xpm.follow.options import RunOptions


@click.command("run")
@click.argument("plan", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.argument("arguments", nargs=-1, type=click.UNPROCESSED)
@click.option("--launcher", "-l", metavar="NAME", help="Where tasks run that name no launcher.")
@click.option(
    "--workdir",
    metavar="DIR",
    type=click.Path(file_okay=False, path_type=Path),
    help="The main folder, instead of the one the plan names.",
)
@click.option("--detach", is_flag=True, help="Leave as soon as all is safe where it will run.")
def command(
    plan: Path, arguments: tuple[str, ...], launcher: str | None, workdir: Path | None, detach: bool
) -> int:
    """Run PLAN, a Python script that opens its own experiment.

    What it submits runs to its end, here or on a cluster; running it again re-attaches to what is
    alive, redoes what failed and nothing else. ARGUMENTS (after --) are the script's own.
    """
    from xpm.cli import live
    from xpm.follow.options import RunOptions

    return execute(
        plan,
        arguments,
        RunOptions(launcher=launcher, workdir=workdir, detach=detach, observer=live.observer),
    )


def execute(plan: Path, arguments: Sequence[str], options: "RunOptions") -> int:
    """Run a plan with these options; the exit code."""
    from xpm.cli import render, script
    from xpm.follow.observer import Observer, PlainObserver
    from xpm.follow.options import using

    opened: list[Observer] = []

    def observer() -> Observer:
        opened.append((options.observer or PlainObserver)())
        return opened[-1]

    try:
        with using(replace(options, observer=observer)):
            script.run_script(plan, arguments)
    except script.PlanCrash as crash:
        render.note(crash.told)
        return 2
    if not opened:
        render.note(f"{plan} opened no experiment, so nothing was submitted")
    return 0
