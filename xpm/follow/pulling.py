"""What rules keep on the far side, brought after all: because somebody wants it, or because the rules have changed."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from xpm.connectors.base import Fetched, JobRef, Progress
from xpm.follow.looking import OVER
from xpm.follow.session import Session
from xpm.follow.views import JobView
from xpm.sync import rules, staying
from xpm.sync.ignoring import Rule
from xpm.sync.rules import Choice
from xpm.sync.staying import Left
from xpm.wire import ledger

EVERY = ("*",)


@dataclass(frozen=True, slots=True)
class Pulled:
    """What has come of a job."""

    job: JobView
    fetched: Fetched
    gone: Sequence[str]
    """Files that were wanted, and are not there any more."""
    barred: Sequence[str]
    """Files that were wanted, and that nobody there may read."""
    is_known: bool
    """Whether any file of it, here or there, is one of those wanted."""


def left(pulled: Pulled) -> Left:
    """How much of it stays on the far side; of a job that runs nobody counts."""
    return staying.left(pulled.fetched.stayed) if pulled.job.state in OVER else Left()


def pull(
    session: Session, jobs: Sequence[JobView], patterns: Sequence[str], progress: Progress
) -> list[Pulled]:
    """Bring these files of jobs, whatever the rules say; of jobs that run, as they are now.

    Safe to repeat and to interrupt: what has arrived stays.

    Args:
        session: where the jobs are known.
        jobs: the jobs.
        patterns: which files; none: all.
        progress: who hears of what arrives.
    """
    wanted = tuple(patterns) or EVERY
    choices = {job.ref: _wanting(session, job, wanted) for job in jobs}
    before = {job.ref: {each.path for each in staying.noted(Path(job.path))} for job in jobs}
    found = _fetch(session, jobs, choices, progress)
    return [_told(job, found[job.ref], before[job.ref], wanted) for job in jobs if job.ref in found]


def follow_rules(session: Session, jobs: Sequence[JobView], progress: Progress) -> list[Fetched]:
    """Bring what earlier rules have kept there of these jobs, and those of now do not."""
    late: list[JobView] = []
    choices: dict[JobRef, Choice] = {}
    for job in jobs:
        if not job.left.files or not job.settled:
            continue
        choice = _rules(session, job).after(job.state)
        if staying.rules(Path(job.path)) != choice.words:
            late.append(job)
            choices[job.ref] = choice
    return list(_fetch(session, late, choices, progress).values())


def _rules(session: Session, job: JobView) -> Choice:
    return session.profiles.rules(job.connector).of(job.launcher)


def _wanting(session: Session, job: JobView, patterns: Sequence[str]) -> Choice:
    choice = _rules(session, job)
    return (choice.after(job.state) if job.state in OVER else choice.meanwhile).and_also(patterns)


def _fetch(
    session: Session, jobs: Sequence[JobView], choices: Mapping[JobRef, Choice], progress: Progress
) -> dict[JobRef, Fetched]:
    groups: dict[tuple[str, Choice], list[JobRef]] = {}
    for job in jobs:
        groups.setdefault((job.connector, choices[job.ref]), []).append(job.ref)
    found: dict[JobRef, Fetched] = {}
    for (connector, choice), refs in groups.items():
        link = session.connector(connector)
        fetched = link.fetch(refs, str(session.main.path), progress, choice)
        found.update((each.ref, each) for each in fetched)
        if choice.moment is not rules.Moment.RUNNING:
            session.journal.left({each.ref: staying.left(each.stayed) for each in fetched})
    return found


def _told(job: JobView, fetched: Fetched, before: set[str], patterns: Sequence[str]) -> Pulled:
    folder = Path(job.path)
    wanted = rules.parsed(patterns)
    stays = {each.path for each in fetched.stayed}
    gone = [
        path
        for path in sorted(before - stays)
        if rules.covers(wanted, path) and not (folder / path).is_file()
    ]
    barred = [
        each.path
        for each in fetched.stayed
        if each.is_unreadable and rules.covers(wanted, each.path)
    ]
    is_known = bool(gone or barred) or patterns == EVERY or _has_any(folder, wanted)
    return Pulled(job, fetched, gone, barred, is_known)


def _has_any(folder: Path, wanted: Sequence[Rule]) -> bool:
    below = (path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())
    return any(
        rules.covers(wanted, path) for path in below if not path.startswith(f"{ledger.FOLDER}/")
    )
