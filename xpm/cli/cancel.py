"""``xpm cancel``: end jobs that wait or run."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import click

from xpm.cli import confirming, render, selecting, sessions
from xpm.errors import XpmError
from xpm.follow import views
from xpm.follow.looking import Look
from xpm.follow.targets import is_filter
from xpm.follow.views import JobView
from xpm.words import telling


@click.command("cancel")
@click.argument("targets", nargs=-1, required=True)
@click.option("--yes", "-y", is_flag=True, help="Do not ask, however many they are.")
@selecting.workdir_option
def command(targets: tuple[str, ...], yes: bool, workdir: Path | None) -> int:
    """Cancel TARGETS: jobs, by the beginning of their ids, experiments, by name, or what passes a filter.

    A filter: 'lr=0.1 and state=pending'. On a terminal it asks before it ends more than 10 jobs. When a host is out of
    reach, the wish is kept here and told at the next exchange with it.
    """
    main = selecting.main_folder(workdir, targets[0])
    silent: Mapping[str, XpmError] = {}
    with sessions.opened(main) as session:
        selecting.jobs(session.look(), targets)  # a slip of the pen is told before anybody is asked
        if any(map(is_filter, targets)):
            silent = sessions.ask(session)  # states are compared: those of now
            sessions.remark(silent)
        chosen = [
            job for job in selecting.jobs(session.look(), targets) if not sessions.is_over(job)
        ]
        if not chosen:
            render.note("nothing to cancel: no such job waits or runs")
            return 0
        if not (yes or confirming.is_wanted("cancel", chosen)):
            render.note("nothing is cancelled")
            return 1
        problems = session.cancel(chosen, sessions.PATIENCE_S)
        _tell(session.look(), chosen, problems)
    sessions.insist({name: problems[name] for name in problems if name not in silent})
    return max((each.exit_code for each in problems.values()), default=0)


def _tell(look: Look, chosen: Sequence[JobView], problems: Mapping[str, XpmError]) -> None:
    """What has become of them; some may have ended by themselves at the same moment."""
    late = [job for job in chosen if job.connector in problems]
    rows = (look.job(job.ref) for job in chosen if job not in late)
    told = [views.seen(look, row) for row in rows if row is not None]
    ending = [job for job in told if not sessions.is_over(job)]
    cancelled = [job for job in told if job.state in ("cancelled", "skipped")]
    before = [job for job in told if sessions.is_over(job) and job not in cancelled]
    if cancelled:
        render.line(f"cancelled {confirming.counted(cancelled)}")
    if ending:
        render.line(
            f"cancelling {confirming.counted(ending)}: `xpm status` tells when they have ended"
        )
    if before:
        render.line(f"too late for {confirming.counted(before)}: {telling.counts(before)}")
    if late:
        render.note(
            f"{confirming.counted(late)} will be cancelled at the next exchange with their host"
        )
