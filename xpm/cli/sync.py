"""``xpm sync``: bring states and results here now."""

from collections.abc import Sequence
from pathlib import Path

import click

from xpm.cli import render, selecting, sessions
from xpm.cli.transferring import Bar, patiently
from xpm.connectors.base import Fetched
from xpm.connectors.specs import LocalSpec
from xpm.follow import leaving, pulling, views
from xpm.follow.session import Session
from xpm.follow.views import JobView
from xpm.words import telling


@click.command("sync")
@click.argument("experiment", required=False)
@click.option("--all", "every", is_flag=True, help="Also bring what the rules leave there.")
@selecting.workdir_option
def command(experiment: str | None, every: bool, workdir: Path | None) -> int:
    """Send what waits to be sent, hear what happened, bring the files of what is over.

    Of EXPERIMENT, or of all experiments of the main folder. Of jobs that run, what the profile wants to see live comes too.
    Where the profile's rules of results have changed since files were brought, those of now count; --all brings
    everything.
    """
    main = selecting.main_folder(workdir, experiment)
    with sessions.opened(main) as session:
        look = session.look()
        names = selecting.names(look, experiment)
        places = {tally.connector for name in names for tally in look.tallies(name)}
        problems = session.sync(places if experiment else None)
        look = session.look()
        jobs = [
            views.seen(look, row)
            for name in names
            for row in look.rows(name)
            if row.ref in look.left
        ]
        _bring_more(session, [job for job in jobs if job.connector not in problems], every)
        look = session.look()
        for name in reversed(names):
            found = views.summary(look, name, telling.ORDER, 0)
            render.line(telling.heading(found, telling.now()))
            for line in leaving.lines(found.stays, name):
                render.note(line)
    sessions.insist(problems)
    return 0


def _bring_more(session: Session, jobs: Sequence[JobView], every: bool) -> None:
    """Bring what has stayed by rules that are no more, or whatever has stayed."""
    far = [job for job in jobs if not isinstance(session.spec(job.connector), LocalSpec)]
    if not far:
        return
    bar = Bar(f"{len(far)} jobs")

    def bring() -> list[Fetched]:
        if every:
            return [each.fetched for each in pulling.pull(session, far, (), bar)]
        return pulling.follow_rules(session, far, bar)

    with bar.shown():
        found = patiently(bring, bar, session.world.patience)
    for each in found:
        for problem in (*each.problems, *each.kept):
            render.note(f"{each.ref.task} {each.ref.job[: telling.ID_SHOWN]}: {problem}")
    if bar.arrived:
        render.note(f"{bar.said} more came of {len(found)} jobs")
