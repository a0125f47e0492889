import socket
import threading
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

import pytest

from tests.contract.places import eventually
from xpm.connectors.bootstrap import Session
from xpm.connectors.client import AgentClient
from xpm.connectors.memory_host import Faults, MemoryStream
from xpm.errors import HostUnreachable
from xpm.wire import frames


class FarEnd:
    """The other end of a client's stream, played by the test."""

    def __init__(self) -> None:
        ours, self.link = socket.socketpair()
        self.stream = MemoryStream(ours, "far", Faults())
        self.client = AgentClient(Session(self.stream), "far")
        self.link.sendall(frames.MAGIC)
        self._decoder = frames.Decoder()
        self._decoder.feed(frames.MAGIC)
        self._assembler = frames.Assembler(frames.PUT_LIMIT)

    def requests(self, count: int) -> list[tuple[int, frames.Message, bytes]]:
        """The next requests."""
        found: list[tuple[int, frames.Message, bytes]] = []
        while len(found) < count:
            for frame in self._decoder.feed(self.link.recv(65536)):
                found += self._assembler.feed(frame)
        return found

    def close(self) -> None:
        self.client.close()
        self.link.close()


@pytest.fixture
def far() -> Iterator[FarEnd]:
    found = FarEnd()
    yield found
    found.close()


def test_several_calls_are_in_flight_and_answered_in_any_order(far: FarEnd) -> None:
    with ThreadPoolExecutor(3) as pool:
        calls = [pool.submit(far.client.call, {"verb": "v", "n": n}) for n in range(3)]
        for request, content, _ in reversed(far.requests(3)):
            far.link.sendall(frames.message(request, {"ok": {"n": content["n"]}}))

        assert [call.result(60)[0]["ok"]["n"] for call in calls] == [0, 1, 2]


def test_payloads_go_both_ways(far: FarEnd) -> None:
    raw = bytes(range(256)) * 4096
    with ThreadPoolExecutor(1) as pool:
        call = pool.submit(far.client.call, {"verb": "put"}, raw)
        [(request, content, payload)] = far.requests(1)
        assert (len(raw), raw) == (content["payload"], payload)
        far.link.sendall(frames.message(request, {"ok": {}, "payload": 5}))
        far.link.sendall(b"".join(frames.chunks(request, b"hello")))

        assert call.result(60)[1] == b"hello"


def test_a_short_call_overtakes_a_long_payload(far: FarEnd) -> None:
    chunks = 20
    with ThreadPoolExecutor(2) as pool:
        put = pool.submit(far.client.call, {"verb": "put"}, b"x" * (chunks * frames.CHUNK))
        begun = far.link.recv(1)  # the payload is on its way, and no socket takes all of it
        cancel = pool.submit(far.client.call, {"verb": "cancel"})
        eventually(lambda: far.client._turns._messages == 1)  # it is next
        decoder = frames.Decoder()
        order: list[int] = []
        decoder.feed(frames.MAGIC + begun)
        while len(order) < chunks + 2:
            order += [frame.kind for frame in decoder.feed(far.link.recv(65536))]
        far.link.close()
        for call in (put, cancel):
            with pytest.raises(HostUnreachable):
                call.result(60)

    assert order[:1] == [frames.MESSAGE]
    assert frames.MESSAGE in order[1 : chunks // 2]


def test_the_end_of_the_link_fails_every_call_with_the_unknown(far: FarEnd) -> None:
    with ThreadPoolExecutor(3) as pool:
        calls = [pool.submit(far.client.call, {"verb": "v"}) for _ in range(3)]
        far.requests(3)
        far.link.close()

        for call in calls:
            with pytest.raises(HostUnreachable, match="connection is lost") as caught:
                call.result(60)
            assert caught.value.transient
    assert not far.client.alive


def test_after_the_end_a_call_fails_at_once(far: FarEnd) -> None:
    far.link.close()
    with pytest.raises(HostUnreachable):
        far.client.call({"verb": "v"}, timeout_s=60)

    with pytest.raises(HostUnreachable):
        far.client.call({"verb": "v"})


def test_a_link_that_takes_no_request_has_ended_whether_or_not_the_reader_noticed() -> None:
    ours, theirs = socket.socketpair()
    client = AgentClient(Session(OneWay(ours, "far", Faults(sent=0))), "far")

    with pytest.raises(HostUnreachable):
        client.call({"verb": "v"})

    assert not client.alive
    theirs.close()


class OneWay(MemoryStream):
    """A stream whose end of output does not show at its input, until it is closed."""

    def cut(self) -> None:
        pass

    def close(self) -> None:
        super().cut()
        super().close()


def test_bytes_that_are_no_frames_end_the_link(far: FarEnd) -> None:
    with ThreadPoolExecutor(1) as pool:
        call = pool.submit(far.client.call, {"verb": "v"})
        far.requests(1)
        far.link.sendall(b"Connection to far closed by remote host.\n")

        with pytest.raises(HostUnreachable) as caught:
            call.result(60)
    assert "garbled" in caught.value.cause


def test_silence_past_the_time_ends_the_link(far: FarEnd) -> None:
    with pytest.raises(HostUnreachable, match="does not answer"):
        far.client.call({"verb": "v"}, timeout_s=0.05)

    assert not far.client.alive


def test_closing_here_ends_calls_that_wait(far: FarEnd) -> None:
    with ThreadPoolExecutor(1) as pool:
        call = pool.submit(far.client.call, {"verb": "v"})
        far.requests(1)
        threading.Thread(target=far.client.close).start()

        with pytest.raises(HostUnreachable):
            call.result(60)


def test_an_answer_that_comes_as_the_link_is_given_up_disturbs_nobody(
    far: FarEnd, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Late(Future[Any]):
        def set_result(self, result: Any) -> None:
            far.client.close()
            super().set_result(result)

    monkeypatch.setattr("xpm.connectors.client.Future", Late)
    with ThreadPoolExecutor(1) as pool:
        call = pool.submit(far.client.call, {"verb": "v"})
        [(request, _, _)] = far.requests(1)
        far.link.sendall(frames.message(request, {"ok": {}}))

        with pytest.raises(HostUnreachable):
            call.result(60)
    far.client._reader.join(60)  # what it raises fails this test


def test_an_answer_nobody_waits_for_is_dropped(far: FarEnd) -> None:
    far.client.post({"verb": "nudge"})
    [(request, content, _)] = far.requests(1)
    assert content["verb"] == "nudge"

    far.link.sendall(frames.message(request, {"ok": {}}))
    with ThreadPoolExecutor(1) as pool:
        call = pool.submit(far.client.call, {"verb": "v"})
        [(request, _, _)] = far.requests(1)
        far.link.sendall(frames.message(request, {"ok": {"fine": True}}))

        assert call.result(60)[0]["ok"]["fine"]
