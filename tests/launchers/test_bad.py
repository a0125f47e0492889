"""Wrong profiles: each file of bad/ and the very words a person gets for it."""

from pathlib import Path

import pytest

from tests.launchers.profile import write
from xpm.errors import ProfileProblem
from xpm.launchers.profiles import load_profiles

BAD = sorted(Path(__file__).with_name("bad").glob("*.yaml"))


@pytest.mark.parametrize("path", BAD, ids=lambda path: path.stem)
def test_a_wrong_profile_gets_every_error_at_once(path: Path, tmp_path: Path) -> None:
    with pytest.raises(ProfileProblem) as caught:
        load_profiles(write(tmp_path, path.read_text("utf-8")))

    expected = path.with_suffix(".txt").read_text("utf-8")
    assert expected == str(caught.value).replace(f"{tmp_path}/", "") + "\n"
    assert caught.value.exit_code == 2
