"""``xpm graph``: a plan by kinds of tasks, and which waits for which."""

from collections.abc import Sequence
from pathlib import Path

import click

from xpm.cli import drawing, folding, render, selecting, sessions
from xpm.cli.folding import Kind

SCHEMA = 1


@click.command("graph")
@click.argument("experiment", required=False)
@click.option(
    "--format", "form", type=click.Choice(["terminal", "svg", "mermaid"]),
    help="How: lines (the default), a picture, or text for mermaid.",
)  # fmt: skip
@click.option("--json", "as_json", is_flag=True, help="For programs: schema 1, stable.")
@selecting.workdir_option
def command(experiment: str | None, form: str | None, as_json: bool, workdir: Path | None) -> int:
    """Show the plan of EXPERIMENT (the one that ran last), folded by task: dependencies and states, as last known.

    As a picture: xpm graph --format svg > plan.svg
    """
    if as_json and form is not None:
        raise click.UsageError("--json and --format exclude each other")
    main = selecting.main_folder(workdir, experiment)
    with sessions.opened(main) as session:
        look = session.look()
        names = selecting.names(look, experiment)
        if not names:
            raise selecting.none_yet(main.path)
        kinds = folding.fold(look.by_task(names[0]), look.pairs(names[0]))
    if as_json:
        render.document(_document(names[0], kinds))
    elif form == "svg":
        render.line(drawing.as_svg(kinds, f"{names[0]}: {sum(kind.jobs for kind in kinds)} jobs"))
    elif form == "mermaid":
        render.line(drawing.as_mermaid(kinds))
    else:
        render.line(f"{names[0]}: {_counted(sum(kind.jobs for kind in kinds), 'job')}")
        for line in drawing.as_lines(kinds):
            render.line(line)
    return 0


def _document(experiment: str, kinds: Sequence[Kind]) -> dict[str, object]:
    rows = [
        {
            "task": kind.task,
            "jobs": kind.jobs,
            "states": dict(kind.states),
            "after": dict(kind.after),
        }
        for kind in kinds
    ]
    return {"schema": SCHEMA, "experiment": experiment, "kinds": rows}


def _counted(count: int, what: str) -> str:
    return f"{count} {what}{'' if count == 1 else 's'}"
