"""``xpm wait``: follow an experiment's jobs to their end."""

import time
from collections.abc import Collection
from pathlib import Path

import click

from xpm._notify import Notified
from xpm.cli import live, render, selecting, sessions
from xpm.connectors.base import JobRef
from xpm.follow import leaving, views
from xpm.follow.records import is_going
from xpm.follow.session import Session
from xpm.follow.views import ExperimentView
from xpm.launchers.notices import NOBODY, Notify
from xpm.words import telling


@click.command("wait")
@click.argument("experiment", required=False)
@selecting.workdir_option
def command(experiment: str | None, workdir: Path | None) -> int:
    """Wait until the jobs of EXPERIMENT (default: the last one) are over and their files here.

    The plan's callbacks do not run: `xpm run PLAN.py` follows and runs them.
    """
    main = selecting.main_folder(workdir, experiment)
    with sessions.opened(main) as session:
        view = selecting.last(session.look(), experiment)
        view = follow(session, view.id)
    return tell(view)


def tell(view: ExperimentView) -> int:
    """Say how an experiment ended; the exit code."""
    render.line(telling.heading(view, telling.now()))
    kept = leaving.added([(job.connector, job.id, job.left) for job in view.jobs])
    for line in leaving.lines(kept, view.id):
        render.note(line)
    failed = [job for job in view.jobs if job.state in ("failed", "lost")]
    if failed:
        render.table(telling.HEADINGS, telling.rows(failed))
        render.note(f"see `xpm logs {failed[0].id[: telling.ID_SHOWN]} --stderr`")
    return 0 if view.state == "done" else 1


def follow(session: Session, experiment: str, without: Collection[JobRef] = ()) -> ExperimentView:
    """Show an experiment until its jobs are over and their files here; what is ``without`` is not waited for."""
    observer = Notified(live.observer(), lambda: _wishes(session, experiment))
    observer.started(experiment, str(session.main.path))
    counts = telling.per_state([])
    try:
        while True:
            view = views.experiment(session.look(), experiment)
            counts = telling.per_state(view.jobs)
            observer.changed(view.jobs, counts)
            jobs = [job for job in view.jobs if job.ref not in without]
            if not sessions.look(session, jobs, observer):
                if view.state != "running" or without:
                    return view
                time.sleep(sessions.GLANCE_S)  # the plan's own process may submit more
    finally:
        observer.ended(counts)


def _wishes(session: Session, experiment: str) -> Notify:
    """Whom to tell how it ends: nobody, as long as the plan's own process will."""
    run = session.main.experiment(experiment).latest()
    return NOBODY if run is not None and is_going(run) else session.profiles.notify
