"""``xpm retry``: give jobs that failed a new attempt."""

from pathlib import Path

import click

from xpm.cli import render, selecting, sessions

AGAIN = frozenset({"failed", "cancelled", "lost", "skipped"})


@click.command("retry")
@click.argument("jobs", nargs=-1)
@click.option("--experiment", "-e", metavar="NAME", help="All jobs of it that are not done.")
@selecting.workdir_option
def command(jobs: tuple[str, ...], experiment: str | None, workdir: Path | None) -> int:
    """Try JOBS (ids or beginnings of ids) again, and what was skipped because of them.

    They run with the code they had. To run them with the code of now: `xpm run PLAN.py`.
    """
    main = selecting.main_folder(workdir, experiment)
    chosen = selecting.jobs(main, jobs, experiment)
    if experiment is not None:
        chosen = [job for job in chosen if job.state in AGAIN]
        if not chosen:
            render.note("nothing to try again: no job failed, was cancelled, lost or skipped")
            return 0
    with sessions.opened(main) as session:
        problems = session.retry(chosen)
    render.line(f"{len(chosen)} jobs get a new attempt; `xpm wait` follows them")
    sessions.insist(problems)
    return 0
