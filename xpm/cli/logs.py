"""``xpm logs``: what a job printed, from here or from where it runs."""

from pathlib import Path

import click

from xpm.cli import render, selecting, sessions
from xpm.errors import HostProblem
from xpm.follow.observer import PlainObserver
from xpm.follow.session import Session
from xpm.follow.views import JobView


@click.command("logs")
@click.argument("job")
@click.option(
    "--follow",
    "-f",
    is_flag=True,
    help="Go on until the job is over, through cuts and new attempts.",
)
@click.option("--stderr", is_flag=True, help="Its error output instead of its output.")
@selecting.workdir_option
def command(job: str, follow: bool, stderr: bool, workdir: Path | None) -> int:
    """Show what JOB (the beginning of an id, or a filter that one passes) printed."""
    main = selecting.main_folder(workdir)
    stream = "stderr" if stderr else "stdout"
    with sessions.opened(main) as session:
        chosen = selecting.job(session.look(), job)
        if follow:
            _follow(session, chosen, stream)
        elif not _shown(session, chosen, stream, 0):
            render.note(f"{stream} of {chosen.id[:12]} ({chosen.state}) is empty")
    return 0


def _follow(session: Session, job: JobView, stream: str) -> None:
    """Show what a job prints until it is over and all of it is shown, whatever happens to the link meanwhile."""
    observer = PlainObserver()
    size = 0
    while True:
        is_over = sessions.is_over(job)
        read = _reached(session, job, stream, size)
        if read is not None and is_over:
            return
        size = size if read is None else read
        sessions.look(session, [job], observer)
        before, job = job, selecting.job(session.look(), job.id)
        if job.attempt > before.attempt:
            render.note(f"attempt {job.attempt} of {job.id[:12]}")


def _reached(session: Session, job: JobView, stream: str, offset: int) -> int | None:
    """As ``_shown``; None while its connector is waited for, which is told elsewhere."""
    if job.connector in session.waiting and not job.settled:
        return None
    try:
        return _shown(session, job, stream, offset)
    except HostProblem as problem:
        if not problem.transient:
            raise
        return None


def _shown(session: Session, job: JobView, stream: str, offset: int) -> int:
    """Show everything there is from an offset on; the offset after it."""
    while piece := session.tail(job, stream, offset):
        render.raw(piece)
        offset += len(piece)
    return offset
