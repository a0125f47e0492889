"""``xpm status``: the truth about experiments, with its age."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import click

from xpm.cli import filtering, render, selecting, sessions, telling
from xpm.errors import UsageProblem, XpmError
from xpm.follow import views
from xpm.follow.views import ExperimentView


@click.command("status")
@click.argument("experiment", required=False, metavar="[EXPERIMENT|FILTER]")
@click.option("--json", "as_json", is_flag=True, help="For programs: schema 1, stable.")
@click.option("--all", "all_jobs", is_flag=True, help="Every job, however many there are.")
@selecting.workdir_option
def command(experiment: str | None, as_json: bool, all_jobs: bool, workdir: Path | None) -> int:
    """Show the jobs of EXPERIMENT, or of all experiments of the main folder, or those that pass a FILTER.

    A filter: 'lr=0.1 and not state=done'. With --json and no name: the experiment that ran last.
    """
    wanted = experiment if experiment and filtering.is_filter(experiment) else None
    name = None if wanted else experiment
    main = selecting.main_folder(workdir, name)
    if not selecting.experiments(main, name):
        raise UsageProblem("no experiment has run yet", on=str(main.path))
    with sessions.opened(main) as session:
        silent = sessions.ask(session)
        found = selecting.experiments(main, name)
        if wanted:
            found = selecting.filtered(found, wanted) or [replace(found[0], jobs=())]
        _show(found, silent, as_json, all_jobs)
        for connector, notes in sorted(session.notes.items()):
            for note in notes:
                render.note(f"{connector}: {note}")
    return 0


def _show(
    found: Sequence[ExperimentView],
    silent: Mapping[str, XpmError],
    as_json: bool,
    all_jobs: bool,
) -> None:
    told = {name for view in found for name in telling.silent(view)} if not as_json else set()
    sessions.remark({name: silent[name] for name in silent if name not in told})
    if as_json:
        render.document(views.as_json(found[0]))
        return
    now = telling.now()
    for view in reversed(found):
        shown = view.jobs if all_jobs else telling.pressing(view.jobs)
        render.table(telling.HEADINGS, telling.rows(shown), telling.heading(view, now))
        if rest := telling.left_out(view.jobs, shown):
            render.note(rest)
        for line in telling.links(view, now):
            render.note(line)
