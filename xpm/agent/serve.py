"""The agent at the far end of a pipe: frames in, frames out, one thread, one select.

An ``observe`` that waits blocks nobody: it is put aside until there is news (and as long after as it asks for, so that
more news travels together), its time is over, or a nudge comes. Replies are written as the pipe takes them, messages
before chunks, so that a big pull never delays the answer to a cancel. At the end of its input the agent ends. It ignores
SIGHUP and SIGPIPE: what it has begun it finishes, within seconds.
"""

import getpass
import os
import select
import signal
import sys
import time
from collections import deque
from typing import Any, Deque, Dict, Iterator, List, NamedTuple, Optional

from xpm.agent.service import Service
from xpm.wire import frames
from xpm.wire.messages import PROTOCOL

Message = Dict[str, Any]
READ = 256 * 1024


class Waiting(NamedTuple):
    """An ``observe`` put aside."""

    id: int
    request: Message
    ends_at: float
    gather_s: float
    """Seconds to wait for more, from the first news on."""
    heard: bool
    """Whether there is news."""


def main(
    workspace: str,
    travel: str,
    source: int = 0,
    target: int = 1,
    started: bool = False,
) -> int:
    """Serve until the input ends; the exit code.

    Args:
        workspace: the one that the verb ``open`` will open.
        travel: the archive this program comes from.
        source: where requests arrive.
        target: where replies go.
        started: whether MAGIC has been sent already.
    """
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    signal.signal(signal.SIGPIPE, signal.SIG_IGN)
    if target == 1:
        target = _own_stdout()
    out = Output(target)
    if not started:
        out.raw(frames.MAGIC)
    out.message(0, {"hello": hello(travel)})
    service = Service(travel, workspace)
    Loop(service, source, out).run()
    service.finish()
    return 0


def hello(travel: str) -> Message:
    """What the agent says first."""
    return {
        "protocol": PROTOCOL,
        "python": list(sys.version_info[:3]),
        "pid": os.getpid(),
        "host": os.uname().nodename,
        "user": _user(),
        "home": os.path.expanduser("~"),
        "time": time.time(),
        "travel": travel,
    }


class Output:
    """Frames on their way out; nothing here blocks."""

    def __init__(self, target: int) -> None:
        self.target = target
        os.set_blocking(target, False)
        self._now = memoryview(b"")
        self._urgent: Deque[bytes] = deque()
        self._bulk: Deque[Iterator[bytes]] = deque()
        self._waiting: Deque[Iterator[bytes]] = deque()

    def raw(self, data: bytes) -> None:
        """Bytes that are no frame."""
        self._urgent.append(data)

    def message(
        self, request_id: int, content: Message, payload: bytes = b"", in_turn: bool = False
    ) -> None:
        """A message, with its payload behind it.

        ``in_turn``: the payload leaves after all earlier ones that do, so that a cut costs only what was under way.
        """
        if payload:
            content = dict(content, payload=len(payload))
        self._urgent.append(_encoded(request_id, content))
        if not payload:
            return
        chunks = frames.chunks(request_id, payload)
        if not in_turn:
            self._bulk.append(chunks)
            return
        if not self._waiting:
            self._bulk.append(self._in_turn())
        self._waiting.append(chunks)

    def _in_turn(self) -> Iterator[bytes]:
        while self._waiting:
            for chunk in self._waiting[0]:
                yield chunk
            self._waiting.popleft()

    @property
    def is_empty(self) -> bool:
        """Whether everything is written."""
        return not (self._now or self._urgent or self._bulk)

    def write(self) -> None:
        """Write what the pipe takes.

        Raises:
            BrokenPipeError: nobody reads any more.
        """
        while self._now or self._next():
            try:
                self._now = self._now[os.write(self.target, self._now) :]
            except BlockingIOError:
                return

    def _next(self) -> bool:
        if self._urgent:
            self._now = memoryview(self._urgent.popleft())
            return True
        while self._bulk:
            chunks = self._bulk.popleft()
            for chunk in chunks:
                self._now = memoryview(chunk)
                self._bulk.append(chunks)  # behind the others: big pulls share the pipe
                return True
        return False


class Loop:
    """Reads requests, ticks, answers."""

    def __init__(
        self, service: Service, source: int, out: Output, clock: Any = time.monotonic
    ) -> None:
        self._service = service
        self._source = source
        self._out = out
        self._clock = clock
        self._decoder = frames.Decoder()
        self._decoder.feed(frames.MAGIC)  # on this side of the pipe nothing precedes the frames
        self._assembler = frames.Assembler(frames.PUT_LIMIT)
        self._waiting: List[Waiting] = []
        self._tick_at = 0.0

    def run(self) -> None:
        """Until the input ends, or nobody reads, or ``bye``."""
        try:
            while not (self._service.ended and self._out.is_empty):
                if not self._turn():
                    return
        except (BrokenPipeError, ConnectionResetError):
            return  # the laptop is gone; it will come back with another agent
        except frames.FrameError as error:
            sys.stderr.write("xpm agent: %s\n" % error)

    def _turn(self) -> bool:
        writing = [] if self._out.is_empty else [self._out.target]
        ready, writable, _ = select.select([self._source], writing, [], self._pause())
        if ready:
            data = os.read(self._source, READ)
            if not data:
                return False
            self._receive(data)
        if self._clock() >= self._tick_at:
            self._service.tick()
            self._tick_at = self._clock() + self._service.interval_s
        self._answer_waiting()
        if writable or not writing:
            self._out.write()
        return True

    def _pause(self) -> float:
        moments = [self._tick_at, *(each.ends_at for each in self._waiting)]
        return max(0.0, float(min(moments) - self._clock()))

    def _receive(self, data: bytes) -> None:
        for frame in self._decoder.feed(data):
            for request_id, content, payload in self._assembler.feed(frame):
                self._take(request_id, content, payload)

    def _take(self, request_id: int, content: Message, payload: bytes) -> None:
        verb = content.get("verb")
        if verb == "observe":
            ends_at = self._clock() + _seconds(content, "wait_s")
            gather_s = _seconds(content, "gather_s")
            self._waiting.append(Waiting(request_id, content, ends_at, gather_s, False))
            return
        reply, out = self._service.handle(content, payload)
        self._out.message(request_id, reply, out, in_turn=verb == "pull")
        if verb in ("nudge", "bye"):
            self._waiting = [each._replace(ends_at=0.0) for each in self._waiting]

    def _answer_waiting(self) -> None:
        now = self._clock()
        waiting, self._waiting = self._waiting, []
        for each in waiting:
            if not each.heard and self._service.has_news(each.request):
                each = each._replace(ends_at=min(each.ends_at, now + each.gather_s), heard=True)
            if now >= each.ends_at:
                self._out.message(each.id, *self._service.handle(each.request, b""))
            else:
                self._waiting.append(each)


def _seconds(request: Message, name: str) -> float:
    said = request.get(name)
    return float(said) if isinstance(said, (int, float)) else 0.0


def _encoded(request_id: int, content: Message) -> bytes:
    try:
        return frames.message(request_id, content)
    except frames.FrameError as error:
        hint = "ask for fewer jobs at once"
        refusal = {"kind": "usage", "message": str(error), "hint": hint}
        return frames.message(request_id, {"error": refusal})


def _own_stdout() -> int:
    """The pipe of stdout for frames alone; whatever else prints goes to stderr."""
    own = os.dup(1)
    os.dup2(2, 1)
    return own


def _user() -> Optional[str]:
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # a uid without a name
        return None
