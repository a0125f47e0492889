"""``xpm graph``: a plan by kinds of tasks, and which waits for which."""

from pathlib import Path

import click

from xpm.cli import drawing, folding, render, selecting, sessions


@click.command("graph")
@click.argument("experiment", required=False)
@click.option(
    "--format", "form", type=click.Choice(["terminal", "svg", "mermaid"]), default="terminal",
    help="How: lines, a picture, or text for mermaid.",
)  # fmt: skip
@selecting.workdir_option
def command(experiment: str | None, form: str, workdir: Path | None) -> int:
    """Show the plan of EXPERIMENT (the one that ran last), folded by task: dependencies and states, as last known.

    As a picture: xpm graph --format svg > plan.svg
    """
    main = selecting.main_folder(workdir, experiment)
    with sessions.opened(main) as session:
        look = session.look()
        names = selecting.names(look, experiment)
        if not names:
            raise selecting.none_yet(main.path)
        kinds = folding.fold(look.by_task(names[0]), look.pairs(names[0]))
    if form == "svg":
        render.line(drawing.as_svg(kinds, f"{names[0]}: {sum(kind.jobs for kind in kinds)} jobs"))
    elif form == "mermaid":
        render.line(drawing.as_mermaid(kinds))
    else:
        render.line(f"{names[0]}: {_counted(sum(kind.jobs for kind in kinds), 'job')}")
        for line in drawing.as_lines(kinds):
            render.line(line)
    return 0


def _counted(count: int, what: str) -> str:
    return f"{count} {what}{'' if count == 1 else 's'}"
