"""How far a host is: round trip, bytes a second each way, difference of clocks; over the connection that is open, a few MB."""

import os
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass

from xpm.connectors.hosts import Host, Stream

ECHOES = 5
BYTES = 4_000_000
FIRST = 256_000
SLOW_S = 2.0
"""When the first part took longer than this, that is measure enough."""
MOST_S = 20.0
PIECE = 64 * 1024
_ECHO = 'while read l; do case $l in t) date +%s.%N;; *) echo "$l";; esac; done'


@dataclass(frozen=True, slots=True)
class Distance:
    """What was measured; None: it did not work there."""

    round_trip_s: float | None
    ahead_s: float | None
    """How much later it is there."""
    down: float | None
    """Bytes a second."""
    up: float | None


def measure(host: Host, clock: Callable[[], float] = time.time) -> Distance:
    """The distance of a host. Raises ``HostProblem`` when no command can be started there."""
    trip, ahead = _echoes(host, clock)
    return Distance(trip, ahead, _down(host), _up(host))


def _echoes(host: Host, clock: Callable[[], float]) -> tuple[float | None, float | None]:
    with _Bounded(host, _ECHO) as stream:
        trips: list[float] = []
        ahead: float | None = None
        if not _answer(stream, b"x0\n"):
            return None, None
        for number in range(ECHOES):
            began = time.monotonic()
            if not _answer(stream, b"x%d\n" % (number + 1)):
                break
            trips.append(time.monotonic() - began)
        before = clock()
        said = _answer(stream, b"t\n")
        after = clock()
        try:
            ahead = float(said) - (before + after) / 2
        except ValueError:  # a date(1) of another kind
            ahead = None
    return (min(trips) if trips else None), ahead


def _answer(stream: Stream, line: bytes) -> bytes:
    """The line that comes back; noise of the login before it is passed over."""
    stream.write(line)
    text = b""
    while data := stream.read(4096):
        text += data
        if text.endswith(b"\n") and (line == b"t\n" or text.endswith(line)):
            return text.splitlines()[-1]
    return b""


def _down(host: Host) -> float | None:
    """The rate of a first part, and of a larger one when that came quickly."""
    rate = _received(host, FIRST)
    if rate is None or FIRST / rate > SLOW_S:
        return rate
    return _received(host, BYTES) or rate


def _received(host: Host, size: int) -> float | None:
    with _Bounded(host, f"echo; echo %; head -c {size} /dev/urandom") as stream:
        began, count = 0.0, 0
        while data := stream.read(PIECE):
            if not began:
                began = time.monotonic()
                continue
            count += len(data)
        elapsed = time.monotonic() - began
    return count / elapsed if count and elapsed > 0 else None


def _up(host: Host) -> float | None:
    rate = _sent(host, FIRST)
    if rate is None or FIRST / rate > SLOW_S:
        return rate
    return _sent(host, BYTES) or rate


def _sent(host: Host, size: int) -> float | None:
    with _Bounded(host, f"echo ready; head -c {size} >/dev/null; echo done") as stream:
        text = b""
        while b"ready" not in text:
            data = stream.read(4096)
            if not data:
                return None
            text += data
        began, piece = time.monotonic(), os.urandom(PIECE)
        for at in range(0, size, PIECE):
            stream.write(piece[: size - at])
        text = b""
        while b"done" not in text:
            data = stream.read(4096)
            if not data:
                return None
            text += data
        return size / (time.monotonic() - began)


class _Bounded:
    """A command there, closed after some seconds whatever it does."""

    def __init__(self, host: Host, script: str) -> None:
        self._stream = host.open(["sh", "-c", script])
        self._fuse = threading.Timer(MOST_S, self._stream.close)
        self._fuse.daemon = True
        self._fuse.start()

    def __enter__(self) -> Stream:
        return self._stream

    def __exit__(self, *error: object) -> None:
        self._fuse.cancel()
        self._stream.close()
