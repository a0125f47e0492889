"""Questions to a bare host: each answered on its own, whatever the login prints, with nothing left there."""

import time
from collections.abc import Sequence
from pathlib import Path

import pytest

from tests.connectors.sshd import Sshd, through
from tests.contract.places import eventually
from xpm.connectors import measuring, questions
from xpm.connectors.hosts import Host, Stream
from xpm.connectors.local_host import LocalHost
from xpm.connectors.opening import open_host
from xpm.connectors.questions import Answer, Question
from xpm.errors import HostProblem, SiteProblem

pytestmark = pytest.mark.host


def test_each_question_has_an_answer_of_its_own() -> None:
    asked = [
        Question("plain", "echo hi; echo to >&2"),
        Question("fails", "echo no; exit 3"),
        Question("leaves", "exit 0"),
        Question("reads", "cat; echo end"),
        Question("hangs", "sleep 60", limit_s=1),
        Question("last", "printf 'no newline'"),
    ]

    found = questions.ask(LocalHost(), asked).found

    assert found == {
        "plain": Answer(0, "hi\nto"), "fails": Answer(3, "no"), "leaves": Answer(0, ""),
        "reads": Answer(0, "end"), "hangs": Answer(124, ""), "last": Answer(0, "no newline"),
    }  # fmt: skip


def test_a_host_without_timeout_answers_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "sh").symlink_to("/bin/sh")
    monkeypatch.setenv("PATH", str(tmp_path))

    assert "here" == questions.ask(LocalHost(), [Question("a", "echo here")]).said("a")


def test_what_looks_like_an_answer_but_was_cut_is_none() -> None:
    text = "noise\n%xpm-answer a begin\nhalf"

    assert {} == questions.parse(text)
    assert "noise" == questions.noise(text)


def test_a_noisy_login_is_passed_over_and_told(tmp_path: Path) -> None:
    sshd = Sshd(tmp_path, [through('echo "Welcome 7|8"; exec /bin/sh -c "$SSH_ORIGINAL_COMMAND"')])
    host = open_host(sshd.target)
    times: list[float] = []

    def clock() -> float:
        times.append(time.time())
        return times[-1]

    try:
        answers = questions.ask(host, [Question("a", "echo 1"), Question("b", "x" * 200_000)])
        distance = measuring.measure(host, clock)
    finally:
        host.close()
        sshd.stop()

    assert "1" == answers.said("a")
    assert "Welcome 7|8" == answers.noise
    assert answers.first_s > 0
    assert distance.round_trip_s is not None
    assert distance.round_trip_s > 0
    assert distance.down
    assert distance.up
    assert distance.ahead_s is not None
    assert abs(distance.ahead_s) <= (times[-1] - times[0]) / 2 + 0.001  # it asked in between


REFUSAL = "echo This account is not available >&2"


@pytest.mark.parametrize(
    "shell",
    [
        f"{REFUSAL}; exit 1",
        f"{REFUSAL}; exec >&- 2>&- <&-; sleep 0.5; exit 1",  # its end comes after its last word
    ],
)
@pytest.mark.parametrize("settles", [False, True])
def test_a_host_that_runs_no_shell_is_told_in_its_own_words(
    tmp_path: Path, shell: str, settles: bool
) -> None:
    sshd = Sshd(tmp_path, [through(shell)])
    host = open_host(sshd.target)
    try:
        with pytest.raises(HostProblem) as told:
            questions.ask(_Settling(host) if settles else host, [Question("a", "echo 1")])
    finally:
        host.close()
        sshd.stop()

    assert isinstance(told.value, SiteProblem)
    assert "not available" in str(told.value)


def test_a_host_that_hangs_ends_in_words(tmp_path: Path) -> None:
    with pytest.raises(HostProblem):  # it would never end by itself
        questions.ask(_Silent(), [Question("a", "echo 1")], timeout_s=0.5)


class _Settling:
    """A host whose command has ended before anything is written to it."""

    def __init__(self, host: Host) -> None:
        self._host, self.name = host, host.name

    def open(self, argv: Sequence[str]) -> Stream:
        stream = self._host.open(argv)
        eventually(lambda: stream.exit_status() is not None)
        return stream

    def close(self) -> None:
        self._host.close()


class _Silent(LocalHost):
    def open(self, argv: object):  # type: ignore[no-untyped-def]
        return super().open(["sh", "-c", "exec cat >/dev/null"])
