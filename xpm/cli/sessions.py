"""Sessions as commands use them: opened, asked once, followed to the end."""

import gc
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING

from xpm.cli import prompting, render
from xpm.errors import XpmError
from xpm.follow.main import MainFolder
from xpm.follow.session import Session
from xpm.follow.views import OVER, JobView

if TYPE_CHECKING:
    from xpm.follow.observer import Observer

GLANCE_S = 1.0
PATIENCE_S = 6.0


@contextmanager
def opened(main: MainFolder) -> Generator[Session]:
    """A session, closed at the end; jobs go on."""
    prompting.install()
    session = Session(main)
    session.says = render.note
    interrupted = False
    try:
        yield session
    except KeyboardInterrupt:
        interrupted = True
        raise
    finally:
        session.close(interrupted)


@contextmanager
def uncollected() -> Generator[None]:
    """Without looking for garbage meanwhile: for what soon ends, and makes very many things that all stay."""
    was = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was:
            gc.enable()


def ask(session: Session) -> Mapping[str, XpmError]:
    """Ask every connector that has something to tell, as long as a person likes to wait for an answer.

    Returns:
        The connectors that did not answer, and why.
    """
    return session.refresh(patience_s=PATIENCE_S)


def remark(problems: Mapping[str, XpmError]) -> None:
    """Say which connectors could not be asked."""
    for name, problem in sorted(problems.items()):
        render.note(f"{name} could not be asked: {problem}")


def insist(problems: Mapping[str, XpmError]) -> None:
    """Say which connectors could not be asked, the last one by raising.

    Raises:
        XpmError: what kept a connector from being asked.
    """
    first, *others = problems.values() or [None]
    for problem in others:
        render.problem(problem) if problem else None
    if first is not None:
        raise first


def look(session: Session, jobs: list[JobView], observer: "Observer") -> bool:
    """Follow these jobs until there is news or a moment has passed; whether any is still alive.

    Raises:
        XpmError: a connector needs a person.
    """
    alive = [job for job in jobs if not job.settled]
    for job in alive:
        session.follow(session.spec(job.connector), job.ref, job.attempt)
    if alive:
        known = set(session.waiting)
        session.next(GLANCE_S)
        while session.next(0) is not None:
            pass
        observer.waiting(list(session.waiting.values()))
        observer.heard(dict(session.heard))
        for name in known - session.waiting.keys():
            observer.note(f"{name} answers again")
    return bool(alive)


def is_over(job: JobView) -> bool:
    """Whether a job has come to an end, its files here or not."""
    return job.state in OVER
