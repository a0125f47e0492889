"""Wrong profiles: each file of bad/ and the very words a person gets for it."""

import re
import tempfile
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.launchers.profile import write
from xpm.errors import ProfileProblem
from xpm.launchers.profiles import examine, load_profiles

BAD = sorted(Path(__file__).with_name("bad").glob("*.yaml"))


@pytest.mark.parametrize("path", BAD, ids=lambda path: path.stem)
def test_a_wrong_profile_gets_every_error_at_once(path: Path, tmp_path: Path) -> None:
    with pytest.raises(ProfileProblem) as caught:
        load_profiles(write(tmp_path, path.read_text("utf-8")))

    expected = path.with_suffix(".txt").read_text("utf-8")
    assert expected == str(caught.value).replace(f"{tmp_path}/", "") + "\n"
    assert caught.value.exit_code == 2


FULL = (Path(__file__).with_name("full") / "launchers.yaml").read_text("utf-8")
WORDS = sorted(set(re.findall(r"[^\s,:{}\[\]]+", FULL)))


@settings(max_examples=60, deadline=None)
@given(data=st.data())
def test_a_profile_with_words_exchanged_is_used_or_refused_never_a_crash(
    data: st.DataObject,
) -> None:
    text = FULL
    for _ in range(data.draw(st.integers(1, 4))):
        found = data.draw(st.sampled_from(list(re.finditer(r"[^\s,:{}\[\]]+", text))))
        other = data.draw(
            st.sampled_from([*WORDS, "", "{}", "[]", "null", "-1", "{a: b}", "[1]", "*pol"])
        )
        text = text[: found.start()] + other + text[found.end() :]
    with tempfile.TemporaryDirectory() as folder:
        found_all = examine(write(Path(folder), text))
        if found_all.profiles is not None:
            for name in found_all.profiles.names:
                with suppress(ProfileProblem):
                    found_all.profiles.launcher(name).request({"gpu": 1, "matlab": 1})
