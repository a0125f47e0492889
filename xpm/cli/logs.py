"""``xpm logs``: what a job printed, from here or from where it runs."""

import time
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

import click

from xpm.cli import log_ends, render, selecting, sessions
from xpm.connectors.base import Begin, Printed
from xpm.errors import HostProblem
from xpm.follow import session as follow
from xpm.follow.events import Arrived, Changed, Event, LinkUp, Logged, Noted
from xpm.follow.observer import PlainObserver
from xpm.follow.session import Session
from xpm.follow.views import JobView
from xpm.wire import ledger
from xpm.words import telling

STREAMS = ("stdout", "stderr")
PIECE = 1 << 18
FIRST = (1, 1)


@click.command("logs")
@click.argument("job")
@click.option("--follow", "-f", is_flag=True, help="Go on until the job is over.")
@click.option(
    "--tail", "-n", "lines", type=click.IntRange(min=0), metavar="N", help="Only its last N lines."
)
@click.option("--stderr", is_flag=True, help="Its error output instead of its output.")
@selecting.workdir_option
def command(job: str, follow: bool, lines: int | None, stderr: bool, workdir: Path | None) -> int:
    """Show what JOB (the beginning of an id, or a filter that one passes) printed.

    With -f it goes on when the link breaks and comes back, and with the next attempt of the job, whose
    beginning is told on stderr; it ends when the job is over. With --tail it begins with the last lines
    there are now; of a long log no more than these travel.
    """
    main = selecting.main_folder(workdir)
    stream = STREAMS[stderr]
    with sessions.opened(main) as session:
        chosen = selecting.job(session.look(), job)
        if follow:
            _Reader(session, chosen, stream, _begin(session, chosen, stream, lines)).to_the_end()
        elif not _known(session, chosen, stream, lines):
            _note_nothing(session, chosen, stream)
    return 0


def _begin(session: Session, job: JobView, stream: str, lines: int | None) -> int:
    return 0 if lines is None else log_ends.begin_of(session, job, stream, lines)


def _note_nothing(session: Session, job: JobView, stream: str) -> None:
    """Say that there is nothing, and where there is something."""
    told = f"{stream} of {job.id[:12]} ({job.state}) is empty"
    if stream == "stdout" and session.tail(job, "stderr", 0, 1):
        told += f"; its error output is not: xpm logs {job.id[: telling.ID_SHOWN]} --stderr"
    render.note(told)


def _known(session: Session, job: JobView, stream: str, lines: int | None) -> int:
    """Show what there is, or what is here when its host does not answer; how much of the log was passed.

    Raises:
        HostProblem: it does not.
    """
    try:
        return _shown(session, job, stream, _begin(session, job, stream, lines))
    except HostProblem:
        copy = Path(job.path) / stream
        if copy.is_file():
            render.raw(copy.read_bytes()[log_ends.last_lines_of(copy, lines) :])
            at = datetime.fromtimestamp(copy.stat().st_mtime).astimezone()
            render.note(f"so much of {stream} is here, of {at:%Y-%m-%d %H:%M:%S}; for the rest:")
        raise


def _shown(session: Session, job: JobView, stream: str, offset: int) -> int:
    """Show all there is from here on; where it ends."""
    while piece := session.tail(job, stream, offset):
        render.raw(piece)
        offset += len(piece)
    return offset


class _Reader:
    """Shows a log as it grows, wherever it is: each byte once, in order."""

    def __init__(self, session: Session, job: JobView, stream: str, offset: int = 0) -> None:
        self._session = session
        self._job = job
        self._stream = stream
        self._observer = PlainObserver()
        self._offset = offset
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
