"""The one process of ours on a plain host: it starts jobs, waits for them and goes when there is nothing left to do.

It sleeps until a child ends (SIGCHLD) or for a moment, then advances. Whoever brings work writes it first, then looks
whether a supervisor lives; who leaves gives up its ownership first, then looks for work once more. So no work is
left lying.
"""

import os
import select
import signal
import sys
import time
from typing import Any, Dict, List

from xpm.agent import advance as advancing
from xpm.agent import place as places
from xpm.agent.board import Board
from xpm.agent.crew import Crew
from xpm.agent.owner import Owner
from xpm.wire import disks
from xpm.wire.workspace import Layout, found, require

LINGER_S = 3.0
"""How long it stays without work: the next job often comes soon."""
POLL_S = 0.04
KEEP_S = 5.0
FRESH_S = 15.0
REST_S = 0.03
TROUBLE_S = 1.0


def main(workspace: str, linger_s: float = LINGER_S) -> int:
    """Supervise a workspace until there is nothing to do; 0, also when somebody else does it."""
    layout, identity = found(workspace)
    content = places.read(layout)
    if content is None:
        sys.stderr.write("%s has no place.json: nobody has opened it\n" % workspace)
        return 1
    owner = Owner(layout.supervisor)
    while owner.take():
        supervisor = Supervisor(layout, content, identity, owner)
        supervisor.run(linger_s)
        supervisor.crew.close()
        owner.leave()
        if not supervisor.finds_work():
            break
    return 0


class Supervisor(object):
    """One term of office."""

    def __init__(
        self, layout: Layout, content: Dict[str, Any], identity: str, owner: Owner
    ) -> None:
        self.board = Board(layout, fresh_s=FRESH_S, rest_s=REST_S)
        self.crew = Crew(layout, content, identity)
        self._owner = owner
        self._layout = layout
        self._trouble = ""
        self._woken = _child_alarm()

    def run(self, linger_s: float) -> None:
        """Advance until there has been nothing to do for a while."""
        busy_at = time.monotonic()
        kept_at = busy_at
        while True:
            busy = self._advance()
            now = time.monotonic()
            if busy:
                busy_at = now
            elif now - busy_at >= linger_s:
                return
            if now - kept_at >= KEEP_S:
                kept_at = now
                if not self._keeps():
                    return
            self._sleep()

    def _keeps(self) -> bool:
        """Whether we are still who supervises; counts with the capacity of now."""
        try:
            require(self._layout)
            if not self._owner.keeps():
                return False
            content = places.read(self._layout)
        except OSError:  # the disk is away: nobody else can tell either
            return True
        if content is not None:
            self.crew.refit(content.get("capacity") or {})
        return True

    def _advance(self) -> bool:
        """Advance once; whether somebody must look again."""
        try:
            report = advancing.advance(self.board, self.crew, time.time(), 0.0)
        except OSError as error:  # the disk is full, or away: the next turn tries again
            if str(error) != self._trouble:
                sys.stderr.write("jobs cannot go on: %s\n" % disks.words(error, self._layout.root))
            self._trouble = str(error)
            time.sleep(TROUBLE_S)
            return True
        self._trouble = ""
        return report.busy

    def finds_work(self) -> bool:
        """Whether there is work after all."""
        self.board.refresh(time.time(), at_once=True)
        return self.board.has_work()

    def _sleep(self) -> None:
        ready, _, _ = select.select([self._woken, *self.crew.descriptors], [], [], POLL_S)
        if self._woken in ready:
            try:
                os.read(self._woken, 4096)
            except BlockingIOError:
                pass


_ALARM: List[int] = []


def _child_alarm() -> int:
    """A descriptor that becomes readable when a child ends."""
    if not _ALARM:
        read, write = os.pipe()
        for each in (read, write):
            os.set_blocking(each, False)
        signal.signal(signal.SIGCHLD, lambda signum, frame: None)
        signal.set_wakeup_fd(write)
        _ALARM.append(read)
    return _ALARM[0]
