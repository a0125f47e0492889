"""A host in memory: the agent runs in a thread of this process, and its link fails on demand.

Everything is real but the network and the interpreter's start: the exchange of connectors/far.py, frames, the agent,
the disk. For tests of what a cut does, at any byte.
"""

import contextlib
import os
import socket
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from xpm.connectors import far
from xpm.connectors.hosts import Host, Stream
from xpm.errors import HostUnreachable
from xpm.wire import travel

Serve = Callable[[str, str, int, int], None]
"""What answers: workspace, travel, and the file descriptors of requests and replies."""


def agent(workspace: str, name: str, source: int, target: int) -> None:
    """The real agent, without its signal handlers, which belong to a main thread."""
    from xpm.agent import serve
    from xpm.agent.service import Service

    out = serve.Output(target)
    out.message(0, {"hello": serve.hello(name)})
    serve.Loop(Service(name, workspace), source, out).run()


@dataclass(slots=True)
class Faults:
    """What shall happen to the next stream: after how many bytes in each direction its link is cut, or freezes."""

    sent: int | None = None
    received: int | None = None
    freezes: bool = False


class MemoryHost:
    """A host whose agent is a thread here."""

    def __init__(self, name: str, serve: Serve | None = None, noise: bytes = b"") -> None:
        self.name = name
        self.is_down = False
        """Whether new connections fail."""
        self.faults: list[Faults] = []
        """One for each stream to come; without any, links are sound."""
        self.streams: list[MemoryStream] = []
        """Every stream so far."""
        self._serve = serve or agent
        self._noise = noise

    def open(self, argv: Sequence[str]) -> Stream:
        """Start an agent; what the command says does not matter."""
        if self.is_down:
            raise HostUnreachable("cannot connect", on=self.name, cause="the test says so")
        ours, theirs = socket.socketpair()
        if self._noise:
            theirs.sendall(self._noise)
        stream = MemoryStream(ours, self.name, self.faults.pop(0) if self.faults else Faults())
        stream.thread = threading.Thread(target=self._run, args=(theirs,), daemon=True)
        stream.thread.start()
        self.streams.append(stream)
        return stream

    def cut(self) -> None:
        """Cut every link there is."""
        for stream in self.streams:
            stream.cut()

    def close(self) -> None:
        """End every stream, and wait for the agents to notice."""
        for stream in self.streams:
            stream.close()
            if stream.thread is not None:
                stream.thread.join(10)

    def _run(self, link: socket.socket) -> None:
        source, target = link.detach(), -1
        try:
            target = os.dup(source)
            with contextlib.suppress(ConnectionError):  # what a cut link is to the agent
                far.begin(
                    source, target, travel.unpack, lambda w, t: self._serve(w, t, source, target)
                )
        finally:
            for each in (source, target):
                with contextlib.suppress(OSError):  # the agent may have closed them itself
                    os.close(each)


class MemoryStream:
    """A socket pair that counts, cuts and freezes."""

    def __init__(self, link: socket.socket, name: str, faults: Faults) -> None:
        self.sent = 0
        self.received = 0
        self.frames_sent: list[int] = []
        """Where in what was sent a frame ended."""
        self.frames_received: list[int] = []
        self.thread: threading.Thread | None = None
        self._link = link
        self._name = name
        self._faults = faults
        self._is_closed = False
        self._flowing = threading.Event()
        self._flowing.set()

    def freeze(self) -> None:
        """Deliver nothing any more, in either direction, without an end in sight."""
        self._flowing.clear()

    def cut(self) -> None:
        """End both directions at once."""
        with contextlib.suppress(OSError):
            self._link.shutdown(socket.SHUT_RDWR)
        self._flowing.set()

    def read(self, size: int) -> bytes:
        """The next bytes from the agent."""
        left = None if self._faults.received is None else self._faults.received - self.received
        if left == 0 and not self._is_closed:
            self._fail()
            self._flowing.wait()
            return b""
        try:
            data = self._link.recv(size if left is None else min(size, left))
        except OSError:
            data = b""
        self._flowing.wait()
        self.received += len(data)
        if data:
            self.frames_received.append(self.received)
        return data

    def write(self, data: bytes) -> None:
        """Send to the agent, as far as the link lasts."""
        if not self._flowing.is_set():
            return  # into the socket's buffer, as far as the sender can tell
        last = None if self._faults.sent is None else self._faults.sent - self.sent
        try:
            self._link.sendall(data[:last])
        except OSError as error:
            raise HostUnreachable("the connection is lost", on=self._name) from error
        self.sent += len(data[:last])
        self.frames_sent.append(self.sent)
        if last is not None and last <= len(data):
            self._fail()
            if last < len(data) and not self._faults.freezes:
                raise HostUnreachable("the connection is lost", on=self._name)

    def _fail(self) -> None:
        if self._faults.freezes:
            self.freeze()
        else:
            self.cut()

    def close(self) -> None:
        """End both directions, also of what is frozen."""
        self._is_closed = True
        self.cut()
        self._link.close()

    def stderr(self) -> str:
        """Nothing: the agent's complaints go to this process."""
        return ""

    def exit_status(self) -> int | None:
        """Nobody can tell."""
        return None


_host: type[Host] = MemoryHost
_stream: type[Stream] = MemoryStream
