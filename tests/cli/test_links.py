"""Links as they are: cut, frozen and noisy, and what commands say and do meanwhile."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cli.box import Box
from tests.cli.commands import until
from tests.connectors.sshd import SSHD, Sshd, through

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


def test_of_a_log_whose_host_is_away_what_is_here_is_shown(box: Box) -> None:
    box.detached("one")
    box.gate("one", "first")
    until(lambda: box.xpm("logs", "name=one").out == "first\n")
    (job,) = box.jobs()
    copy = Path(job.path) / "stdout"
    copy.parent.mkdir(parents=True, exist_ok=True)
    copy.write_text("first\n")  # as rules for jobs that run bring it
    box.sshd.kill()

    shown = box.xpm("logs", "name=one")

    box.sshd.start()
    assert (shown.code, shown.out) == (3, "first\n")
    assert "so much of stdout is here" in shown.err
    assert "cannot connect" in shown.err


def test_a_cancel_by_filter_that_a_frozen_host_does_not_hear_is_kept_and_said_soon(
    box: Box,
) -> None:
    box.detached("one")
    box.sshd.freeze()

    ended = box.xpm("cancel", "name=one and state!=done")

    box.sshd.thaw()
    assert ended.code == 3, ended.err
    assert "cluster could not be asked" in ended.err
    assert "1 job will be cancelled at the next exchange with their host" in ended.err
    assert "it did not answer within 6 s" in ended.err  # a link as such is given a minute and more
    assert box.xpm("sync").code == 0
    until(lambda: box.xpm("sync").out.count("1 cancelled") == 1)
    assert box.ran("one") == 1


def test_status_says_what_is_known_while_a_frozen_host_is_waited_for_also_without_a_terminal(
    box: Box,
) -> None:
    box.detached("one")
    box.sshd.freeze()

    told = box.xpm("status")

    box.sshd.thaw()
    assert told.code == 0, told.err
    first, *rest = told.err.splitlines()
    assert re.fullmatch(r"gated: running · 1 .*; asking cluster \.\.\.", first), told.err
    assert "it did not answer within 6 s" in "\n".join(rest)
    assert "gated: running" in told.out
    assert "asking" not in told.out


def test_who_interrupts_a_command_whose_link_is_frozen_is_obeyed_soon(box: Box) -> None:
    run = box.start("run", "plan.py")
    until(lambda: box.ran("one") == 1)
    box.sshd.freeze()

    run.interrupt()

    assert run.end() == 130, run.err  # nobody thaws it: without a bound it would never end
    box.sshd.thaw()


HARD = ["MaxSessions 1", "PermitTTY no", "DisableForwarding yes", "PermitUserRC no"]
NOISE = "head -c 1000000 /dev/urandom; echo; echo 'Quota: 93%' >&2"


def test_an_account_without_a_home_with_one_session_and_a_noisy_shell_will_do(
    tmp_path: Path,
) -> None:
    (tmp_path / "home").mkdir()
    (tmp_path / "gates").mkdir()
    rc = tmp_path / "rc"
    rc.write_text(f'{NOISE}\nHOME=/nowhere; export HOME\nexec /bin/sh -c "$SSH_ORIGINAL_COMMAND"\n')
    sshd = Sshd(tmp_path / "sshd", [*HARD, through(f"/bin/sh {rc}")])
    box = Box(tmp_path / "home", sshd, tmp_path / "gates")
    try:
        for name, transport in (("one", "fabric"), ("two", "openssh")):
            box.write(name, ssh=f", transport: {transport}")
            run = box.start("run", "plan.py")
            until(lambda name=name: box.ran(name) == 1)  # type: ignore[misc]
            box.gate(name, "said", "end")
            assert run.end() == 0, run.err
            assert f"done: {name}" in run.out
        doctor = box.xpm("doctor", "cluster")
        assert doctor.code == 0, doctor.out
    finally:
        box.close()
        sshd.stop()


def test_words_among_the_frames_break_a_link_that_heals_without_another_login(
    tmp_path: Path,
) -> None:
    (tmp_path / "home").mkdir()
    (tmp_path / "gates").mkdir()
    rc, now = tmp_path / "rc", tmp_path / "now"
    wall = f"while [ ! -e {now} ]; do sleep 0.05; done; rmdir {now} && echo Reboot at 5"
    rc.write_text(f'({wall}) &\nexec /bin/sh -c "$SSH_ORIGINAL_COMMAND"\n')
    sshd = Sshd(tmp_path / "sshd", [through(f"/bin/sh {rc}")])
    box = Box(tmp_path / "home", sshd, tmp_path / "gates")
    box.write("one")
    try:
        run = box.start("run", "plan.py")
        until(lambda: box.ran("one") == 1)
        before = sshd.log.count("Starting session")

        now.mkdir()

        until(lambda: sshd.log.count("Starting session") > before)
        box.gate("one", "end")
        assert run.end() == 0, run.err
        assert box.ran("one") == 1
        assert sshd.log.count("Accepted publickey") == 1
        said = [line for line in run.err.splitlines() if "waiting: " in line]
        assert all("no link to cluster" in line for line in said), run.err  # none, or why it waits
    finally:
        now.mkdir(exist_ok=True)
        box.close()
        sshd.stop()
