"""The tools of ``scripts/faults`` do what they say: otherwise its silence would mean nothing."""

import os
import signal
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.faults.advancers import forked
from tests.faults.main import Report, Tried
from tests.faults.points import FaultPoint
from tests.faults.stale import OldView


def status(work: Callable[[], object]) -> int:
    """How a fork ends that does some work: 0, 1 for an OSError, or minus its signal."""
    pid = os.fork()
    if pid == 0:
        code = 2
        try:
            work()
            code = 0
        except OSError:
            code = 1
        finally:
            os._exit(code)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


def writes(folder: Path, what: str, number: int) -> Callable[[], object]:
    """Two files are written under a fault."""

    def work() -> None:
        import sys

        sys.addaudithook(FaultPoint(f"x:{number}:{what}:{folder}/mark:{folder}/w", "x").hook)
        for name in ("one", "two"):
            with open(f"{folder}/w.{name}", "wb") as file:  # noqa: PTH123
                file.write(b"x" * 1000)

    return work


@pytest.mark.parametrize(
    ("what", "number", "ends", "sizes"),
    [
        ("KILL", 2, -signal.SIGKILL, [1000]),
        ("AFTER", 1, -signal.SIGKILL, [1000]),
        ("EIO", 2, 1, [1000]),
        ("ENOSPC", 1, 1, []),
        ("FULL", 2, 1, [1000]),
    ],
)
def test_a_fault_happens_where_it_should(
    tmp_path: Path, what: str, number: int, ends: int, sizes: list[int]
) -> None:
    assert ends == status(writes(tmp_path, what, number))
    assert sizes == [each.stat().st_size for each in sorted(tmp_path.glob("w.*"))]


@pytest.mark.parametrize(("what", "ends"), [("TORN", -signal.SIGXFSZ), ("SHORT", 1)])
def test_a_write_is_torn_within_a_file(tmp_path: Path, what: str, ends: int) -> None:
    assert ends == status(writes(tmp_path, what, 2))
    one, two = (each.stat().st_size for each in sorted(tmp_path.glob("w.*")))
    assert one == 1000
    assert two < 1000


def test_another_machine_sees_a_folder_as_it_was_until_it_makes_a_name_there(
    tmp_path: Path,
) -> None:
    log, folder = f"{tmp_path}/log", tmp_path / "shared"
    folder.mkdir()
    (folder / "old").touch()

    go, done = os.pipe(), os.pipe()

    def elsewhere() -> None:
        os.read(go[0], 1)
        OldView(log, str(folder), "b", 60.0).install()
        (folder / "new").touch()
        (folder / "old").unlink()
        os.write(done[1], b"x")

    def here() -> None:
        OldView(log, str(folder), "a", 60.0).install()
        assert ["old"] == os.listdir(folder)  # noqa: PTH208
        assert not (folder / "new").exists()
        os.write(go[1], b"x")
        os.read(done[0], 1)
        assert ["old"] == os.listdir(folder)  # noqa: PTH208
        assert not (folder / "new").exists()
        (folder / "mine").touch()
        assert ["mine", "new"] == sorted(os.listdir(folder))  # noqa: PTH208
        assert (folder / "new").exists()

    with ThreadPoolExecutor() as pool:
        assert [[], []] == list(pool.map(forked, [elsewhere, here]))


def test_a_broken_promise_is_told_with_the_command_that_tries_it_again(
    capsys: pytest.CaptureFixture[str],
) -> None:
    report = Report(as_json=False)
    report.add(Tried("link", "sent cut 5", []))
    report.add(Tried("killed far", "agent KILL 7", ["job 1 is lost"]))

    assert report.end(None) == 1
    said = capsys.readouterr().out
    assert "scripts/faults --replay 'killed far/agent KILL 7'\n    job 1 is lost\n" in said
    assert "2 faults, 1 violations" in said
