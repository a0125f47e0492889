"""What a link that breaks at any moment does to jobs: nothing."""

import itertools
import sys
import threading
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.contract import places
from tests.contract.places import entry, in_memory, ref, until
from xpm.connectors.base import Snapshot
from xpm.connectors.hosts import Stream
from xpm.connectors.link import Link, Place
from xpm.connectors.memory_host import Faults, MemoryHost, MemoryStream
from xpm.connectors.remote import AgentConnector
from xpm.connectors.retrying import Patience
from xpm.connectors.specs import Capacity
from xpm.errors import HostUnreachable
from xpm.wire import ledger

pytestmark = pytest.mark.host
ONCE = Patience(attempts=1)
CODE = "open('out.bin', 'wb').write(b'x' * 300_000); print('done')"


@pytest.fixture
def shot(tmp_path: Path) -> Snapshot:
    return places.snapshot(tmp_path / "project")


@pytest.fixture
def host() -> Iterator[MemoryHost]:
    found = MemoryHost("memory")
    yield found
    found.close()


def nothing(*counts: int) -> None:
    """Progress nobody looks at."""


def exchange(connector: AgentConnector, shot: Snapshot, main: Path) -> None:
    """The whole life of two jobs over one connector, safe to begin again at any point."""
    connector.stage(shot, nothing)
    connector.submit([entry("a", CODE, shot), entry("b", "pass", shot, parents=["a"])])
    until(connector, ["a", "b"])
    for each in connector.fetch([ref("a"), ref("b")], str(main), nothing):
        assert list(each.problems) == []


def again(host: MemoryHost, root: Path, shot: Snapshot, main: Path) -> int:
    """Begin again, like a laptop that comes back, until it has worked; how often the link broke."""
    breaks = 0
    while True:
        connector = in_memory(host, root, ONCE)
        try:
            exchange(connector, shot, main)
            return breaks
        except HostUnreachable:
            breaks += 1
        finally:
            connector.close()


def check(root: Path, main: Path) -> None:
    """Every job took effect once, and all of it is here."""
    for name in ("a", "b"):
        job = Path(ledger.job_folder(str(root), ref(name).task, ref(name).job))
        mirror = Path(ledger.job_folder(str(main), ref(name).task, ref(name).job))
        assert len((job / "effects").read_text().splitlines()) == 1
        for path in ("stdout", "effects", ".xpm/a1.1", ".xpm/a1.2"):
            assert (job / path).read_bytes() == (mirror / path).read_bytes()
    assert (mirror_of(main, "a") / "out.bin").read_bytes() == b"x" * 300_000


def mirror_of(main: Path, name: str) -> Path:
    return Path(ledger.job_folder(str(main), ref(name).task, ref(name).job))


def lengths(tmp_path: Path, shot: Snapshot) -> MemoryStream:
    """The stream of one undisturbed exchange, for its byte counts."""
    host = MemoryHost("memory")
    connector = in_memory(host, tmp_path / "calm", ONCE)
    exchange(connector, shot, tmp_path / "calm-main")
    connector.close()
    host.close()
    return host.streams[0]


@pytest.mark.parametrize("direction", ["sent", "received"])
def test_a_cut_anywhere_loses_and_doubles_nothing(
    tmp_path: Path, shot: Snapshot, direction: str
) -> None:
    calm = lengths(tmp_path, shot)
    total = calm.sent if direction == "sent" else calm.received
    frames = calm.frames_sent if direction == "sent" else calm.frames_received
    breaks = 0

    for count, point in enumerate(points(frames, total)):
        at, length, is_hit = point, total, False
        while not is_hit:
            folder = tmp_path / f"{count}-{at}"
            host = MemoryHost("memory")
            host.faults = [
                Faults(at if direction == "sent" else None, at if direction == "received" else None)
            ]

            broke = again(host, folder / "far", shot, folder / "main")

            check(folder / "far", folder / "main")
            first = host.streams[0]
            host.close()
            assert broke in (0, 1)
            breaks += broke
            went = first.sent if direction == "sent" else first.received
            is_hit = went >= at
            # A busy machine asks less often, so that the end comes before the cut: as far along on that shorter way, then.
            at, length = at * went // length, went

    assert breaks > count // 2  # a cut within the goodbye is no break


