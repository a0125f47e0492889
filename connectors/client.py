"""The laptop's end of the agent's pipe: several calls in flight over one stream.

One thread reads; callers write frame by frame, so that a short call overtakes a long payload. When the link ends, every
call that waits ends with ``HostUnreachable``: whether its request took effect is unknown.
"""

import contextlib
import itertools
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future, InvalidStateError
from queue import Empty, SimpleQueue

from xpm.connectors.answers import plain
from xpm.connectors.bootstrap import Session
from xpm.errors import HostUnreachable
from xpm.wire import frames

Answer = tuple[frames.Message, bytes]


class Coming:
    """A reply on its way, whose payload is read as it arrives. For one thread."""

    def __init__(
        self,
        name: str,
        most: int,
        timeout_s: float | None,
        give_up: Callable[[str], None],
    ) -> None:
        self._name = name
        self._most = most
        self._timeout_s = timeout_s
        self._give_up = give_up
        self._arrived: SimpleQueue[frames.Frame | HostUnreachable] = SimpleQueue()
        self.left: int | None = None
        """How many bytes of its payload lack; None before its message. Kept by whoever delivers."""

    def deliver(self, frame: frames.Frame) -> None:
        """A frame of it has arrived.

        Raises:
            FrameError: it is not the one to expect.
        """
        if frame.kind == frames.MESSAGE and self.left is None:
            self.left = frames.payload_of(frames.parse(frame.body), self._most)
        elif frame.kind == frames.CHUNK_KIND and self.left:
            frames.check_chunk(len(frame.body), self.left)
            self.left -= len(frame.body)
        else:
            raise frames.FrameError("more of an answer than it announced")
        self._arrived.put(frame)

    def fail(self, error: HostUnreachable) -> None:
        """No more will arrive."""
        self._arrived.put(error)

    def message(self) -> frames.Message:
        """The message.

        Raises:
            HostUnreachable: it did not arrive.
        """
        return frames.parse(self._next().body)

    def payload(self, size: int) -> Iterator[bytes]:
        """The payload piece by piece, of so many bytes.

        Raises:
            HostUnreachable: less than that arrived; what did was given before.
        """
        while size > 0:
            piece = self._next().body
            size -= len(piece)
            yield piece

    def _next(self) -> frames.Frame:
        try:
            found = self._arrived.get(timeout=self._timeout_s)
        except Empty:
            cause = f"waited {self._timeout_s:g} s"
            self._give_up(cause)
            raise HostUnreachable("the agent does not answer", on=self._name, cause=cause) from None
        if isinstance(found, HostUnreachable):
            raise found
        return found


