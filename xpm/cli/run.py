"""``xpm run``: run a plan script with a launcher and a main folder chosen here."""

import difflib
import os
import shlex
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from xpm.follow.observer import Observer
    from xpm.follow.options import RunOptions
    from xpm.follow.world import World
    from xpm.launchers.profiles import Profiles


class PlanFile(click.Path):
    """A plan; of one that is not there the nearest name is proposed."""

    def __init__(self) -> None:
        super().__init__(exists=True, dir_okay=False, path_type=Path)

    def convert(
        self,
        value: "str | os.PathLike[str]",
        param: click.Parameter | None,
        ctx: click.Context | None,
    ) -> "str | bytes | os.PathLike[str]":
        """The path, if there is a plan."""
        path = Path(value)
        if not path.exists():
            names = [each.name for each in path.parent.glob("*.py")]
            near = difflib.get_close_matches(path.name, names, 1)
            if near:
                proposed = path.with_name(near[0])
                self.fail(f"File '{path}' does not exist; did you mean '{proposed}'?", param, ctx)
        return super().convert(value, param, ctx)


@click.command("run")
@click.argument("plan", type=PlanFile())
@click.argument("arguments", nargs=-1, type=click.UNPROCESSED)
@click.option("--launcher", "-l", metavar="NAME", help="Where tasks run that name no launcher.")
@click.option(
    "--workdir",
    metavar="DIR",
    type=click.Path(file_okay=False, path_type=Path),
    help="The main folder, instead of the one the plan names.",
)
@click.option(
    "--set", "sets", metavar="KEY=VALUE", multiple=True,
    help="Say something over all profiles: launchers.gpu.time=2h.",
)  # fmt: skip
@click.option("--detach", is_flag=True, help="Leave as soon as all is safe where it will run.")
@click.option(
    "--refresh", is_flag=True, help="Let jobs that wait in a queue run the code as it is now."
)
@click.option(
    "--move", is_flag=True,
    help="Cancel jobs that have not started elsewhere, and send them where they are to go now.",
)  # fmt: skip
@click.option(
    "--debug", is_flag=True, help="Run the tasks in this process, one by one, for a debugger."
)
@click.option("--dry-run", is_flag=True, help="Tell what a run would do; do nothing.")
@click.option(
    "--online", is_flag=True, help="With --dry-run: ask the places whether it would work."
)
@click.option("--json", "as_json", is_flag=True, help="With --dry-run: for programs, schema 1.")
def command(
    plan: Path,
    arguments: tuple[str, ...],
    launcher: str | None,
    workdir: Path | None,
    sets: tuple[str, ...],
    detach: bool,
    refresh: bool,
    move: bool,
    debug: bool,
    dry_run: bool,
    online: bool,
    as_json: bool,
) -> int:
    """Run PLAN, a Python script that opens its own experiment.

    What it submits runs to its end, here or on a cluster; running it again re-attaches to what is
    alive, redoes what failed and nothing else. ARGUMENTS (after --) are the script's own.

    A job runs the code it was submitted with, however long it waits in a queue; with --refresh,
    those that have not started run it as it is now, and keep their places in the queue.

    A job stays where it was sent, also when its launcher has changed since; with --move, those that have
    not started are cancelled there, and sent where they are to go now.

    With --debug nothing is submitted or recorded: breakpoints work, the first task that raises
    ends the plan (on a terminal in pdb, where it raised), and folders are below DIR/debug.

    With --dry-run the jobs are told, what they would ask for, the exact commands and what would be
    sent; nothing is written and no connection is opened, but for --online, which asks the places.
    """
    if dry_run:
        if detach or debug:
            raise click.UsageError("--dry-run runs nothing: leave out --detach and --debug")
        from xpm.cli import dry_run as dry
        from xpm.follow.options import DryOptions, RunOptions

        world = _world(plan, sets)
        wishes = RunOptions(launcher=launcher, workdir=workdir, dry=DryOptions(), world=world)
        typed = _typed(plan, arguments, launcher, workdir, sets, refresh, move)
        return dry.command(plan, arguments, wishes, online, as_json, typed)
    if online or as_json:
        raise click.UsageError("--online and --json go with --dry-run")
    from xpm.follow.options import RunOptions

    if debug:
        if detach:
            raise click.UsageError("--debug runs tasks in this process: there is nothing to detach")
        return _debug(plan, arguments, workdir)
    options = RunOptions(
        launcher=launcher,
        workdir=workdir,
        detach=detach,
        refresh=refresh,
        move=move,
        observer=_observer,
        world=_world(plan, sets),
    )
    return execute(plan, arguments, options)


def _observer() -> "Observer":
    """Who shows the run; what draws on a terminal is large, and loaded for one only."""
    from xpm.cli import render

    if not render.is_terminal(sys.stderr):
        from xpm.follow.observer import PlainObserver
        from xpm.words.queued import Queued

        return PlainObserver(queue=Queued())
    from xpm.cli import live

    return live.observer()


def _typed(
    plan: Path,
    arguments: Sequence[str],
    launcher: str | None,
    workdir: Path | None,
    sets: Sequence[str],
    refresh: bool,
    move: bool,
) -> str:
    """The command that does what was rehearsed."""
    named = {"--launcher": launcher, "--workdir": workdir}
    words = ["xpm", "run", str(plan)]
    words += [word for name, value in named.items() if value for word in (name, str(value))]
    words += [word for each in sets for word in ("--set", each)]
    words += [name for name, is_so in (("--refresh", refresh), ("--move", move)) if is_so]
    return shlex.join([*words, *(["--", *arguments] if arguments else [])])


def _world(plan: Path, sets: Sequence[str]) -> "World":
    """The world with the profiles of the plan's project and the words of the command line."""
    from xpm.follow.world import World

    def profiles() -> "Profiles":
        from xpm.launchers.profiles import load_profiles

        return load_profiles(start=plan.absolute().parent, sets=sets)

    return World(profiles=profiles)


def _debug(plan: Path, arguments: Sequence[str], workdir: Path | None) -> int:
    from xpm.follow.observer import PlainObserver
    from xpm.follow.options import Debugging, RunOptions

    debugging = Debugging(look=_look)
    return execute(
        plan, arguments, RunOptions(workdir=workdir, observer=PlainObserver, debug=debugging)
    )


def _look(error: BaseException) -> None:
    """Open pdb where a task raised, if there is a person to use it."""
    from xpm.cli import render

    if not render.is_terminal(sys.stdin) or error.__traceback__ is None:
        return
    import pdb

    render.note(f"{type(error).__name__}: {error}\npdb opens where it was raised; q leaves it")
    pdb.post_mortem(error.__traceback__)


def execute(plan: Path, arguments: Sequence[str], options: "RunOptions") -> int:
    """Run a plan with these options; the exit code."""
    from xpm.cli import prompting, render, script
    from xpm.follow.observer import Observer, PlainObserver
    from xpm.follow.options import using

    prompting.install()
    opened: list[Observer] = []

    def observer() -> Observer:
        opened.append((options.observer or PlainObserver)())
        return opened[-1]

    try:
        with using(replace(options, observer=observer)):
            script.run_script(plan, arguments)
    except script.PlanCrash as crash:
        render.note(crash.told)
        return 1 if options.debug and crash.__cause__ in options.debug.raised else 2
    if not opened:
        render.note(f"{plan} opened no experiment, so nothing was submitted")
    return 0
