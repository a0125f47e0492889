"""What tests of plans share."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.plan.recording import Recording


@pytest.fixture
def xp(tmp_path: Path) -> Iterator[Recording]:
    """An open experiment that only remembers; project and main folder are below the temporary folder."""
    project = tmp_path / "project"
    project.mkdir()
    with Recording(tmp_path / "main", project) as recording:
        yield recording
