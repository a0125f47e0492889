"""``xpm status``: the truth about experiments, with its age."""

from pathlib import Path

import click

from xpm.cli import render, selecting, sessions, telling
from xpm.errors import UsageProblem
from xpm.follow import views


@click.command("status")
@click.argument("experiment", required=False)
@click.option("--json", "as_json", is_flag=True, help="For programs: schema 1, stable.")
@selecting.workdir_option
def command(experiment: str | None, as_json: bool, workdir: Path | None) -> int:
    """Show the jobs of EXPERIMENT, or of all experiments of the main folder.

    With --json and no name: the experiment that ran last.
    """
    main = selecting.main_folder(workdir, experiment)
    if not selecting.experiments(main, experiment):
        raise UsageProblem("no experiment has run yet", on=str(main.path))
    silent = sessions.refresh(main)
    found = selecting.experiments(main, experiment)
    told = {name for view in found for name in telling.silent(view)} if not as_json else set()
    sessions.remark({name: silent[name] for name in silent if name not in told})
    if as_json:
        render.document(views.as_json(found[0]))
        return 0
    now = telling.now()
    for view in reversed(found):
        render.table(telling.HEADINGS, telling.rows(view.jobs), telling.heading(view, now))
        for line in telling.links(view, now):
            render.note(line)
    return 0
