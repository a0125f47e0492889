"""Links as they are: cut, frozen and noisy, and what commands say and do meanwhile."""

import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cli.box import Box
from tests.cli.commands import until
from tests.connectors.sshd import SSHD, Sshd

pytestmark = [
    pytest.mark.host,
    pytest.mark.skipif(SSHD is None, reason="needs an sshd (openssh-server)"),
]


@pytest.fixture
def box(tmp_path: Path) -> Iterator[Box]:
    (tmp_path / "home").mkdir()
    (tmp_path / "gates").mkdir()
    sshd = Sshd(tmp_path / "sshd")
    found = Box(tmp_path / "home", sshd, tmp_path / "gates")
    found.write("one")
    yield found
    found.close()
    sshd.stop()


def test_logs_go_on_over_a_broken_link_and_into_the_next_attempt_to_the_end(box: Box) -> None:
    box.detached("one")
    box.gate("one", "first")
    logs = box.start("logs", "-f", "name=one", is_one=True)
    logs.says("first\n")

    box.sshd.kill()
    box.gate("one", "unseen")
    logs.says("waiting: no link to cluster")
    box.sshd.start()
    logs.says("unseen\n")
    logs.says("cluster answers again")
    box.gate("one", "last words", "fail", "more", "end")

    assert logs.end() == 0, logs.out
    shown = logs.out.splitlines()
    header = "xpm: attempt 2 begins"
    again = [header, "first", "unseen", "last words", "more"]
    assert [line for line in shown if line == header or not line.startswith(("xpm: ", "  ->"))] == [
        "first", "unseen", "last words", *again,
    ]  # fmt: skip
    assert box.ran("one") == 2
    (job,) = box.jobs()
    assert (job.state, job.attempt) == ("done", 2)


def test_logs_over_a_link_need_one_connection_and_end_when_interrupted(box: Box) -> None:
    box.detached("one")
    box.gate("one", "first")
    before = box.sshd.log.count("Accepted publickey")
    logs = box.start("logs", "-f", "name=one")
    logs.says("first\n")
    box.gate("one", "second")
    logs.says("second\n")

    logs.interrupt()

    assert logs.end() == 130, logs.err
    assert logs.out == "first\nsecond\n"
    assert box.sshd.log.count("Accepted publickey") == before + 1


def test_a_cancel_by_filter_that_a_frozen_host_does_not_hear_is_kept_and_said_soon(
    box: Box,
) -> None:
    box.detached("one")
    box.sshd.freeze()

    began = time.monotonic()
    ended = box.xpm("cancel", "name=one and state!=done")
    took_s = time.monotonic() - began

    box.sshd.thaw()
    assert ended.code == 3, ended.err
    assert "cluster could not be asked" in ended.err
    assert "1 job will be cancelled at the next exchange with their host" in ended.err
    assert took_s < 15
    assert box.xpm("sync").code == 0
    until(lambda: box.xpm("sync").out.count("1 cancelled") == 1)
    assert box.ran("one") == 1


def test_who_interrupts_a_command_whose_link_is_frozen_is_obeyed_soon(box: Box) -> None:
    run = box.start("run", "plan.py")
    until(lambda: box.ran("one") == 1)
    box.sshd.freeze()

    began = time.monotonic()
    run.interrupt()

    assert run.end() == 130, run.err
    assert time.monotonic() - began < 5
    box.sshd.thaw()
