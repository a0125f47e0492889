"""A laptop per test, with a little cluster in memory."""

from pathlib import Path

import pytest

from tests.experiment.laptop import Laptop
from tests.follow.fakes import Cluster


@pytest.fixture(autouse=True)
def _state_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    monkeypatch.delenv("XPM_WORKDIR", raising=False)


@pytest.fixture
def cluster() -> Cluster:
    return Cluster()


@pytest.fixture
def laptop(tmp_path: Path, cluster: Cluster) -> Laptop:
    return Laptop(tmp_path / "main", cluster)
