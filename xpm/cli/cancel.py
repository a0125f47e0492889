"""``xpm cancel``: end jobs that wait or run."""

from pathlib import Path

import click

from xpm.cli import render, selecting, sessions


@click.command("cancel")
@click.argument("jobs", nargs=-1)
@click.option("--experiment", "-e", metavar="NAME", help="All jobs of this experiment.")
@selecting.workdir_option
def command(jobs: tuple[str, ...], experiment: str | None, workdir: Path | None) -> int:
    """Cancel JOBS (ids or beginnings of ids), or all jobs of an experiment.

    When a host is out of reach, the wish is kept here and told at the next exchange with it.
    """
    main = selecting.main_folder(workdir, experiment)
    chosen = [job for job in selecting.jobs(main, jobs, experiment) if not sessions.is_over(job)]
    if not chosen:
        render.note("nothing to cancel: these jobs are over")
        return 0
    with sessions.opened(main) as session:
        problems = session.cancel(chosen)
    late = sum(job.connector in problems for job in chosen)
    if len(chosen) > late:
        render.line(f"cancelling {len(chosen) - late} of {len(chosen)} jobs")
    if late:
        render.note(f"{late} cancels are kept here until their host answers")
    sessions.insist(problems)
    return 0
