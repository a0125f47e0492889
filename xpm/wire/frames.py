"""Frames: how messages and raw bytes share one pipe, behind any banner.

Version 1. A stream starts with MAGIC (bytes no shell prints: the reader drops whatever precedes it),
then holds frames::

    kind    1 byte    1 message, 2 chunk
    id      4 bytes   big endian; a reply carries its request's id
    length  4 bytes   big endian
    body    length bytes

A *message* is one UTF-8 JSON object. A message with ``"payload": n`` is followed, under the same id, by
chunks of 1 to CHUNK bytes that add up to n; other ids' frames may come in between, so a
cancel never waits behind a big pull.

Neither side believes the other: whatever comes, what is kept of it stays below a few times LIMIT, and bytes that are
no such frames end the conversation (``FrameError``).
"""

import json
import struct
from typing import Any, Dict, Iterator, List, NamedTuple, Tuple

VERSION = 1
MAGIC = b"\x93XPM\x1a\r\n\x01"
MESSAGE = 1
CHUNK_KIND = 2
CHUNK = 256 * 1024
LIMIT = 64 * 1024 * 1024
"""The most bytes of one message, and of the payload of an answer."""
PUT_LIMIT = 256 * 1024 * 1024
"""The most bytes of the payload of a request: a file of a project (xpm/sync/snapshot.py) is sent in one."""
MOST_OPEN = 64
"""So many payloads may be on their way at once."""
MOST_VALUES = 8 * 1024 * 1024
"""So many values a message may hold: each takes many times its bytes once it is parsed."""
_HEADER = struct.Struct("!BII")

Message = Dict[str, Any]
Frame = NamedTuple("Frame", [("kind", int), ("id", int), ("body", bytes)])


class FrameError(Exception):
    """The bytes are not frames: the two sides no longer understand each other."""


def message(request_id: int, content: Message) -> bytes:
    """The bytes of one message frame."""
    body = json.dumps(content, separators=(",", ":"), ensure_ascii=True).encode("ascii")
    if len(body) > LIMIT:
        raise FrameError("a message of %d bytes is over the limit of %d" % (len(body), LIMIT))
    return _HEADER.pack(MESSAGE, request_id, len(body)) + body


def chunks(request_id: int, payload: bytes) -> Iterator[bytes]:
    """The frames that carry a payload."""
    for start in range(0, len(payload), CHUNK):
        piece = payload[start : start + CHUNK]
        yield _HEADER.pack(CHUNK_KIND, request_id, len(piece)) + piece


class Decoder:
    """Turns received bytes into frames, whatever the pieces they come in.

    Before MAGIC has been seen, bytes are noise (kept, at most 64 KiB, for error messages).
    """

    def __init__(self) -> None:
        self.noise = b""
        self.started = False
        self._buffer = bytearray()

    def feed(self, data: bytes) -> List[Frame]:
        """The frames completed by these bytes.

        Raises:
            FrameError: an impossible header.
        """
        self._buffer += data
        if not self.started and not self._find_magic():
            return []
        frames: List[Frame] = []
        while True:
            if len(self._buffer) < _HEADER.size:
                return frames
            kind, request_id, length = _HEADER.unpack_from(self._buffer)
            if not _is_frame(kind, length):
                raise FrameError("not a frame: kind %d, %d bytes" % (kind, length))
            end = _HEADER.size + length
            if len(self._buffer) < end:
                return frames
            frames.append(Frame(kind, request_id, bytes(self._buffer[_HEADER.size : end])))
            del self._buffer[:end]

    def _find_magic(self) -> bool:
        at = self._buffer.find(MAGIC)
        drop = at if at >= 0 else max(0, len(self._buffer) - len(MAGIC) + 1)
        self.noise = (self.noise + bytes(self._buffer[:drop]))[-65536:]
        del self._buffer[:drop]
        if at < 0:
            return False
        del self._buffer[: len(MAGIC)]
        self.started = True
        return True


def _is_frame(kind: int, length: int) -> bool:
    if kind == CHUNK_KIND:
        return 0 < length <= CHUNK
    return kind == MESSAGE and length <= LIMIT


class Assembler:
    """Joins messages with their payloads: feed frames, get (id, message, payload).

    Args:
        most: the most bytes of a payload.
    """

    def __init__(self, most: int = LIMIT) -> None:
        self._most = most
        self._open: Dict[int, Tuple[Message, bytearray, int]] = {}
        self._announced = 0  # bytes of all open payloads, as they were announced

    def feed(self, frame: Frame) -> List[Tuple[int, Message, bytes]]:
        """What this frame completes: nothing, or one message with its payload.

        Raises:
            FrameError: a chunk nobody announced, a message that is no JSON object, or too much of anything.
        """
        if frame.kind == MESSAGE:
            content = parse(frame.body)
            size = payload_of(content, self._most)
            if not size:
                return [(frame.id, content, b"")]
            self._announce(frame.id, size)
            self._open[frame.id] = (content, bytearray(), size)
            return []
        if frame.id not in self._open:
            raise FrameError("a chunk for request %d, which announced none" % frame.id)
        content, payload, size = self._open[frame.id]
        if len(payload) + len(frame.body) > size:
            raise FrameError("more payload than announced for request %d" % frame.id)
        payload += frame.body
        if len(payload) < size:
            return []
        del self._open[frame.id]
        self._announced -= size
        return [(frame.id, content, bytes(payload))]

    def _announce(self, request_id: int, size: int) -> None:
        if request_id in self._open:
            raise FrameError("a second payload for request %d" % request_id)
        self._announced += size
        if len(self._open) >= MOST_OPEN or self._announced > 2 * self._most:
            raise FrameError("more payloads at once than anybody asks for")


def payload_of(content: Message, most: int) -> int:
    """How many bytes of payload a message announces.

    Raises:
        FrameError: no number of bytes, or over ``most``.
    """
    size = content.get("payload", 0)
    if type(size) is not int or not 0 <= size <= most:  # True is no number
        raise FrameError("a message announces a payload of %.40r bytes" % (size,))
    return size


def parse(body: bytes) -> Message:
    """The content of a message frame.

    Raises:
        FrameError: it is no JSON object, or an outrageous one.
    """
    values = body.count(b",") + body.count(b"[") + body.count(b"{")
    if values > MOST_VALUES:
        raise FrameError(
            "a message of some %d values is over the limit of %d" % (values, MOST_VALUES)
        )
    try:
        content = json.loads(body.decode("utf-8"))
    except (ValueError, RecursionError) as error:
        raise FrameError("a message is no JSON: %.200s" % error) from error
    if not isinstance(content, dict):
        raise FrameError("a message is no JSON object")
    return content
