"""The connector that is this machine: the agent runs in this process, on the main folder itself."""

import sys
from pathlib import Path

from xpm.agent.inprocess import InProcess

from xpm.connectors.link import Place, checked
from xpm.connectors.remote import AgentConnector
from xpm.connectors.specs import LocalSpec
from xpm.errors import SiteProblem
from xpm.wire import frames, travel


class LocalConnector(AgentConnector):
    """Jobs run here, as processes of this user; they outlive this process."""

    def __init__(self, spec: LocalSpec, main: Path) -> None:
        super().__init__(spec.name, _Here(spec, main), mirrors=False)


class _Here:
    """The agent in this process."""

    life = 1

    def __init__(self, spec: LocalSpec, main: Path) -> None:
        self._spec = spec
        self._main = main
        self._agent: InProcess | None = None

    @property
    def workspace(self) -> str:
        """The main folder."""
        return str(self._main.absolute())

    def call(self, content: frames.Message, payload: bytes = b"") -> tuple[frames.Message, bytes]:
        """The agent's answer."""
        return checked(self._spec.name, *self._open().call(content, payload))

    def nudge(self) -> None:
        """Let an observe that waits answer at once."""
        if self._agent is not None:
            self._agent.nudge()

    def close(self) -> None:
        """Nothing stays open; an observe that waits answers at once."""
        self.nudge()

    def _open(self) -> InProcess:
        if self._agent is None:
            sha12, raw = travel.archive()
            try:
                travel.unpack(raw, str(self._main.absolute() / ".xpm" / "travel"), sha12)
            except OSError as error:
                raise SiteProblem(
                    "cannot prepare the main folder",
                    on=self.workspace,
                    cause=str(error),
                    hint="choose a folder you may write (--workdir)",
                ) from error
            agent = InProcess(self.workspace, sha12)
            python = self._spec.python or sys.executable
            place = Place(self.workspace, "plain", python, self._spec.jobs)
            checked(self._spec.name, *agent.call(place.opening(self.workspace)))
            self._agent = agent
        return self._agent
