"""``xpm retry``: give jobs that failed a new attempt."""

from collections.abc import Collection, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from xpm.cli import confirming, render, selecting, sessions
from xpm.follow.session import Session
from xpm.follow.targets import is_filter

if TYPE_CHECKING:
    from xpm.launchers.raising import Wishes

SEND_S = 20.0
FAILED = frozenset({"failed", "lost"})
AGAIN = frozenset({"failed", "cancelled", "lost", "skipped"})


@click.command("retry")
@click.argument("targets", nargs=-1)
@click.option(
    "--failed", is_flag=True, help="Only what failed or was lost: not what was cancelled."
)
@click.option(
    "--set", "sets", metavar="mem=SIZE|time=DURATION", multiple=True,
    help="What they ask for now, in the place of what they asked for: mem=32GB, time=8h.",
)  # fmt: skip
@click.option("--yes", "-y", is_flag=True, help="Do not ask, however many they are.")
@selecting.workdir_option
def command(
    targets: tuple[str, ...], failed: bool, sets: tuple[str, ...], yes: bool, workdir: Path | None
) -> int:
    """Try TARGETS again: jobs, by the beginning of their ids, or all that failed of experiments or of a filter.

    With --failed, what was cancelled is left alone, and without TARGETS the experiment that ran last is meant.

    They run with the code they had; what was skipped because of them is tried again too. To run
    them with the code of now: `xpm run PLAN.py`. On a terminal it asks before it tries more than 10 again.

    With --set they ask for more memory or time from now on, until their plan is run again: profile and plan
    do not change, nor does what a job is.
    """
    if not targets and not failed:
        raise click.UsageError(
            "name jobs or an experiment, or --failed: what failed of the last one"
        )
    from xpm.launchers import raising

    wishes = raising.read(sets)
    main = selecting.main_folder(workdir, targets[0] if targets else None)
    with sessions.opened(main) as session:
        targets = targets or (selecting.last(session.look(), None).id,)
        selecting.jobs(session.look(), targets)  # a slip of the pen is told before anybody is asked
        sessions.remark(session.refresh(patience_s=sessions.PATIENCE_S, is_shared=True))
        return _retry(session, targets, FAILED if failed else AGAIN, yes, wishes)


def _retry(
    session: Session, targets: Sequence[str], states: Collection[str], yes: bool, wishes: "Wishes"
) -> int:
    look = session.look()
    names = look.experiments()
    whole = [each for each in targets if each in names or is_filter(each)]
    chosen = [job for job in selecting.jobs(look, whole) if job.state in states]
    chosen += selecting.jobs(look, [each for each in targets if each not in whole])
    if not chosen:
        told = (
            "failed or was lost" if states == FAILED else "failed, was cancelled, lost or skipped"
        )
        render.note(f"nothing to try again: no job {told}")
        return 0
    if not (yes or confirming.is_wanted("try again", chosen)):
        render.note("nothing is tried again")
        return 1
    problems = session.retry(chosen, SEND_S, wishes)
    count = f"{len(chosen)} job{' gets' if len(chosen) == 1 else 's get'}"
    render.line(f"{count} a new attempt; `xpm wait` follows")
    late = sum(job.connector in problems for job in chosen)
    if late:
        jobs = f"{late} job{'' if late == 1 else 's'}"
        render.note(f"{jobs} will be sent at the next exchange with their host")
    sessions.insist(problems)
    return 0
