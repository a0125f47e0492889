"""``xpm status``: the truth about experiments, with its age."""

import time
from pathlib import Path

import click

from xpm.cli import render, selecting, sessions, telling


@click.command("status")
@click.argument("experiment", required=False)
@click.option("--json", "as_json", is_flag=True, help="For programs: schema 1, stable.")
@selecting.workdir_option
def command(experiment: str | None, as_json: bool, workdir: Path | None) -> int:
    """Show the jobs of EXPERIMENT, or of all experiments of the main folder.

    With --json and no name: the experiment that ran last.
    """
    main = selecting.main_folder(workdir, experiment)
    selecting.experiments(main, experiment)
    sessions.refresh(main)
    found = selecting.experiments(main, experiment)
    if as_json:
        if not found:
            raise selecting.no_experiment(main)
        render.document(telling.contract(found[0]))
        return 0
    for view in reversed(found):
        render.table(telling.HEADINGS, telling.rows(view.jobs), telling.heading(view, time.time()))
    if not found:
        render.note(f"no experiment has run in {main.path}")
    return 0
