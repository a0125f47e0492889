"""What the page can have done: what ``xpm cancel``, ``retry``, ``pull`` and ``sync`` do, by a thread of its own.

The page decides nothing about jobs: a wish is noted durably and told to the connector, as from the command line.
"""

import logging
import threading
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from queue import Empty, SimpleQueue
from typing import TYPE_CHECKING, Any, TypeVar

from xpm.connectors.base import Connector, JobRef
from xpm.connectors.specs import LocalSpec
from xpm.errors import UsageProblem, XpmError
from xpm.follow import leaving, pulling, views
from xpm.follow.main import MainFolder
from xpm.follow.session import Session
from xpm.follow.views import OVER, JobView
from xpm.follow.world import World
from xpm.monitor.coming import Coming

if TYPE_CHECKING:
    from xpm.launchers.profiles import Profiles

PATIENCE_S = 6.0
SEND_S = 20.0
ASK_S = 15.0
AGAIN = frozenset({"failed", "cancelled", "lost", "skipped"})
ACTIONS = ("cancel", "retry", "pull", "sync")
log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Done:
    """What came of a wish, in words."""

    text: str
    problems: Sequence[str] = ()


T = TypeVar("T")
Wish = tuple[Callable[[Session], Any], "Future[Any]"]


class Actor(threading.Thread):
    """Does what is wished, one after the other, with a session of its own.

    Args:
        main: the main folder.
        world: where profiles and connectors come from.
        follows: whether it also asks all connectors for news, as ``xpm wait`` would: nobody else may be doing so.
    """

    def __init__(self, main: MainFolder, world: World | None = None, follows: bool = False) -> None:
        super().__init__(name="xpm monitor", daemon=True)
        self._main = main
        self.world = world
        self.follows = follows
        self._wishes: SimpleQueue[Wish | None] = SimpleQueue()
        self._session: Session | None = None
        self.trouble: dict[str, str] = {}
        """Why connectors could not be asked the last time. Read by other threads, replaced as a whole."""

    def wish(self, act: Callable[[Session], T]) -> "Future[T]":
        """Have something done."""
        future: Future[T] = Future()
        self._wishes.put((act, future))
        return future

    def profiles(self) -> "Profiles | None":
        """The launcher profiles; None when they cannot be read, which ``self.trouble`` will tell."""
        try:
            return (self.world or World()).profiles()
        except UsageProblem:
            return None

    def link(self, connector: str) -> Connector | None:
        """A connection that is open here and answers."""
        return None if self._session is None else self._session.up(connector)

    def stop(self) -> None:
        """End soon; jobs go on."""
        self._wishes.put(None)

    def run(self) -> None:
        """Serve until stopped."""
        session = self._session = Session(self._main, self.world)
        try:
            if self.follows:
                self._ask(session)
            while True:
                try:
                    wish = self._wishes.get(timeout=ASK_S if self.follows else None)
                except Empty:
                    self._ask(session)
                    continue
                if wish is None:
                    return
                _fulfil(session, *wish)
        finally:
            session.close()

    def _ask(self, session: Session) -> None:
        try:
            problems = session.refresh(patience_s=PATIENCE_S)
            self.trouble = {name: str(problem) for name, problem in problems.items()}
        except (XpmError, OSError) as error:
            log.warning("connectors could not be asked", exc_info=error)
            self.trouble = {"": str(error)}


def allowed(action: str, state: str) -> bool:
    """Whether an action does anything to a job in this state."""
    if action == "cancel":
        return state not in OVER
    return state in AGAIN if action == "retry" else state != "skipped"


def does(action: str, refs: Sequence[JobRef], coming: Coming) -> Callable[[Session], Done]:
    """What does this to these jobs; ``coming`` hears of the files that a pull brings."""
    if action == "sync":
        return _sync
    if action == "pull":
        return lambda session: _pull(session, _jobs(session, refs), coming)
    acts = {"cancel": _cancel, "retry": _retry}
    return lambda session: acts[action](session, _jobs(session, refs))


def _fulfil(session: Session, act: Callable[[Session], T], future: "Future[T]") -> None:
    if not future.set_running_or_notify_cancel():
        return
    try:
        future.set_result(act(session))
    except BaseException as error:  # noqa: BLE001 (handed to who asked)
        future.set_exception(error)


def _jobs(session: Session, refs: Sequence[JobRef]) -> list[JobView]:
    look = session.look()
    rows = map(look.job, refs)
    return [views.seen(look, row) for row in rows if row is not None]


def _cancel(session: Session, jobs: Sequence[JobView]) -> Done:
    chosen = [job for job in jobs if job.state not in OVER]
    if not chosen:
        return Done("nothing to cancel: no such job waits or runs")
    problems = session.cancel(chosen, PATIENCE_S)
    late = sum(job.connector in problems for job in chosen)
    text = f"cancelling {_count(len(chosen))}"
    if late:
        text += f"; {_count(late)} at the next exchange with their host"
    return Done(text, _said(problems.values()))


def _retry(session: Session, jobs: Sequence[JobView]) -> Done:
    chosen = [job for job in jobs if job.state in AGAIN]
    if not chosen:
        return Done("nothing to try again: no job failed, was cancelled, lost or skipped")
    problems = session.retry(chosen, SEND_S)
    late = sum(job.connector in problems for job in chosen)
    text = f"{_count(len(chosen))} {'gets' if len(chosen) == 1 else 'get'} a new attempt"
    if late:
        text += f"; {_count(late)} will be sent at the next exchange with their host"
    return Done(text, _said(problems.values()))


def _pull(session: Session, jobs: Sequence[JobView], coming: Coming) -> Done:
    far = [job for job in jobs if not isinstance(session.spec(job.connector), LocalSpec)]
    if not far:
        return Done("its files are in place, on this machine")
    with coming.of(len(far)):
        found = pulling.pull(session, far, (), coming)
    files = sum(each.fetched.files for each in found)
    size = sum(each.fetched.bytes for each in found)
    problems = [text for each in found for text in each.fetched.problems]
    problems += [f"{path} is not there any more" for each in found for path in each.gone]
    return Done(f"{leaving.files(files, size)} came" if files else "nothing new", problems)


def _sync(session: Session) -> Done:
    problems = session.sync()
    return Done("asked all connectors" if not problems else "asked", _said(problems.values()))


def _said(problems: Iterable[XpmError]) -> Sequence[str]:
    return [str(each) for each in problems]


def _count(jobs: int) -> str:
    return f"{jobs} job{'' if jobs == 1 else 's'}"
