from pathlib import Path

import pytest

from tests.runner.workshop import Workshop


@pytest.fixture
def workshop(tmp_path: Path) -> Workshop:
    return Workshop(tmp_path / "ws")


@pytest.fixture
def cluster(tmp_path: Path) -> Workshop:
    return Workshop(tmp_path / "ws", kind="slurm")
