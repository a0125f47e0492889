"""What a profile says of the code that travels."""

from pathlib import Path

from tests.launchers.profile import write
from xpm.launchers.profiles import examine
from xpm.sync.sizes import Limits


def said(tmp_path: Path, text: str) -> Limits:
    found = examine(write(tmp_path, f"version: 1\n{text}\n"))
    assert found.profiles is not None, found.problems
    assert [] == list(found.notes)
    return found.profiles.code


def test_without_a_word_the_usual_limits_hold(tmp_path: Path) -> None:
    assert Limits() == said(tmp_path, "")


def test_limits_and_patterns_are_read(tmp_path: Path) -> None:
    text = "sync: {code: {exclude: [data/], max_files: 90000, max_total: 2GB, max_file: 1GB}}"

    assert Limits(2_000_000_000, 90_000, 1_000_000_000, ("data/",)) == said(tmp_path, text)


def test_a_large_file_makes_room_for_itself_and_a_small_total_for_no_larger_file(
    tmp_path: Path,
) -> None:
    assert 1_000_000_000 == said(tmp_path, "sync: {code: {max_file: 1GB}}").bytes
    assert 10_000_000 == said(tmp_path, "sync: {code: {max_total: 10MB}}").each
