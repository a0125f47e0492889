"""The place in the queue in cells."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests.cli.test_telling import JOB
from xpm import _notebook
from xpm.connectors.base import Stands
from xpm.follow import standing
from xpm.follow.journal import journal_folder
from xpm.follow.main import MainFolder


class Shell:
    """As much of a notebook's shell as an observer asks for."""

    execution_count = 1
    kernel = None

    def __init__(self) -> None:
        self.events = self
        self.shown: list[str] = []

    def register(self, name: str, hook: Callable[..., None]) -> None: ...

    def unregister(self, name: str, hook: Callable[..., None]) -> None: ...

    def display(self, page: dict[str, str], **_: Any) -> None:
        self.shown.append(page["text/html"])


def test_cells_tell_the_place_and_its_changes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    folder = journal_folder(MainFolder(tmp_path / "main"))
    folder.mkdir(parents=True)
    shell = Shell()
    monkeypatch.setattr(_notebook, "_display", lambda: shell)
    job = replace(JOB, state="pending", reason="others come first", message="", batch_id="7")
    observer = _notebook.NotebookObserver(shell)
    observer.started("demo", str(tmp_path / "main"))
    observer.changed([job], {"pending": 1})
    observer.refresh()
    assert 1 == len(shell.shown)

    for place, told in ((12, "about 12th of 340 waiting in gpu"), (1, "next in gpu")):
        standing.keep(folder, job.connector, [Stands("7", "", "gpu", place, 340)])
        observer.refresh()
        observer.refresh()
        assert f"others come first; {told}" in shell.shown[-1]

    assert 3 == len(shell.shown)
