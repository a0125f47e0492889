"""The connector that is this machine: the agent runs in this process, on the main folder itself."""

import sys
import threading
import time
from collections.abc import Iterable, Iterator
from pathlib import Path

from xpm.agent.inprocess import InProcess
from xpm.connectors.callers import Request
from xpm.connectors.link import Place, checked
from xpm.connectors.remote import AgentConnector
from xpm.connectors.specs import LocalSpec
from xpm.errors import SiteProblem
from xpm.wire import frames, travel

SLICE_S = 1.0


class LocalConnector(AgentConnector):
    """Jobs run here, as processes of this user; they outlive this process."""

    def __init__(self, spec: LocalSpec, main: Path) -> None:
        super().__init__(spec.name, Here(spec, main), mirrors=False)


class Here:
    """A ``Caller``: the agent in this process. Thread-safe."""

    life = 1

    def __init__(self, spec: LocalSpec, main: Path) -> None:
        self._spec = spec
        self._main = main
        self._lock = threading.Lock()
        self._agent: InProcess | None = None
        self._nudged = threading.Event()

    @property
    def workspace(self) -> str:
        """The main folder."""
        return str(self._main.absolute())

    def call(self, content: frames.Message, payload: bytes = b"") -> tuple[frames.Message, bytes]:
        """The agent's answer."""
        agent = self._open()
        if content["verb"] == "observe":
            return self._observe(agent, content)
        return checked(self._spec.name, *agent.call(content, payload))

    def stream(
        self, contents: Iterable[frames.Message]
    ) -> Iterator[tuple[frames.Message, Iterator[bytes]]]:
        """The agent's answers, one after the other."""
        for content in contents:
            answer, payload = self.call(content)
            yield answer, iter([payload])

    def push(self, requests: Iterable[Request]) -> Iterator[frames.Message]:
        """The agent's answers, one after the other."""
        for content, payload in requests:
            yield self.call(content, payload)[0]

    def nudge(self) -> None:
        """Let the observe that waits, else the next one, answer at once."""
        self._nudged.set()
        if self._agent is not None:
            self._agent.nudge()

    def close(self) -> None:
        """Nothing stays open; an observe that waits answers at once."""
        self.nudge()

    def _observe(self, agent: InProcess, content: frames.Message) -> tuple[frames.Message, bytes]:
        """Waits in slices, so that a nudge just before the agent waits is not lost for long."""
        ends_at = time.monotonic() + content["wait_s"]
        while True:
            left = 0.0 if self._nudged.is_set() else ends_at - time.monotonic()
            request = {**content, "wait_s": max(0.0, min(left, SLICE_S))}
            answer, _ = checked(self._spec.name, *agent.call(request))
            told = answer["cursor"] != content["cursor"] or answer["changes"] or answer["notes"]
            if told or left <= 0 or self._nudged.is_set():
                self._nudged.clear()
                return answer, b""

    def _open(self) -> InProcess:
        with self._lock:
            if self._agent is None:
                agent = InProcess(self.workspace, self._unpacked())
                python = self._spec.python or sys.executable
                options = self._spec.keeping.options
                place = Place(self.workspace, "plain", python, self._spec.capacity, options)
                checked(self._spec.name, *agent.call(place.opening(self.workspace)))
                self._agent = agent
            return self._agent

    def _unpacked(self) -> str:
        """The archive of this xpm, put where jobs find it; its name."""
        name, raw = travel.archive()
        try:
            travel.unpack(raw, str(self._main.absolute() / ".xpm" / "travel"), name)
        except OSError as error:
            raise SiteProblem(
                "cannot prepare the main folder",
                on=self.workspace,
                cause=error.strerror or str(error),
                hint="choose a folder you may write, with room on its disk (--workdir)",
            ) from error
        return name