class AgentClient:
    """Calls the agent at the other end of a session. Thread-safe."""

    def __init__(self, session: Session, name: str) -> None:
        self._session = session
        self._name = name
        self._ids = itertools.count(1)
        self._turns = _Turns()
        self._state = threading.Lock()
        self._pending: dict[int, Future[Answer]] = {}
        self._unanswered: set[int] = set()
        self._coming: dict[int, Coming] = {}
        self._end: HostUnreachable | None = None
        self._reader = threading.Thread(target=self._read, daemon=True, name=f"xpm-read-{name}")
        self._reader.start()

    @property
    def alive(self) -> bool:
        """Whether the link has not been seen to end."""
        return self._end is None

    def call(
        self,
        content: frames.Message,
        payload: bytes = b"",
        timeout_s: float | None = None,
        on_sent: Callable[[], None] | None = None,
    ) -> Answer:
        """Send a request and wait for its reply; ``on_sent`` is called in between.

        Raises:
            HostUnreachable: no answer: the link ended, or nothing came in time. The request may have taken effect.
        """
        future: Future[Answer] = Future()
        with self._state:
            if self._end is not None:
                raise _again(self._end)
            request = next(self._ids)
            self._pending[request] = future
            self._unanswered.add(request)
        if payload:
            content = {**content, "payload": len(payload)}
        try:
            self._try_to_send(request, content, payload)
            if on_sent is not None:
                on_sent()
            return future.result(timeout_s)
        except TimeoutError as error:
            self._finish(f"no answer to {content.get('verb')!r} within {timeout_s:g} s")
            raise HostUnreachable(
                "the agent does not answer", on=self._name, cause=f"waited {timeout_s:g} s"
            ) from error
        finally:
            with self._state:
                self._pending.pop(request, None)

    def begin(
        self, content: frames.Message, timeout_s: float | None = None, payload: bytes = b""
    ) -> Coming:
        """Send a request whose reply is read as it arrives.

        Raises:
            HostUnreachable: the link ended.
        """
        most = min(frames.LIMIT, int(content.get("limit", frames.LIMIT)))
        coming = Coming(self._name, most, timeout_s, self._finish)
        with self._state:
            if self._end is not None:
                raise _again(self._end)
            request = next(self._ids)
            self._coming[request] = coming
        if payload:
            content = {**content, "payload": len(payload)}
        self._try_to_send(request, content, payload)
        return coming

    def post(self, content: frames.Message) -> None:
        """Send a request whose reply does not matter; a link that ended is no matter either."""
        with self._state:
            request = next(self._ids)
            self._unanswered.add(request)
        with contextlib.suppress(HostUnreachable):
            self._send(request, content, b"")

    def close(self) -> None:
        """End the link; calls that wait fail."""
        self._finish("closed here")

    def _try_to_send(self, request: int, content: frames.Message, payload: bytes) -> None:
        """Send, or end the link: the reader may notice only later that it broke."""
        try:
            self._send(request, content, payload)
        except HostUnreachable as error:
            self._finish(error.cause or error.what)
            raise

    def _send(self, request: int, content: frames.Message, payload: bytes) -> None:
        with self._turns.message():
            self._session.stream.write(frames.message(request, content))
        for piece in frames.chunks(request, payload):
            with self._turns.chunk():
                self._session.stream.write(piece)

    def _read(self) -> None:
        assembler = frames.Assembler()
        cause = ""
        try:
            while (frame := self._session.next_frame()) is not None:
                coming = self._coming.get(frame.id)
                if coming is not None:
                    self._deliver(coming, frame)
                    continue
                self._check(frame.id)
                for request, content, payload in assembler.feed(frame):
                    self._answer(request, content, payload)
        except frames.FrameError as error:
            cause = f"garbled: {error}"
        finally:
            said = self._session.stream.stderr().strip().splitlines()
            self._finish(cause or (plain(said[-1]) if said else "the stream ended"))

    def _check(self, request: int) -> None:
        """Each request is answered once, and nothing comes unasked: a flood of answers has an end."""
        with self._state:
            if request not in self._unanswered:
                raise frames.FrameError(f"an answer to request {request}, which nobody has made")

    def _answer(self, request: int, content: frames.Message, payload: bytes) -> None:
        with self._state:
            self._unanswered.discard(request)
            future = self._pending.get(request)
        if future is not None:
            with contextlib.suppress(InvalidStateError):  # the link has been given up meanwhile
                future.set_result((content, payload))

    def _deliver(self, coming: Coming, frame: frames.Frame) -> None:
        coming.deliver(frame)
        if coming.left == 0:
            with self._state:
                self._coming.pop(frame.id, None)

    def _finish(self, cause: str) -> None:
        with self._state:
            if self._end is None:
                self._end = HostUnreachable("the connection is lost", on=self._name, cause=cause)
            waiting = list(self._pending.values())
            coming = list(self._coming.values())
            self._coming.clear()
        self._session.stream.close()
        for future in waiting:
            with contextlib.suppress(InvalidStateError):  # it has been answered meanwhile
                future.set_exception(_again(self._end))
        for each in coming:
            each.fail(_again(self._end))


class _Turns:
    """Who may write next: one at a time, messages before chunks.

    A plain lock would let a long payload win every time.
    """

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._busy = False
        self._messages = 0

    @contextlib.contextmanager
    def message(self) -> Iterator[None]:
        """A turn to write a message."""
        with self._changed:
            self._messages += 1
            self._changed.wait_for(lambda: not self._busy)
            self._messages -= 1
            self._busy = True
        yield from self._turn()

    @contextlib.contextmanager
    def chunk(self) -> Iterator[None]:
        """A turn to write a chunk."""
        with self._changed:
            self._changed.wait_for(lambda: not self._busy and not self._messages)
            self._busy = True
        yield from self._turn()

    def _turn(self) -> Iterator[None]:
        try:
            yield
        finally:
            with self._changed:
                self._busy = False
                self._changed.notify_all()


def _again(end: HostUnreachable) -> HostUnreachable:
    """A fresh exception per caller: a shared one would gather everybody's tracebacks."""
    return HostUnreachable(end.what, on=end.on, cause=end.cause, hint=end.hint)
