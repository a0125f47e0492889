"""``xpm cancel``: end jobs that wait or run."""

from pathlib import Path

import click

from xpm.cli import render, selecting, sessions


@click.command("cancel")
@click.argument("targets", nargs=-1, required=True)
@selecting.workdir_option
def command(targets: tuple[str, ...], workdir: Path | None) -> int:
    """Cancel TARGETS: jobs, by the beginning of their ids, or experiments, by name.

    When a host is out of reach, the wish is kept here and told at the next exchange with it.
    """
    main = selecting.main_folder(workdir, targets[0])
    chosen = [job for job in selecting.jobs(main, targets) if not sessions.is_over(job)]
    if not chosen:
        render.note("nothing to cancel: these jobs are over")
        return 0
    with sessions.opened(main) as session:
        problems = session.cancel(chosen)
    late = sum(job.connector in problems for job in chosen)
    if len(chosen) > late:
        render.line(f"cancelling {_jobs(len(chosen) - late)}")
    if late:
        render.note(f"{_jobs(late)} will be cancelled at the next exchange with their host")
    sessions.insist(problems)
    return 0


def _jobs(count: int) -> str:
    return f"{count} job{'' if count == 1 else 's'}"
