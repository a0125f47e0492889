import threading
from collections.abc import Callable

import pytest

from tests.contract.places import eventually
from xpm.connectors.link import Link, Place
from xpm.connectors.memory_host import MemoryHost
from xpm.connectors.retrying import Patience
from xpm.connectors.waking import Clocks, Watch, read, slept_s

AWAKE = Clocks(wall=1000.0, monotonic=50.0, since_boot=50.0)


@pytest.mark.parametrize(
    ("after", "slept"),
    [
        (Clocks(1002.0, 52.0, 52.0), 0.0),
        (Clocks(1602.0, 52.0, 652.0), 600.0),
        (Clocks(1002.0, 52.0, 652.0), 600.0),  # somebody has set the wall clock back meanwhile
        (Clocks(1602.0, 52.0, 52.0), 600.0),  # a virtual machine that was saved and restored
        (Clocks(1602.0, 52.0, None), 600.0),  # macOS
        (Clocks(400.0, 52.0, 52.0), 0.0),  # the wall clock was set back
        (Clocks(1602.0, 652.0, 652.0), 0.0),  # stopped (SIGSTOP), or simply late
    ],
)
def test_a_sleep_is_what_only_some_clocks_have_seen(after: Clocks, slept: float) -> None:
    assert slept == pytest.approx(slept_s(AWAKE, after))


def test_the_clocks_of_this_machine_agree() -> None:
    readings = [(read(), read()) for _ in range(10)]

    assert min(slept_s(*each) for each in readings) < 1.0  # we may be kept waiting within a reading


class Machine:
    """Clocks that a test lets sleep."""

    def __init__(self) -> None:
        self.asleep_s = 0.0
        self.looks = 0

    def __call__(self) -> Clocks:
        self.looks += 1
        return Clocks(self.looks + self.asleep_s, float(self.looks), self.looks + self.asleep_s)


def test_whoever_wants_to_know_is_told_once_and_no_more_after_that() -> None:
    machine = Machine()
    watch = Watch(machine, every_s=0.01)
    told = threading.Semaphore(0)
    forget = watch.tell(told.release)
    eventually(lambda: machine.looks > 2)

    machine.asleep_s = 3600.0

    assert told.acquire(timeout=60)
    looks = machine.looks
    eventually(lambda: machine.looks > looks + 2)
    assert not told.acquire(blocking=False)
    forget()
    eventually(lambda: watch._thread is None)
    machine.asleep_s = 7200.0
    forget = watch.tell(lambda: None)
    assert not told.acquire(timeout=0.1)
    forget()


@pytest.fixture
def linked(tmp_path: object) -> Callable[..., tuple[Link, MemoryHost, Machine]]:
    def make(**more: object) -> tuple[Link, MemoryHost, Machine]:
        machine, host = Machine(), MemoryHost("memory")
        place = Place(str(tmp_path), "plain")
        watch = Watch(machine, every_s=0.01)
        return Link("memory", host, place, Patience(attempts=5), watch=watch), host, machine

    return make


def observing(link: Link) -> threading.Thread:
    """An observe that waits in another thread, on its way when this returns."""
    asked: dict[str, object] = {"verb": "observe", "cursor": None, "jobs": [], "wait_s": 600.0}
    cursor = link.call({**asked, "wait_s": 0.0})[0]["cursor"]
    waiting = threading.Thread(target=link.call, args=({**asked, "cursor": cursor},))
    waiting.start()
    eventually(lambda: link._nudges._observing is not None)
    return waiting


@pytest.mark.host
def test_after_a_sleep_news_are_asked_for_at_once(
    linked: Callable[..., tuple[Link, MemoryHost, Machine]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("xpm.connectors.link.WOKEN_S", 60.0)  # a busy machine is slow to answer
    link, host, machine = linked()
    waiting = observing(link)

    machine.asleep_s = 3600.0

    waiting.join(60)
    assert not waiting.is_alive()
    assert link.life == 1  # the link had outlived it
    link.close()
    host.close()


@pytest.mark.host
def test_after_a_sleep_a_link_that_has_died_is_made_again_at_once(
    linked: Callable[..., tuple[Link, MemoryHost, Machine]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("xpm.connectors.link.WOKEN_S", 0.2)
    link, host, machine = linked()
    waiting = observing(link)
    host.streams[-1].freeze()

    machine.asleep_s = 3600.0

    eventually(lambda: link.life == 2)  # not after the minutes that it takes to give a link up
    link.nudge()
    waiting.join(60)
    assert not waiting.is_alive()
    link.close()
