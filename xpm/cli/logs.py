"""``xpm logs``: what a job printed, from here or from where it runs."""

import time
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

import click

from xpm.cli import render, selecting, sessions
from xpm.connectors.base import Begin, Printed
from xpm.errors import HostProblem
from xpm.follow import session as follow
from xpm.follow.events import Arrived, Changed, Event, LinkUp, Logged, Noted
from xpm.follow.observer import PlainObserver
from xpm.follow.session import Session
from xpm.follow.views import JobView
from xpm.wire import ledger

STREAMS = ("stdout", "stderr")
PIECE = 1 << 18
FIRST = (1, 1)


@click.command("logs")
@click.argument("job")
@click.option("--follow", "-f", is_flag=True, help="Go on until the job is over.")
@click.option("--stderr", is_flag=True, help="Its error output instead of its output.")
@selecting.workdir_option
def command(job: str, follow: bool, stderr: bool, workdir: Path | None) -> int:
    """Show what JOB (the beginning of an id, or a filter that one passes) printed.

    With -f it goes on when the link breaks and comes back, and with the next attempt of the job, whose
    beginning is told on stderr; it ends when the job is over.
    """
    main = selecting.main_folder(workdir)
    stream = STREAMS[stderr]
    with sessions.opened(main) as session:
        chosen = selecting.job(session.look(), job)
        if follow:
            _Reader(session, chosen, stream).to_the_end()
        elif not _known(session, chosen, stream):
            render.note(f"{stream} of {chosen.id[:12]} ({chosen.state}) is empty")
    return 0


def _known(session: Session, job: JobView, stream: str) -> int:
    """Show everything there is, or what is here when its host does not answer; how many bytes that were.

    Raises:
        HostProblem: it does not.
    """
    try:
        return _shown(session, job, stream)
    except HostProblem:
        copy = Path(job.path) / stream
        if copy.is_file():
            render.raw(copy.read_bytes())
            at = datetime.fromtimestamp(copy.stat().st_mtime).astimezone()
            render.note(f"so much of {stream} is here, of {at:%Y-%m-%d %H:%M:%S}; for the rest:")
        raise


def _shown(session: Session, job: JobView, stream: str) -> int:
    """Show everything there is; how many bytes that were."""
    offset = 0
    while piece := session.tail(job, stream, offset):
        render.raw(piece)
        offset += len(piece)
    return offset


class _Reader:
    """Shows a log as it grows, wherever it is: each byte once, in order."""

    def __init__(self, session: Session, job: JobView, stream: str) -> None:
        self._session = session
        self._job = job
        self._stream = stream
        self._observer = PlainObserver()
        self._offset = 0
        self._told = FIRST
        self._followed: int | None = None
        self._has_news = False
        self._logged: Logged | None = None

    def to_the_end(self) -> None:
        """Read until the job is over, and all it has printed is shown."""
        while True:
            is_over = sessions.is_over(self._job)
            self._read()
            if is_over and sessions.is_over(self._job):
                return
            self._wait()

    def _read(self) -> None:
        """Show all that has been printed by now."""
        while True:
            printed = self._here() if self._is_here() else self._there()
            self._show(printed)
            if not printed.content:
                return

    def _is_here(self) -> bool:
        return sessions.is_over(self._job) and follow.is_here(self._job, self._stream)

    def _here(self) -> Printed:
        content = self._session.tail(self._job, self._stream, self._offset, PIECE)
        ends_at = self._offset + len(content)
        rows = ledger.begins(self._job.path, STREAMS.index(self._stream))
        found = [Begin(*row) for row in rows]
        return Printed(content, [each for each in found if self._offset <= each.offset <= ends_at])

    def _there(self) -> Printed:
        """What its connector tells, however long that takes."""
        self._logged = None
        self._session.ask_log(self._job, self._stream, self._offset)
        while self._logged is None:
            self._hear(self._session.next())
        return self._logged.printed

    def _wait(self) -> None:
        """Wait a moment, or until there is news of the job."""
        if not self._job.settled and self._followed != self._job.attempt:
            spec = self._session.spec(self._job.connector)
            self._session.follow(spec, self._job.ref, self._job.attempt)
            self._followed = self._job.attempt
        until = time.monotonic() + sessions.GLANCE_S
        while not self._has_news and (left := until - time.monotonic()) > 0:
            self._hear(self._session.next(left))
        self._has_news = False
        self._job = selecting.job(self._session.look(), self._job.id)

    def _hear(self, event: Event | None) -> None:
        if isinstance(event, Logged):
            self._logged = event
        elif isinstance(event, Changed | Arrived):
            self._has_news = True
        elif isinstance(event, Noted):
            self._observer.note(f"{event.connector}: {event.text}")
        elif isinstance(event, LinkUp):
            self._observer.note(f"{event.connector} answers again")
        self._observer.waiting(list(self._session.waiting.values()))

    def _show(self, printed: Printed) -> None:
        content = printed.content
        for begin in self._news(printed.begins):
            length = begin.offset - self._offset
            if 0 <= length <= len(content):
                render.raw(content[:length])
                self._note(begin)
                self._offset, content = begin.offset, content[length:]
        render.raw(content)
        self._offset += len(content)

    def _news(self, begins: Sequence[Begin]) -> Sequence[Begin]:
        """The runs that have not been told of, in the order of their output."""
        found = [each for each in begins if (each.attempt, each.generation) > self._told]
        return sorted(found, key=lambda each: (each.attempt, each.generation))

    def _note(self, begin: Begin) -> None:
        self._told = begin.attempt, begin.generation
        what = f"attempt {begin.attempt}"
        if begin.generation > 1:
            what += f", requeued: its run {begin.generation}"
        self._observer.note(f"{what} begins")
