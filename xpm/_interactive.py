"""Opening, looking at and leaving an experiment in steps, as cells of a notebook do."""

import atexit
from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING

from xpm._between import EVERY_S, Between
from xpm._notebook import Interrupted, NotebookObserver, experiment_html, kernel
from xpm._notify import Notified
from xpm.errors import PlanProblem
from xpm.follow.observer import Observer, summary
from xpm.follow.session import Session
from xpm.follow.views import JobView
from xpm.plan import places

if TYPE_CHECKING:
    from typing import Self

    import pandas as pd

    from xpm._deciding import Deciding
    from xpm._jobs import Job
    from xpm.follow.events import Event
    from xpm.metrics.table import Result

_started: "list[Interactive]" = []
"""The experiments that were started and not closed, in this process; used from the plan's thread."""


class Interactive:
    """What an experiment does when it is not opened by ``with``; see ``xpm.experiment``."""

    _session: Session
    _deciding: "Deciding"
    _observer: Notified
    _shows: Observer
    _place: tuple[str, str]
    """The main folder and the name."""
    _between: Between | None = None
    _broken: Exception | None = None
    """What was raised between cells: raised again where somebody can see it."""

    def start(self) -> "Self":
        """Open it without ``with``; the experiment itself. One of that name that was started before is closed.

        For notebooks: cells submit, ``update()`` looks, ``wait()`` waits, ``close()`` ends it. Jobs go on by
        themselves meanwhile, and after the notebook has gone.
        """
        for each in [each for each in _started if each._place == self._place]:
            each.close()
        if kernel() is not None:
            from xpm._courier import Courier  # scripts need none

            self._observer.courier = Courier()
        self._open()
        _started.append(self)
        atexit.register(self.close)
        if kernel() is not None:
            self._between = Between(self._look)
        return self

    def update(self) -> "Self":
        """Take what is known of the jobs now, without waiting, and call back who is due; the experiment itself."""
        self._raise_broken()
        self._session.hurry()
        self._hear_all()
        self._call_back()
        self._settle()
        return self

    def close(self) -> None:
        """End it here, without waiting: what was submitted is sent and goes on. Once closed, nothing happens."""
        if self in _started:
            _started.remove(self)
            atexit.unregister(self.close)
            if self._between is not None:
                self._between.stop()
            self._leave_alone()

    def results(self) -> "pd.DataFrame | Sequence[Result]":
        """What the jobs measured that are done, their files here: tags and metrics, one row per job.

        A pandas DataFrame where pandas is installed, else a list of rows with ``job task state tags metrics path``. What is
        read is what ``xpm results`` reads. Call ``wait()`` before, for all of them.
        """
        from xpm._leaving import note_reused
        from xpm._results import results

        if self._is_started:
            note_reused(self._session, self._deciding)
        return results(self._session, self._place[1])

    @property
    def _is_started(self) -> bool:
        return self in _started

    def _settle(self) -> None:
        """Have it told to whom the profile says that all jobs are over, if they are; and said here what could not be told."""
        if self._is_started and self._is_over(None):
            self._observer.settled()

    def _look(self) -> bool:
        """Take what has come, between cells; whether to look again."""
        shows = self._shows
        if isinstance(shows, NotebookObserver):
            shows.is_between = True
        try:
            self._hear_all()
            self._refresh()
            self._settle()
        except Exception as error:  # noqa: BLE001  nobody is there to be told: the next cell is
            self._broken = error
        finally:
            if isinstance(shows, NotebookObserver):
                shows.is_between = False
        return self._broken is None

    @property
    def _pause_s(self) -> float | None:
        """Seconds after which to refresh what is shown while nothing is heard."""
        return EVERY_S if isinstance(self._shows, NotebookObserver) else None

    def _refresh(self) -> None:
        if isinstance(self._shows, NotebookObserver):
            self._shows.refresh()

    def _refresh_all(self) -> None:
        """While a cell waits for this one: keep the others current too."""
        self._refresh()
        if self._pause_s is not None:
            for each in [each for each in _started if each is not self and each._broken is None]:
                each._look()

    def _rather_words(self) -> None:
        """In a notebook, end an interrupted cell with words: there is no process to end, and no line to look for."""
        if kernel() is not None:
            again = "`xp.wait()`" if self._is_started else "running the cell again"
            raise Interrupted(self._place[1], again) from None

    def _begin_to_wait(self) -> None:
        """Have the cell that waits show the experiment, whether or not there will be news."""
        self._raise_broken()
        if self._is_started and isinstance(self._shows, NotebookObserver):
            self._shows.show_here()

    def _raise_broken(self) -> None:
        error, self._broken = self._broken, None
        if error is not None:
            if kernel() is not None:
                self._between = Between(self._look)
            raise error

    def _ipython_display_(self) -> None:
        if not self._is_started or not isinstance(self._shows, NotebookObserver):
            raise NotImplementedError  # IPython asks for the HTML, or the text, then
        self._hear_all()
        self._shows.show_here()

    if not TYPE_CHECKING:  # type checkers know what it has

        def __getattr__(self, name):
            if name in ("submit", "run", "launch"):
                raise PlanProblem(
                    f"an experiment has no {name}()",
                    hint="task.submit() within its block has a task run",
                    where=places.show(places.caller()),
                )
            raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}")

    def __repr__(self) -> str:
        main, name = self._place
        counts = summary(Counter(job.state for job in self._views()))
        return f"<experiment {name} in {main}: {counts or 'no jobs'}>"

    def _repr_html_(self) -> str:
        if self._is_started:
            self._hear_all()
        main, name = self._place
        return experiment_html(name, main, self._views())

    def _hear_all(self) -> None:
        """Take the events that have come."""
        while (event := self._session.next(0.0)) is not None:
            self._take(event)
        self._follow_retried()

    def _open(self) -> None:
        raise NotImplementedError

    def _take(self, event: "Event") -> None:
        raise NotImplementedError

    def _follow_retried(self) -> None:
        raise NotImplementedError

    def _is_over(self, job: "Job | None") -> bool:
        raise NotImplementedError

    def _call_back(self) -> None:
        raise NotImplementedError

    def _leave_alone(self) -> None:
        raise NotImplementedError

    def _views(self) -> Sequence[JobView]:
        raise NotImplementedError
