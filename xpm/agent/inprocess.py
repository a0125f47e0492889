"""The agent of this very machine: the same verbs, called in process, by any thread."""

import threading
import time
from typing import Any, Callable, Dict, Tuple

from xpm.agent.service import Service

Message = Dict[str, Any]


class InProcess:
    """An agent without a pipe.

    One lock guards the service; an ``observe`` that waits lets go of it, so other threads' calls are answered
    meanwhile.

    Args:
        workspace: the folder it serves.
        travel: the archive that is unpacked there, for the jobs.
        clock: how time passes.
    """

    def __init__(
        self, workspace: str, travel: str, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._service = Service(travel, workspace)
        self._clock = clock
        self._changed = threading.Condition()
        self._nudges = 0

    def call(self, content: Message, payload: bytes = b"") -> Tuple[Message, bytes]:
        """The reply to a request; errors are replies too."""
        with self._changed:
            if content.get("verb") == "nudge":
                self._nudge()
            elif content.get("verb") == "observe":
                self._wait(content)
            reply = self._service.handle(content, payload)
            self._changed.notify_all()
            return reply

    def nudge(self) -> None:
        """Let an ``observe`` that waits return at once."""
        with self._changed:
            self._nudge()

    def close(self) -> None:
        """End whatever waits."""
        self._service.ended = True
        self.nudge()

    def _nudge(self) -> None:
        self._nudges += 1
        self._changed.notify_all()

    def _wait(self, request: Message) -> None:
        service = self._service
        ends_at = self._clock() + float(request.get("wait_s") or 0.0)
        nudges = self._nudges
        service.tick()
        while not service.has_news(request) and not service.ended and nudges == self._nudges:
            left = ends_at - self._clock()
            if left <= 0:
                return
            self._changed.wait(min(left, service.interval_s))
            service.tick()
