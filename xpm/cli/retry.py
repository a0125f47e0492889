"""``xpm retry``: give jobs that failed a new attempt."""

from pathlib import Path

import click

from xpm.cli import render, selecting, sessions

AGAIN = frozenset({"failed", "cancelled", "lost", "skipped"})


@click.command("retry")
@click.argument("targets", nargs=-1, required=True)
@selecting.workdir_option
def command(targets: tuple[str, ...], workdir: Path | None) -> int:
    """Try TARGETS again: jobs, by the beginning of their ids, or all that failed of experiments.

    They run with the code they had; what was skipped because of them is tried again too. To run
    them with the code of now: `xpm run PLAN.py`.
    """
    main = selecting.main_folder(workdir, targets[0])
    names = {view.id for view in selecting.experiments(main)}
    whole = [target for target in targets if target in names]
    chosen = [job for job in selecting.jobs(main, whole) if job.state in AGAIN]
    chosen += selecting.jobs(main, [target for target in targets if target not in names])
    if not chosen:
        render.note("nothing to try again: no job failed, was cancelled, lost or skipped")
        return 0
    with sessions.opened(main) as session:
        problems = session.retry(chosen)
    count = f"{len(chosen)} job{' gets' if len(chosen) == 1 else 's get'}"
    render.line(f"{count} a new attempt; `xpm wait` follows")
    sessions.insist(problems)
    return 0
