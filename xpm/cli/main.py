"""The ``xpm`` command: its verbs, and the one place where errors become words and exit codes."""

import sys
from collections.abc import Sequence

import click

from xpm.cli.lazy import Lazy, LazyGroup
from xpm.errors import DiskProblem, XpmError

INTERRUPTED = 130
EXIT_CODES = (
    "Exit codes: 0 all done, 1 a task failed, 2 usage, plan or profile, 3 host out of reach, "
    "4 login needed, 130 interrupted (jobs go on)."
)

VERBS = {
    "init": Lazy("xpm.cli.init", "Make a project that runs."),
    "run": Lazy("xpm.cli.run", "Run a plan and follow it to its end."),
    "status": Lazy("xpm.cli.status", "Show experiments and the state of their jobs."),
    "wait": Lazy("xpm.cli.wait", "Wait until an experiment's jobs are over."),
    "logs": Lazy("xpm.cli.logs", "Show what a job printed."),
    "sync": Lazy("xpm.cli.sync", "Bring states and results here now."),
    "pull": Lazy("xpm.cli.pull", "Bring files that have stayed where their job ran."),
    "cancel": Lazy("xpm.cli.cancel", "Cancel jobs."),
    "results": Lazy("xpm.cli.results", "Show what jobs measured, tags against metrics."),
    "graph": Lazy("xpm.cli.graph", "Draw the plan, folded by task."),
    "retry": Lazy("xpm.cli.retry", "Give failed jobs a new attempt."),
    "resume": Lazy("xpm.cli.resume", "Go on with an experiment, with its plan or without."),
    "clean": Lazy("xpm.cli.clean", "Remove what nobody needs any more, here and there."),
    "adopt": Lazy("xpm.cli.adopt", "Take over what another laptop sent to a connector."),
    "story": Lazy("xpm.cli.story", "Tell what happened to a job, from its records."),
    "why": Lazy("xpm.cli.why", "Explain why a job waits, fails or is run again."),
    "monitor": Lazy("xpm.cli.monitor", "Serve a page that shows jobs as they run."),
    "connect": Lazy("xpm.cli.connect", "Ask a host what it is, and write a profile for it."),
    "login": Lazy("xpm.cli.login", "Log in to a host that asks, once, for all commands."),
    "doctor": Lazy("xpm.cli.doctor", "Examine the place a connector leads to."),
    "completion": Lazy("xpm.cli.completion", "Print what a shell needs to complete words."),
    "launchers": Lazy("xpm.cli.launchers", "Look at the launcher profiles."),
}


def _version(ctx: click.Context, _: click.Parameter, asked: bool) -> None:
    if asked and not ctx.resilient_parsing:
        from xpm.cli import render

        render.line(f"xpm {render.version()}")
        ctx.exit()


@click.group(
    cls=LazyGroup,
    table=VERBS,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    epilog=EXIT_CODES,
)
@click.option(
    "--version",
    is_flag=True,
    expose_value=False,
    is_eager=True,
    callback=_version,
    help="Tell the version.",
)
def xpm() -> None:
    """Run experimental plans on SLURM clusters, SSH hosts or here."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run ``xpm`` with these arguments (None: the process's own); its exit code."""
    return guarded(xpm, sys.argv[1:] if arguments is None else arguments)


def guarded(command: click.Command, arguments: Sequence[str]) -> int:
    """Run a command; its exit code, whatever happens."""
    try:
        code = command.main(list(arguments), prog_name="xpm", standalone_mode=False)
        return code if isinstance(code, int) else 0
    except click.ClickException as error:
        error.show()
        return error.exit_code
    except XpmError as error:
        from xpm.cli import render

        render.problem(error)
        return error.exit_code
    except (click.Abort, KeyboardInterrupt):
        from xpm.cli import render

        render.note(
            "interrupted: submitted jobs go on. Run the plan again to follow them, or `xpm status`"
        )
        return INTERRUPTED
    except OSError as error:
        from xpm.cli import render
        from xpm.wire import disks

        if not disks.heals(error):
            render.defect(error, arguments)
            return 1
        render.problem(DiskProblem(disks.words(error), hint=disks.hint(error)))
        return DiskProblem.exit_code
    except Exception as error:  # noqa: BLE001  the one broad handler: whatever comes here is our defect
        from xpm.cli import render

        render.defect(error, arguments)
        return 1