def points(ends: list[int], total: int) -> list[int]:
    """Where to cut: just before, at and just after the end of each frame, thinned to what a test may take."""
    found = sorted({at + shift for at in ends for shift in (-1, 0, 1) if 0 <= at + shift < total})
    step = max(1, len(found) // 14)
    return found[::step]


def test_many_cuts_in_a_row_cost_time_only(tmp_path: Path, shot: Snapshot) -> None:
    host = MemoryHost("memory")
    host.faults = [Faults(received=size) for size in (10, 100, 400, 900, 2000, 5000, 20_000)]

    again(host, tmp_path / "far", shot, tmp_path / "main")

    check(tmp_path / "far", tmp_path / "main")
    host.close()


def test_a_connector_with_patience_heals_by_itself(tmp_path: Path, shot: Snapshot) -> None:
    host = MemoryHost("memory")
    host.faults = [Faults(sent=at) for at in (5, 300, 1000, 3000)]
    connector = in_memory(host, tmp_path / "far", Patience(attempts=10))

    exchange(connector, shot, tmp_path / "main")

    check(tmp_path / "far", tmp_path / "main")
    assert len(host.streams) == 5
    connector.close()
    host.close()


def test_after_a_reconnection_an_old_cursor_still_tells_everything_once(
    host: MemoryHost, tmp_path: Path, shot: Snapshot
) -> None:
    connector = in_memory(host, tmp_path / "far", Patience(attempts=3))
    connector.stage(shot, nothing)
    connector.submit([entry("a", "pass", shot)])
    until(connector, ["a"])
    news = connector.observe(None, [ref("a")], 0)

    host.cut()
    after = connector.observe(news.cursor, [ref("a")], 0)

    assert [ref("a")] == [each.ref for each in after.changes]
    connector.close()


def test_a_link_that_freezes_before_the_agent_has_said_hello_is_given_up(
    host: MemoryHost, tmp_path: Path
) -> None:
    host.faults = [Faults(received=100, freezes=True)]
    place = Place(str(tmp_path / "far"), "plain", None, Capacity(2))
    link = Link("memory", host, place, ONCE, lambda seconds: None, 0.5)

    with pytest.raises(HostUnreachable):
        link.call({"verb": "probe"})
    link.close()


class Noisy:
    """A host whose first stream says something else, once, behind so many frames."""

    def __init__(self, host: MemoryHost, frame: int, noise: bytes) -> None:
        self.name = host.name
        self._host = host
        self._frame = frame
        self._noise = noise

    def open(self, argv: Sequence[str]) -> Stream:
        """Open it; only the first one is noisy."""
        stream = self._host.open(argv)
        if stream is self._host.streams[0]:
            read = stream.read

            def noisy(size: int) -> bytes:
                if self._noise and len(self._host.streams[0].frames_received) == self._frame:
                    noise, self._noise = self._noise, b""
                    return noise
                return read(size)

            stream.read = noisy  # type: ignore[method-assign]
        return stream

    def close(self) -> None:
        """End every stream."""
        self._host.close()


def impatient_with_the_first(link: Link, host: MemoryHost, grace_s: float) -> None:
    """Let a link give its first connection up soon, and no other: a busy machine may take long to answer."""
    patient_s, link._grace_s = link._grace_s, grace_s
    start = host.open

    def opened(argv: Sequence[str]) -> Stream:
        if host.streams:
            link._grace_s = patient_s
        return start(argv)

    host.open = opened  # type: ignore[method-assign]


@pytest.mark.parametrize(
    "noise",
    [
        b"\n",
        b"slurm_load_jobs error: Unable to contact slurm controller\r\n",
        b"\xff" * 9000,
        b"\0" * 9,
    ],
    ids=["a newline", "a message", "many bytes", "zeros"],
)
@pytest.mark.parametrize("frame", [6, 9])
def test_noise_between_frames_is_a_broken_link_and_heals(
    host: MemoryHost, tmp_path: Path, shot: Snapshot, noise: bytes, frame: int
) -> None:
    place = Place(str(tmp_path / "far"), "plain", sys.executable, Capacity(2))
    noisy = Noisy(host, frame, noise)
    link = Link("memory", noisy, place, Patience(attempts=5), lambda seconds: None)
    impatient_with_the_first(link, host, 2.0)  # noise may look like the begin of a long frame
    connector = AgentConnector("memory", link)

    exchange(connector, shot, tmp_path / "main")

    check(tmp_path / "far", tmp_path / "main")
    assert len(host.streams) == 2
    connector.close()


def test_a_cut_while_observing_is_told_at_once(host: MemoryHost, tmp_path: Path) -> None:
    connector = in_memory(host, tmp_path / "far", ONCE)
    cursor = connector.observe(None, [], 0).cursor
    host.is_down = True

    threading.Timer(0.2, host.cut).start()
    with ThreadPoolExecutor(1) as pool:
        observing = pool.submit(connector.observe, cursor, [], 600)

        assert isinstance(observing.exception(60), HostUnreachable)
    connector.close()


def test_a_frozen_agent_is_given_up_and_asked_again(tmp_path: Path) -> None:
    host = MemoryHost("memory")
    place = Place(str(tmp_path / "far"), "plain", None, Capacity(2))
    link = Link("memory", host, place, Patience(attempts=2), lambda s: None)
    connector = AgentConnector("memory", link)
    connector.probe()
    impatient_with_the_first(link, host, 0.5)

    host.streams[0].freeze()

    assert connector.probe()
    assert len(host.streams) == 2
    connector.close()
    host.close()


def test_jobs_start_while_the_link_is_down(
    host: MemoryHost, tmp_path: Path, shot: Snapshot
) -> None:
    connector = in_memory(host, tmp_path / "far", ONCE)
    connector.stage(shot, nothing)
    names = [f"j{n}" for n in range(4)]
    chain = [entry(names[0], "pass", shot)]
    chain += [entry(b, "pass", shot, parents=[a]) for a, b in itertools.pairwise(names)]
    connector.submit(chain)

    host.cut()
    last = Path(ledger.job_folder(str(tmp_path / "far"), ref("j3").task, ref("j3").job))
    places.eventually(lambda: (last / ".xpm" / "a1.2").exists())

    assert {"done"} == {each.state for each in until(connector, names).values()}
    connector.close()


def test_a_closed_connector_stops_trying(tmp_path: Path) -> None:
    host = MemoryHost("memory")
    host.is_down = True
    place = Place(str(tmp_path / "far"), "plain")
    slept: list[float] = []

    def sleep(seconds: float) -> None:
        slept.append(seconds)
        if len(slept) == 3:
            connector.close()

    link = Link("memory", host, place, Patience(attempts=None), sleep)
    connector = AgentConnector("memory", link)

    with pytest.raises(HostUnreachable):
        connector.probe()
    assert len(slept) == 3


def test_a_connection_that_was_closed_while_it_was_made_does_not_stay(tmp_path: Path) -> None:
    class Closing(MemoryHost):
        def open(self, argv: Sequence[str]) -> Stream:
            connector.close()
            return super().open(argv)

    host = Closing("memory")
    connector = in_memory(host, tmp_path / "far", ONCE)

    with pytest.raises(HostUnreachable):
        connector.probe()

    assert [True] == [each._is_closed for each in host.streams]
    host.close()
