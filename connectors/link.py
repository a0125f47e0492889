"""The way to an agent on a host: opened when first needed, opened again when it broke.

Every verb but ``bye`` may be repeated (xpm/wire/messages.py: bundles are named by content, cancels are
exclusive files, offsets are explicit), so a call whose link breaks is made again on a new one, as far as patience goes.
"""

import contextlib
import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass

from xpm.connectors import bootstrap, waking
from xpm.connectors.answers import plain, shown, understood
from xpm.connectors.callers import Request
from xpm.connectors.client import AgentClient, Coming
from xpm.connectors.hosts import Host
from xpm.connectors.marks import Mark
from xpm.connectors.retrying import Patience, Retrying
from xpm.connectors.specs import UNLIMITED, Capacity
from xpm.errors import (
    Defect,
    DiskProblem,
    HostUnreachable,
    SiteProblem,
    UsageProblem,
    XpmError,
)
from xpm.wire import frames

GRACE_S = 120.0
"""How long the agent may take to answer, apart from what it was asked to wait. A frozen link is noticed before."""

WOKEN_S = 10.0
"""How long it may take to answer when this machine has slept: the network wakes up, too."""


@dataclass(frozen=True, slots=True)
class Place:
    """What the agent is told of the place when a connection opens."""

    workspace: str
    kind: str
    python: str | None = None
    capacity: Capacity = UNLIMITED
    options: Mapping[str, object] | None = None

    def opening(self, workspace: str) -> frames.Message:
        """The ``open`` request."""
        return {
            "verb": "open",
            "workspace": workspace,
            "kind": self.kind,
            "capacity": asdict(self.capacity),
            "python": self.python,
            "options": dict(self.options or {}),
        }


AHEAD = 3
"""How many streamed answers are under way: with 8 MB each, more than fits into any link."""

PUSHED = 32
"""How many requests with payloads are: a few megabytes, more than OpenSSH has under way at 40 ms."""

SETTLING = ("queue", "wanted")
"""After these, jobs of this main folder are in the workspace there: sent, or adopted."""

Streamed = tuple[frames.Message, Iterator[bytes]]


