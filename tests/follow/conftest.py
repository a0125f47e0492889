"""Every test has a state folder of its own."""

from pathlib import Path

import pytest


@pytest.fixture(autouse=True)
def _state_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    monkeypatch.delenv("XPM_WORKDIR", raising=False)


@pytest.fixture
def main_path(tmp_path: Path) -> Path:
    return tmp_path / "main"
