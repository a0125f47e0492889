"""What a run is told from outside its plan."""

from pathlib import Path

import pytest

from xpm.follow.options import RunOptions, current, using


def test_options_hold_within_their_block_only() -> None:
    with using(RunOptions(launcher="gpu", detach=True)):
        assert (current().launcher, current().detach) == ("gpu", True)

    assert (current().launcher, current().detach) == (None, False)


def test_the_environment_names_the_main_folder_unless_the_command_does(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("XPM_WORKDIR", "/from/environment")

    assert current().workdir == Path("/from/environment")
    with using(RunOptions(workdir=Path("/from/command"))):
        assert current().workdir == Path("/from/command")
