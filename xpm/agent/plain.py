"""A plain host, seen from whoever is not its supervisor: make sure there is one, and wake it."""

import os
import sys
from typing import Any, Dict, List, Mapping, Optional

from xpm.agent import place as places
from xpm.agent.detach import detach
from xpm.agent.environs import Environments
from xpm.agent.owner import Owner
from xpm.wire import files
from xpm.wire.workspace import Layout

_EVERY_S = 0.5
_PATIENCE_S = 5.0


class PlainPlace(object):
    """The place of a workspace whose jobs run on this very machine."""

    kind = "plain"
    delegates = True

    def __init__(self, layout: Layout, content: Dict[str, Any]) -> None:
        self.layout = layout
        self.content = content
        self.environments = Environments(layout, content)
        self._owner = Owner(layout.supervisor)
        self._ensured_at = float("-inf")
        self._started_at = float("-inf")

    def ensure(self, now: float) -> None:
        """Make sure a supervisor lives."""
        if abs(now - self._ensured_at) < _EVERY_S:
            return
        self._ensured_at = now
        if self._owner.is_there() or abs(now - self._started_at) < _PATIENCE_S:
            return
        self._started_at = now
        self._start(None)

    def replace(self) -> None:
        """Start a supervisor from a run that has lost its own; what this run was given (GPUs, modules) is not passed on."""
        if not self._owner.is_there():
            self._start(self.content.get("environ") or {})

    def _start(self, environ: Optional[Mapping[str, str]]) -> None:
        files.make_one(self.layout.supervisor)
        travel = places.travel_folder(self.layout, self.content)
        detach(
            [self.python(), travel, "supervise", self.layout.root],
            os.path.join(self.layout.supervisor, "log"),
            environ,
        )

    def wake(self) -> None:
        """Make the supervisor look at once."""
        path = os.path.join(self.layout.supervisor, "wake")
        try:
            with open(path, "ab"):
                os.utime(path, None)
        except FileNotFoundError:  # no supervisor has ever been here
            pass

    def python(self) -> str:
        """The Python that runs the supervisor."""
        return sys.executable or str(self.content.get("python") or "python3")

    def notes(self) -> List[str]:
        """What a person may want to know."""
        return self.environments.notes()
