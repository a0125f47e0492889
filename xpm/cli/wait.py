"""``xpm wait``: follow an experiment's jobs to their end."""

import time
from pathlib import Path

import click

from xpm.cli import live, render, selecting, sessions, telling
from xpm.errors import UsageProblem
from xpm.follow.main import MainFolder
from xpm.follow.session import Session
from xpm.follow.views import ExperimentView


@click.command("wait")
@click.argument("experiment", required=False)
@selecting.workdir_option
def command(experiment: str | None, workdir: Path | None) -> int:
    """Wait until the jobs of EXPERIMENT (default: the last one) are over and their files here.

    The plan's callbacks do not run: `xpm run PLAN.py` follows and runs them.
    """
    main = selecting.main_folder(workdir, experiment)
    found = selecting.experiments(main, experiment)
    if not found:
        raise UsageProblem("no experiment has run yet", on=str(main.path))
    with sessions.opened(main) as session:
        view = _to_the_end(main, session, found[0].id)
    render.line(telling.heading(view, telling.now()))
    failed = [job for job in view.jobs if job.state in ("failed", "lost")]
    if failed:
        render.table(telling.HEADINGS, telling.rows(failed))
        render.note(f"see `xpm logs {failed[0].id[: telling.ID_SHOWN]} --stderr`")
    return 0 if view.state == "done" else 1


def _to_the_end(main: MainFolder, session: Session, experiment: str) -> ExperimentView:
    observer = live.observer()
    observer.started(experiment, str(main.path))
    counts = telling.per_state([])
    try:
        while True:
            (view,) = selecting.experiments(main, experiment)
            counts = telling.per_state(view.jobs)
            observer.changed(view.jobs, counts)
            if not sessions.look(session, list(view.jobs), observer):
                if view.state != "running":
                    return view
                time.sleep(sessions.GLANCE_S)  # the plan's own process may submit more
    finally:
        observer.ended(counts)
