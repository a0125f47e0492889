"""``xpm status``: the truth about experiments, with its age."""

import sys
from collections.abc import Mapping, Sequence
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path
from typing import cast

import click

from xpm.cli import foretelling, render, selecting, sessions
from xpm.errors import XpmError
from xpm.follow import emptied, leaving, views
from xpm.follow.looking import Look, Row
from xpm.follow.main import MainFolder
from xpm.follow.session import Session
from xpm.follow.targets import is_filter
from xpm.follow.views import JobView, Summary
from xpm.words import telling


@click.command("status")
@click.argument("experiment", required=False, metavar="[EXPERIMENT|FILTER]")
@click.option("--json", "as_json", is_flag=True, help="For programs: schema 1, stable.")
@click.option("--all", "all_jobs", is_flag=True, help="Every job, however many there are.")
@click.option(
    "--watch", is_flag=True, help="Go on showing them until all are over; Ctrl-C leaves them alone."
)
@selecting.workdir_option
def command(
    experiment: str | None, as_json: bool, all_jobs: bool, watch: bool, workdir: Path | None
) -> int:
    """Show the jobs of EXPERIMENT, or of all experiments of the main folder, or those that pass a FILTER.

    A filter: 'lr=0.1 and not state=done'; with --watch, jobs are shown as they begin and cease to pass.
    With --json and no name: the experiment that ran last.
    """
    wanted = experiment if experiment and is_filter(experiment) else None
    name = None if wanted else experiment
    if watch and as_json:
        raise click.UsageError("--watch is for people: leave out --json")
    main = selecting.main_folder(workdir, name)
    if watch:
        return _watch_filter(main, wanted) if wanted else _watch(main, name)
    with sessions.opened(main) as session:
        look = session.look()
        if not selecting.names(look, name):
            raise selecting.none_yet(main.path)
        with nullcontext() if as_json else foretelling.foretold(look, name):
            silent = sessions.ask(session)
        look = session.look()
        shown = selecting.names(look, name)
        news = _news(session, look, shown)
        if as_json:
            sessions.remark(silent)
            _document(main, look, name, wanted)
        else:
            _show(main, _told(_summaries(look, name, wanted, all_jobs), wanted), silent)
            for line in news:
                render.note(line)
            if experiment is None and (count := look.forsaken(emptied.jobs(main))):
                render.note(telling.orphans(count))
        for connector, notes in sorted(session.notes.items()):
            for note in notes:
                render.note(f"{connector}: {note}")
    return 0


def _news(session: Session, look: Look, experiments: Sequence[str]) -> Sequence[str]:
    """What became of jobs that somebody was asked about just now."""
    if not session.asked:
        return ()
    from xpm.cli import away

    return away.ended(session.asked, look, experiments, session.brought)


def _watch(main: MainFolder, name: str | None) -> int:
    """Show one experiment as it goes on, as ``xpm run`` does."""
    from xpm.cli import wait

    with sessions.opened(main) as session:
        view = wait.follow(session, selecting.last(session.look(), name).id)
    render.line(telling.heading(view, telling.now()))
    return 0


def _watch_filter(main: MainFolder, wanted: str) -> int:
    """Show the jobs that pass as they come and go, then those that pass in the end."""
    from xpm.cli import watching

    with sessions.opened(main) as session:
        if not selecting.names(session.look(), None):
            raise selecting.none_yet(main.path)
        watching.watch(session, wanted)
        _show(main, _summaries(session.look(), None, wanted, False), {})
    return 0


@sessions.uncollected()
def _document(main: MainFolder, look: Look, name: str | None, wanted: str | None) -> None:
    """The experiment named, or that ran last, or that ran last of those with jobs that pass."""
    passing = _rows(look, wanted) if wanted else []
    view = selecting.last(look, passing[0].experiment if passing else name)
    if wanted:
        ids = {row.ref for row in passing if row.experiment == view.id}
        view = replace(view, jobs=[job for job in view.jobs if job.ref in ids])
    content = views.as_json(view)
    for job, told in zip(view.jobs, cast("list[dict[str, object]]", content["jobs"]), strict=True):
        told.update(_equipment(main, job))
    render.document(content)


def _rows(look: Look, wanted: str) -> Sequence[Row]:
    from xpm.follow import choosing  # what reads filters, where there is one

    return choosing.passing(look, wanted)


def _equipment(main: MainFolder, job: JobView) -> dict[str, object]:
    """The code and the environment a job was submitted with; `xpm why` tells what its run found."""
    noted = main.job(job.ref) or {}
    code = cast("Mapping[str, object]", noted.get("code") or {})
    request = cast("Mapping[str, object]", noted.get("request") or {})
    return {"snapshot": code.get("snapshot"), "environment": request.get("environment")}


def _summaries(
    look: Look, name: str | None, wanted: str | None, all_jobs: bool
) -> Sequence[Summary]:
    most = sys.maxsize if all_jobs else telling.MOST_ROWS
    names = selecting.names(look, name)
    if wanted is None:
        return [views.summary(look, each, telling.ORDER, most) for each in names]
    from xpm.follow import choosing

    condition = None if look.left else choosing.in_sql(look, wanted)
    if condition is not None:
        told = [views.summary(look, each, telling.ORDER, most, condition) for each in names]
        return [each for each in told if each.counts] or told[:1]
    rows: dict[str, list[Row]] = {}
    for row in choosing.passing(look, wanted):
        rows.setdefault(row.experiment, []).append(row)
    found = [
        views.chosen(look, each, rows[each], telling.pressing(rows[each], most)) for each in rows
    ]
    return found or [views.chosen(look, names[0], [], [])]


def _told(found: Sequence[Summary], wanted: str | None) -> Sequence[Summary]:
    """What there is to show; none, and that is said, when a filter leaves no job."""
    if wanted is None or any(each.counts for each in found):
        return found
    render.note(f"no job passes {wanted!r}")
    return []


def _show(main: MainFolder, found: Sequence[Summary], silent: Mapping[str, XpmError]) -> None:
    told = {name for view in found for name in telling.silent(view)}
    sessions.remark({name: silent[name] for name in silent if name not in told})
    now, costs = telling.now(), _costs(main, found)
    for view in reversed(found):
        title = " · ".join(filter(None, [telling.heading(view, now), costs.get(view.id)]))
        render.table(telling.HEADINGS, telling.rows(view.jobs), title)
        if rest := telling.left_out(view.counts, view.jobs):
            render.note(rest)
        if todo := telling.what_to_do(view.jobs, view.id):
            render.note(todo)
        for line in [*leaving.lines(view.stays, view.id), *telling.links(view, now)]:
            render.note(line)


def _costs(main: MainFolder, found: Sequence[Summary]) -> Mapping[str, str]:
    """What the experiments have cost, the latest first, as far as their jobs are so few that all can be looked into."""
    told: dict[str, str] = {}
    left = telling.MOST_ROWS
    for view in found:
        left -= view.counts.total()
        if left < 0:
            break
        from xpm.follow import spent

        told[view.id] = spent.bill(main, [job.ref for job in view.jobs]).words()
    return told
