"""What was last known, said while hosts are asked: a person need not wait for it, and a log tells what is waited for."""

import contextlib
import sys
import threading
from collections.abc import Iterator

from xpm.cli import render, selecting
from xpm.follow import views
from xpm.follow.journal import Journal
from xpm.follow.looking import Look
from xpm.follow.main import MainFolder
from xpm.follow.session import HERE
from xpm.words import telling

MOST = 3
SLOW_S = 1.0


@contextlib.contextmanager
def foretold(look: Look, name: str | None) -> Iterator[None]:
    """While hosts are asked: at once on a terminal, elsewhere when they have not answered in a moment."""
    if render.is_terminal(sys.stderr):
        _say(look, name, telling.STALE_S)
        yield
        return
    timer = threading.Timer(SLOW_S, _say_apart, (look.main, name))
    timer.start()
    try:
        yield
    finally:
        timer.cancel()
        timer.join()


def _say_apart(main: MainFolder, name: str | None) -> None:
    with contextlib.suppress(OSError):  # of the disk: told by who waits for it
        journal = Journal(main)
        try:
            _say(Look(main, journal), name, 0.0)
        finally:
            journal.close()


def _say(look: Look, name: str | None, stale_s: float) -> None:
    now = telling.now()
    for each in selecting.names(look, name)[:MOST]:
        view = views.summary(look, each, telling.ORDER, 0)
        asked = sorted(view.awaited - {HERE})
        if asked and view.oldest is not None and (now - view.oldest).total_seconds() > stale_s:
            render.note(f"{telling.heading(view, now)}; asking {', '.join(asked)} ...")
