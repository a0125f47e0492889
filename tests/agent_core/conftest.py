from pathlib import Path

import pytest

from tests.agent_core.yard import Yard


@pytest.fixture
def yard(tmp_path: Path) -> Yard:
    return Yard(tmp_path / "ws")
