"""``xpm retry``: give jobs that failed a new attempt."""

from collections.abc import Collection, Sequence
from pathlib import Path

import click

from xpm.cli import confirming, render, selecting, sessions
from xpm.follow import filters
from xpm.follow.session import Session

SEND_S = 20.0
FAILED = frozenset({"failed", "lost"})
AGAIN = frozenset({"failed", "cancelled", "lost", "skipped"})


@click.command("retry")
@click.argument("targets", nargs=-1)
@click.option(
    "--failed", is_flag=True, help="Only what failed or was lost: not what was cancelled."
)
@click.option("--yes", "-y", is_flag=True, help="Do not ask, however many they are.")
@selecting.workdir_option
def command(targets: tuple[str, ...], failed: bool, yes: bool, workdir: Path | None) -> int:
    """Try TARGETS again: jobs, by the beginning of their ids, or all that failed of experiments or of a filter.

    With --failed, what was cancelled is left alone, and without TARGETS the experiment that ran last is meant.

    They run with the code they had; what was skipped because of them is tried again too. To run
    them with the code of now: `xpm run PLAN.py`. On a terminal it asks before it tries more than 10 again.
    """
    if not targets and not failed:
        raise click.UsageError(
            "name jobs or an experiment, or --failed: what failed of the last one"
        )
    main = selecting.main_folder(workdir, targets[0] if targets else None)
    with sessions.opened(main) as session:
        targets = targets or (selecting.last(session.look(), None).id,)
        selecting.jobs(session.look(), targets)  # a slip of the pen is told before anybody is asked
        sessions.remark(session.refresh(patience_s=sessions.PATIENCE_S, is_shared=True))
        return _retry(session, targets, FAILED if failed else AGAIN, yes)


def _retry(session: Session, targets: Sequence[str], states: Collection[str], yes: bool) -> int:
    look = session.look()
    names = look.experiments()
    whole = [each for each in targets if each in names or filters.is_filter(each)]
    chosen = [job for job in selecting.jobs(look, whole) if job.state in states]
    chosen += selecting.jobs(look, [each for each in targets if each not in whole])
    if not chosen:
        render.note("nothing to try again: no job failed, was cancelled, lost or skipped")
        return 0
    if not (yes or confirming.is_wanted("try again", chosen)):
        render.note("nothing is tried again")
        return 1
    problems = session.retry(chosen, SEND_S)
    count = f"{len(chosen)} job{' gets' if len(chosen) == 1 else 's get'}"
    render.line(f"{count} a new attempt; `xpm wait` follows")
    late = sum(job.connector in problems for job in chosen)
    if late:
        jobs = f"{late} job{'' if late == 1 else 's'}"
        render.note(f"{jobs} will be sent at the next exchange with their host")
    sessions.insist(problems)
    return 0
