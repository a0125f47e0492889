"""A plan that opens a result which has stayed on the far side is told so, with the command that brings it."""

from pathlib import Path

import pytest

from xpm import _absent
from xpm.connectors.base import Stayed
from xpm.sync import staying
from xpm.sync.folder import JobFolder
from xpm.wire import jobfile

JOB = "7f3a7f3a" * 8


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    found = tmp_path / "main" / "jobs" / "lab.train" / JOB
    entry = {
        "connector": "campus", "task": "lab.train", "job": JOB, "attempt": 1, "document": {}, "launcher": "gpu",
    }  # fmt: skip
    found.mkdir(parents=True)
    jobfile.write(str(tmp_path / "main"), entry)
    with JobFolder(found) as folder:
        staying.note(folder, [Stayed("ckpt/last.pt", 5, "skip")], "")
    return found


def told(path: Path) -> list[str]:
    with pytest.raises(FileNotFoundError) as caught:
        path.read_bytes()
    _absent.explain(caught.value)
    _absent.explain(caught.value)  # by the experiment, then by the command
    return list(getattr(caught.value, "__notes__", []))


def test_the_command_that_brings_it_is_in_the_traceback(folder: Path) -> None:
    assert told(folder / "ckpt" / "last.pt") == [
        "ckpt/last.pt stayed on campus (skip): xpm pull 7f3a7f3a '/ckpt/last.pt'"
    ]
    assert told(folder / "ckpt") == ["ckpt stayed on campus (skip): xpm pull 7f3a7f3a '/ckpt'"]


def test_other_files_that_are_not_there_say_nothing(folder: Path, tmp_path: Path) -> None:
    assert told(folder / "ckpt" / "other.pt") == []
    assert told(tmp_path / "elsewhere") == []
