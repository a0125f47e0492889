"""Opening, looking at and leaving an experiment in steps, as cells of a notebook do."""

import atexit
from collections.abc import Sequence
from typing import TYPE_CHECKING

from xpm.follow.session import Session
from xpm.follow.views import JobView

if TYPE_CHECKING:
    from typing import Self

    from xpm.follow.events import Event

_started: "list[Interactive]" = []
"""The experiments that were started and not closed, in this process; used from the plan's thread."""


class Interactive:
    """What an experiment does when it is not opened by ``with``; see ``xpm.experiment``."""

    _session: Session
    _place: tuple[str, str]
    """The main folder and the name."""

    def start(self) -> "Self":
        """Open it without ``with``; the experiment itself. One of that name that was started before is closed.

        For notebooks: cells submit, ``update()`` looks, ``wait()`` waits, ``close()`` ends it. Jobs go on by
        themselves meanwhile, and after the notebook has gone.
        """
        for each in [each for each in _started if each._place == self._place]:
            each.close()
        self._open()
        _started.append(self)
        atexit.register(self.close)
        return self

    def update(self) -> "Self":
        """Take what is known of the jobs now, without waiting, and call back who is due; the experiment itself."""
        self._session.hurry()
        self._hear_all()
        self._call_back()
        return self

    def close(self) -> None:
        """End it here, without waiting: what was submitted is sent and goes on. Once closed, nothing happens."""
        if self in _started:
            _started.remove(self)
            atexit.unregister(self.close)
            self._leave_alone()

    def _repr_html_(self) -> str:
        from xpm._notebook import experiment_html

        if self in _started:
            self._hear_all()
        main, name = self._place
        return experiment_html(name, main, self._views())

    def _hear_all(self) -> None:
        """Take the events that have come."""
        while (event := self._session.next(0.0)) is not None:
            self._take(event)

    def _open(self) -> None:
        raise NotImplementedError

    def _take(self, event: "Event") -> None:
        raise NotImplementedError

    def _call_back(self) -> None:
        raise NotImplementedError

    def _leave_alone(self) -> None:
        raise NotImplementedError

    def _views(self) -> Sequence[JobView]:
        raise NotImplementedError
