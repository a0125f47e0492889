"""``xpm pull``: bring files that the profile's rules leave on the far side."""

from collections.abc import Sequence
from pathlib import Path

import click

from xpm.cli import render, selecting, sessions
from xpm.cli.transferring import Bar, patiently
from xpm.connectors.specs import LocalSpec
from xpm.errors import UsageProblem
from xpm.follow import leaving, pulling
from xpm.follow.followed import UNREADABLE
from xpm.follow.pulling import Pulled
from xpm.follow.session import Session
from xpm.follow.views import JobView
from xpm.words import telling

SCHEMA = 1
INTERRUPTED = 130


@click.command("pull")
@click.argument("jobs", metavar="JOB")
@click.argument("patterns", nargs=-1, metavar="[PATTERN]...")
@click.option("--json", "as_json", is_flag=True, help="For programs: schema 1, stable.")
@selecting.workdir_option
def command(jobs: str, patterns: tuple[str, ...], as_json: bool, workdir: Path | None) -> int:
    """Bring files of JOB that have stayed where it ran: those that a PATTERN covers, or all.

    JOB is the beginning of an id, an experiment (all its jobs) or a filter: 'lr=0.1'. Patterns are those of .gitignore,
    relative to the job's folder: 'ckpt/', '*.pt', '/out/**'; put them in quotes. Of a job that runs, files come as they are
    now.

    It may be interrupted at any moment: the same command goes on where it was.
    """
    main = selecting.main_folder(workdir, jobs)
    with sessions.opened(main) as session:
        chosen = _elsewhere(session, selecting.jobs(session.look(), [jobs]))
        if not chosen:
            return 0
        bar = Bar(f"{len(chosen)} jobs" if len(chosen) > 1 else chosen[0].id[: telling.ID_SHOWN])

        def pull() -> list[Pulled]:
            return pulling.pull(session, chosen, patterns, bar)

        try:
            with bar.shown():
                found = patiently(pull, bar, session.world.patience)
        except KeyboardInterrupt:
            came = leaving.size(bar.arrived)
            render.note(f"interrupted: {came} have come; the same command goes on from there")
            return INTERRUPTED
        if as_json:
            render.document({"schema": SCHEMA, "jobs": [_as_json(each) for each in found]})
        else:
            _tell(found, bar)
        _refuse_strangers(found, patterns)
    return 1 if any(each.gone or each.barred or each.fetched.problems for each in found) else 0


def _elsewhere(session: Session, jobs: Sequence[JobView]) -> list[JobView]:
    """Those of these jobs that have files on another machine."""
    found = [job for job in jobs if job.state != "skipped"]
    far = [job for job in found if not isinstance(session.spec(job.connector), LocalSpec)]
    if not jobs:
        render.note("no job passes")
    elif not found:
        render.note("nothing ran, so there are no files")
    elif not far:
        render.note(f"its files are in place, on this machine: {found[0].path}")
    return far


def _tell(found: Sequence[Pulled], bar: Bar) -> None:
    for each in found:
        came, left = each.fetched, pulling.left(each)
        if len(found) > telling.MOST_ROWS and not (came.files or each.gone or came.problems):
            continue
        name = f"{each.job.task} {each.job.id[: telling.ID_SHOWN]}"
        words = f"{leaving.files(came.files, came.bytes)} came" if came.files else "nothing new"
        if left.files:
            words += f", {leaving.files(*left)} stay on {each.job.connector}"
        render.line(f"{name}: {words}")
        for path in each.gone:
            render.note(f"{name}: {path} is not there any more")
        for path in each.barred:
            render.note(f"{name}: {path}: {UNREADABLE}")
        for problem in (*came.problems, *came.kept):
            render.note(f"{name}: {problem}")
    if bar.arrived:
        render.note(bar.said)


def _refuse_strangers(found: Sequence[Pulled], patterns: Sequence[str]) -> None:
    """Say that patterns cover no file of any job, here or there."""
    if any(each.is_known for each in found) or not found:
        return
    stays = [each.path for one in found for each in one.fetched.stayed]
    shown = ", ".join(stays[:5]) + (", ..." if len(stays) > 5 else "")
    raise UsageProblem(
        f"no file is covered by {' '.join(map(repr, patterns))}",
        on=found[0].job.path if len(found) == 1 else f"{len(found)} jobs",
        hint=f"what stays there: {shown}" if shown else "nothing stays there: all of it is here",
    )


def _as_json(each: Pulled) -> dict[str, object]:
    return {
        "id": each.job.id,
        "task": each.job.task,
        "path": each.job.path,
        "connector": each.job.connector,
        "files": each.fetched.files,
        "bytes": each.fetched.bytes,
        "gone": list(each.gone),
        "problems": list(each.fetched.problems),
        "stayed": [
            {"path": stays.path, "bytes": stays.size, "why": stays.why}
            for stays in each.fetched.stayed
        ],
    }
