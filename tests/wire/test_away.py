"""Below a disk that is away nothing is made: neither a job's folder nor the workspace anew."""

import errno
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from xpm.connectors.base import JobRef
from xpm.follow.main import MainFolder
from xpm.wire import disks, jobfile, ledger, refreshing, workspace

JOB = "ab" * 32
ENTRY = {"task": "test.task", "job": JOB, "attempt": 1, "slot": 1, "kind": "claim", "code": {}}


def _ledger(root: str) -> None:
    ledger.append(ledger.job_folder(root, "test.task", JOB), ENTRY, workspace.Layout(root).inbox)


def _outbox(root: str) -> None:
    outbox = MainFolder(Path(root)).outbox
    outbox.put("cluster", ENTRY)


def _cancel(root: str) -> None:
    MainFolder(Path(root)).outbox.owe("cluster", JobRef("test.task", JOB), 1, 0.0)


WRITERS = {
    "an entry of a ledger": _ledger,
    "a job's file": lambda root: jobfile.write(root, ENTRY),
    "a job to be sent": _outbox,
    "a cancel to be told": _cancel,
}


@pytest.mark.parametrize("writer", WRITERS.values(), ids=WRITERS)
def test_nothing_is_made_where_the_disk_of_a_workspace_should_be(
    tmp_path: Path, writer: Callable[[str], None]
) -> None:
    mounted, away = tmp_path / "mounted", tmp_path / "away"
    workspace.prepare(str(mounted))
    mounted.rename(away)
    mounted.mkdir()

    with pytest.raises(OSError, match=r".") as caught:
        writer(str(mounted))

    assert disks.heals(caught.value)
    assert f"{mounted}/.xpm is not there" == disks.words(caught.value)
    assert [] == os.listdir(mounted)  # noqa: PTH208
    mounted.rmdir()
    away.rename(mounted)
    writer(str(mounted))
    assert os.listdir(mounted)  # noqa: PTH208


def test_an_outbox_whose_disk_goes_away_says_so(tmp_path: Path) -> None:
    workspace.prepare(str(tmp_path / "main"))
    outbox = MainFolder(tmp_path / "main").outbox
    outbox.put("cluster", ENTRY)
    (tmp_path / "main").rename(tmp_path / "away")
    (tmp_path / "main").mkdir()

    with pytest.raises(OSError, match=r".") as caught:
        outbox.put("cluster", {**ENTRY, "job": "cd" * 32})

    assert errno.ENODEV == caught.value.errno
    assert [] == os.listdir(tmp_path / "main")  # noqa: PTH208


def test_newer_code_for_a_job_is_not_written_where_the_disk_is_away(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        refreshing.write(workspace.Layout(str(tmp_path)), ENTRY)

    assert [] == os.listdir(tmp_path)  # noqa: PTH208