class Link:
    """A ``Caller`` over a host. Thread-safe."""

    def __init__(
        self,
        name: str,
        host: Host,
        place: Place,
        patience: Patience | None = None,
        sleep: Callable[[float], object] | None = None,
        grace_s: float = GRACE_S,
        watch: waking.Watch = waking.shared,
        mark: Mark | None = None,
    ) -> None:
        self.name = name
        self._host = host
        self._place = place
        self._closing = threading.Event()
        self._retrying = Retrying(patience or Patience(), self._closing, sleep)
        self._grace_s = grace_s
        self._mark = mark
        self._nudges = _Nudges()
        self._opening = threading.Lock()
        self._client: AgentClient | None = None
        self._opened: frames.Message = {}
        self._lives = 0
        self._watch = watch
        self._forget: Callable[[], None] | None = None

    @property
    def life(self) -> int:
        """How many connections there have been: a cursor is worth nothing in another life."""
        return self._lives

    @property
    def workspace(self) -> str:
        """The absolute path of the workspace there. Opens a connection when there never was one."""
        if not self._opened:
            self._retrying.run(self._alive)
        return str(self._opened["workspace"])

    def call(self, content: frames.Message, payload: bytes = b"") -> tuple[frames.Message, bytes]:
        """The agent's answer."""

        def attempt() -> tuple[frames.Message, bytes]:
            client = self._alive()
            timeout_s = self._grace_s + float(content.get("wait_s", 0))
            if content["verb"] != "observe":
                answer = checked(self.name, *client.call(content, payload, timeout_s))
                if content["verb"] in SETTLING and self._mark is not None:
                    self._mark.note(str(self._opened["id"]))
                return answer
            with self._nudges.observing(client) as on_sent:
                return checked(self.name, *client.call(content, payload, timeout_s, on_sent))

        return self._retrying.run(attempt)

    def stream(self, contents: Iterable[frames.Message]) -> Iterator[Streamed]:
        """The agent's answers, in order, some asked for ahead; not asked again when the link breaks."""
        client = self._retrying.run(self._alive)
        coming: deque[Coming] = deque()
        for content in contents:
            coming.append(client.begin(content, self._grace_s))
            if len(coming) == AHEAD:
                yield self._streamed(coming.popleft())
        while coming:
            yield self._streamed(coming.popleft())

    def push(self, requests: Iterable[Request]) -> Iterator[frames.Message]:
        """The agent's answers to requests with payloads, in order; not asked again when the link breaks."""
        client = self._retrying.run(self._alive)
        coming: deque[Coming] = deque()
        for content, payload in requests:
            coming.append(client.begin(content, self._grace_s, payload))
            if len(coming) == PUSHED:
                yield self._streamed(coming.popleft())[0]
        while coming:
            yield self._streamed(coming.popleft())[0]

    def _streamed(self, coming: Coming) -> Streamed:
        reply = coming.message()
        ok, _ = checked(self.name, reply, b"")
        return ok, coming.payload(int(reply.get("payload", 0)))

    def nudge(self) -> None:
        """Let the observe that waits, else the next one, answer at once."""
        self._nudges.nudge()

    def close(self) -> None:
        """End the connection for good; whoever waits or retries stops."""
        self._closing.set()
        if self._forget is not None:
            self._forget()
        client = self._client
        if client is not None:
            client.close()
        self._host.close()

    def _alive(self) -> AgentClient:
        """The open connection, made when there is none."""
        with self._opening:
            if self._closing.is_set():
                raise HostUnreachable("the connection was closed here", on=self.name)
            if self._forget is None:
                self._forget = self._watch.tell(self._woke)
            if self._client is None or not self._client.alive:
                self._client = self._connected()
                self._lives += 1
                if self._closing.is_set():  # by somebody who has not seen this one
                    self._client.close()
                    self._host.close()
            return self._client

    def _woke(self) -> None:
        """This machine has slept: find out now whether the link has outlived that, and ask for news if so."""
        client = self._client
        if client is not None and client.alive:
            threading.Thread(target=self._examine, args=(client,), daemon=True).start()

    def _examine(self, client: AgentClient) -> None:
        try:
            client.call({"verb": "nudge"}, timeout_s=WOKEN_S)
        except HostUnreachable:
            if client is self._client and not self._closing.is_set():
                self._host.close()

    def _connected(self) -> AgentClient:
        session = bootstrap.start(
            self._host,
            self._place.workspace,
            self._place.python,
            timeout_s=self._grace_s,
            known=self._mark,
        )
        client = AgentClient(session, self.name)
        try:
            request = self._place.opening(session.workspace)
            opened, _ = checked(self.name, *client.call(request, timeout_s=self._grace_s))
            with understood(self.name, "open"):
                self._opened = {"workspace": str(opened["workspace"]), "id": str(opened["id"])}
        except BaseException:
            client.close()
            raise
        return client


class _Nudges:
    """Sees to it that no nudge is lost, even one that comes just before its observe is on its way."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._kept = False
        self._observing: AgentClient | None = None

    def nudge(self) -> None:
        """Send a nudge after the observe that is on its way, or keep it for the next."""
        with self._lock:
            if self._observing is None:
                self._kept = True
            else:
                self._observing.post({"verb": "nudge"})

    @contextlib.contextmanager
    def observing(self, client: AgentClient) -> Iterator[Callable[[], None]]:
        """While an observe is made; gives what to call when it has been sent."""

        def on_sent() -> None:
            with self._lock:
                self._observing = client
                if self._kept:
                    self._kept = False
                    client.post({"verb": "nudge"})

        try:
            yield on_sent
        finally:
            with self._lock:
                self._observing = None


def checked(name: str, reply: frames.Message, payload: bytes) -> tuple[frames.Message, bytes]:
    """What a reply grants; raises what it refuses."""
    if isinstance(reply.get("ok"), dict):
        return reply["ok"], payload
    error = reply.get("error")
    if not isinstance(error, dict):
        raise Defect("the agent's answer cannot be understood", on=name, cause=shown(reply))
    kinds: dict[object, type[XpmError]] = {
        "usage": UsageProblem,
        "site": SiteProblem,
        "disk": DiskProblem,
        "busy": HostUnreachable,
    }
    kind = error.get("kind")
    raise kinds.get(kind if isinstance(kind, str) else "", Defect)(
        plain(error.get("message")), on=name, hint=plain(error.get("hint") or "")
    )
