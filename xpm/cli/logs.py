"""``xpm logs``: what a job printed, from here or from where it runs."""

from pathlib import Path

import click

from xpm.cli import render, selecting, sessions
from xpm.follow.observer import PlainObserver
from xpm.follow.session import Session
from xpm.follow.views import JobView


@click.command("logs")
@click.argument("job")
@click.option("--follow", "-f", is_flag=True, help="Go on until the job is over.")
@click.option("--stderr", is_flag=True, help="Its error output instead of its output.")
@selecting.workdir_option
def command(job: str, follow: bool, stderr: bool, workdir: Path | None) -> int:
    """Show what JOB (the beginning of an id, or a filter that one passes) printed."""
    main = selecting.main_folder(workdir)
    chosen = selecting.job(main, job)
    stream = "stderr" if stderr else "stdout"
    observer = PlainObserver()
    with sessions.opened(main) as session:
        size = _shown(session, chosen, stream, 0)
        if not follow and not size:
            render.note(f"{stream} of {chosen.id[:12]} ({chosen.state}) is empty")
        while follow and not sessions.is_over(chosen):
            sessions.look(session, [chosen], observer)
            chosen = selecting.job(main, chosen.id)
            size = _shown(session, chosen, stream, size)
    return 0


def _shown(session: Session, job: JobView, stream: str, offset: int) -> int:
    """Show everything there is from an offset on; the offset after it."""
    while piece := session.tail(job, stream, offset):
        render.raw(piece)
        offset += len(piece)
    return offset
