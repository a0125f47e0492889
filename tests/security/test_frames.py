"""Whatever bytes come, they are frames or end the conversation, and little of them is kept."""

import contextlib
import json
import struct
from collections.abc import Callable, Iterator

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.connectors.test_client import FarEnd
from tests.disks.desk import eventually
from xpm.errors import HostUnreachable
from xpm.wire import frames

HEADER = struct.Struct("!BII")
SMALL = st.integers(0, 40)
FRAMES = st.tuples(
    st.sampled_from([0, 1, 1, 1, 2, 2, 3, 255]), st.integers(0, 3), st.binary(max_size=40)
).map(lambda each: HEADER.pack(each[0], each[1], len(each[2])) + each[2])
ANNOUNCED = st.one_of(
    st.none(), st.booleans(), st.text(max_size=3), st.floats(), st.integers(-3, 60),
    st.integers(2**31, 2**80),
)  # fmt: skip
MESSAGES = st.tuples(st.integers(0, 3), ANNOUNCED).map(
    lambda each: message(each[0], {"payload": each[1]})
)


def message(request: int, content: object) -> bytes:
    body = json.dumps(content).encode()
    return HEADER.pack(1, request, len(body)) + body


def chunk(request: int, body: bytes) -> bytes:
    return HEADER.pack(2, request, len(body)) + body


def received(data: bytes) -> list[tuple[int, frames.Message, bytes]]:
    decoder, assembler = frames.Decoder(), frames.Assembler()
    decoder.feed(frames.MAGIC)
    return [found for frame in decoder.feed(data) for found in assembler.feed(frame)]


@given(st.lists(st.one_of(FRAMES, MESSAGES, st.binary(max_size=30)), max_size=12), SMALL)
def test_any_bytes_are_frames_or_a_frame_error(pieces: list[bytes], size: int) -> None:
    decoder, assembler = frames.Decoder(), frames.Assembler()
    stream = frames.MAGIC + b"".join(pieces)
    step = size + 1
    with contextlib.suppress(frames.FrameError):
        for start in range(0, len(stream), step):
            for frame in decoder.feed(stream[start : start + step]):
                for request, content, payload in assembler.feed(frame):
                    assert isinstance(content, dict)
                    assert len(payload) == int(content.get("payload") or 0)
                    assert 0 <= request


@pytest.mark.parametrize(
    ("what", "data"),
    [
        ("deep nesting", lambda: HEADER.pack(1, 1, 200_000) + b'{"a":' + b"[" * 199_995),
        ("a huge number", lambda: raw(b'{"a":' + b"9" * 100_000 + b"}")),
        ("a message too long", lambda: HEADER.pack(1, 1, frames.LIMIT + 1)),
        ("a chunk too long", lambda: message(1, {"payload": 9}) + HEADER.pack(2, 1, frames.CHUNK + 1)),
        ("a chunk without bytes", lambda: message(1, {"payload": 9}) + chunk(1, b"")),
        ("a payload too long", lambda: message(1, {"payload": frames.LIMIT + 1})),
        ("a payload of less than nothing", lambda: message(1, {"payload": -1})),
        ("a payload of text", lambda: message(1, {"payload": "9"})),
        ("a payload of yes", lambda: message(1, {"payload": True})),
        ("more payload than announced", lambda: message(1, {"payload": 2}) + chunk(1, b"abc")),
        ("a chunk nobody announced", lambda: chunk(7, b"abc")),
        ("two payloads of one request", lambda: 2 * message(1, {"payload": 2})),
        ("many payloads at once", lambda: b"".join(message(n, {"payload": 1}) for n in range(99))),
        ("payloads that are too much together", lambda: b"".join(message(n, {"payload": frames.LIMIT}) for n in range(3))),
        ("no object", lambda: raw(b"[]")),
        ("no JSON", lambda: raw(b"\xff\xfe")),
        ("another kind", lambda: HEADER.pack(9, 1, 0)),
    ],
)  # fmt: skip
def test_what_breaks_the_rules_is_refused_in_words(what: str, data: Callable[[], bytes]) -> None:
    with pytest.raises(frames.FrameError) as caught:
        received(data())

    assert 10 < len(str(caught.value)) < 400, what


def raw(body: bytes) -> bytes:
    return HEADER.pack(1, 1, len(body)) + body


def test_a_message_of_more_values_than_any_needs_is_refused_before_it_is_parsed() -> None:
    body = b'{"a":[' + b"[]," * (frames.MOST_VALUES // 2) + b"[]]}"
    assert len(body) < frames.LIMIT

    with pytest.raises(frames.FrameError, match="values"):
        received(raw(body))


def test_a_payload_in_tiny_pieces_is_refused_at_the_first() -> None:
    size = 3 * frames.CHUNK
    whole = b"".join(chunk(1, b"x" * frames.CHUNK) for _ in range(3))
    assert [(1, {"payload": size}, b"x" * size)] == received(message(1, {"payload": size}) + whole)

    with pytest.raises(frames.FrameError, match="where 786432 lack"):
        received(message(1, {"payload": size}) + chunk(1, b"x"))


def test_noise_without_an_end_is_not_kept() -> None:
    decoder = frames.Decoder()

    for _ in range(100):
        decoder.feed(b"motd " * 20_000)

    assert len(decoder.noise) <= 65536
    assert len(decoder._buffer) < 100


@pytest.fixture
def far() -> Iterator[FarEnd]:
    found = FarEnd()
    yield found
    found.close()


@pytest.mark.parametrize("request_id", [0, 2, 99, 2**32 - 1])
def test_an_answer_to_what_nobody_asked_ends_the_link(far: FarEnd, request_id: int) -> None:
    far.link.sendall(message(request_id, {"ok": {}}))

    eventually(lambda: not far.client.alive)
    with pytest.raises(HostUnreachable, match="nobody has made"):
        far.client.call({"verb": "v"})


@settings(max_examples=30, deadline=None)
@given(st.lists(st.one_of(FRAMES, MESSAGES), min_size=1, max_size=6))
def test_whatever_an_agent_answers_a_call_ends(pieces: list[bytes]) -> None:
    far = FarEnd()
    try:
        far.link.sendall(b"".join(pieces))
        far.link.shutdown(1)
        with contextlib.suppress(HostUnreachable):
            answer, _ = far.client.call({"verb": "v"}, timeout_s=60)
            assert isinstance(answer, dict)
    finally:
        far.close()
