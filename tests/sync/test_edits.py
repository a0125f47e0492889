"""Files of a mirror that somebody edits here: what is there comes, and what was written here stays, under another name."""

import os
import random
from pathlib import Path

import pytest

from tests.sync.far_side import REF, FarSide
from tests.sync.test_fetching import Cut, mirror, mirrored
from tests.sync.test_fetching import far as far
from tests.sync.test_fetching import main as main
from xpm.connectors.base import Fetched
from xpm.sync import edits
from xpm.sync.blocks import BLOCK


def beside(main: Path) -> dict[str, bytes]:
    """What was kept, by name."""
    found = mirrored(main).rglob("*.edited-here*")
    return {str(each.relative_to(mirrored(main))): each.read_bytes() for each in found}


def edited(main: Path, name: str, content: bytes) -> None:
    """Somebody writes a file here, at some other time than the job did."""
    (mirrored(main) / name).write_bytes(content)
    os.utime(mirrored(main) / name, (5, 5))


def told(result: Fetched) -> str:
    return "\n".join(result.kept)


def test_an_edit_is_kept_beside_when_the_file_changes_there(far: FarSide, main: Path) -> None:
    (far.job() / "sub").mkdir()
    (far.job() / "sub/notes.txt").write_bytes(b"first")
    mirror(far, main)
    edited(main, "sub/notes.txt", b"first, and my thoughts")
    (far.job() / "sub/notes.txt").write_bytes(b"second")

    [result] = mirror(far, main)
    [again] = mirror(far, main)

    assert (mirrored(main) / "sub/notes.txt").read_bytes() == b"second"
    assert beside(main) == {"sub/notes.txt.edited-here": b"first, and my thoughts"}
    assert "sub/notes.txt was edited here" in told(result)
    assert "sub/notes.txt.edited-here" in told(result)
    assert told(again) == ""


def test_what_nobody_edited_is_not_kept(far: FarSide, main: Path) -> None:
    for content in (b"one", b"two", b"three, longer"):
        (far.job() / "state").write_bytes(content)
        [result] = mirror(far, main)

    assert beside(main) == {}
    assert told(result) == ""


def test_an_edit_that_says_the_same_is_not_kept(far: FarSide, main: Path) -> None:
    (far.job() / "state").write_bytes(b"one")
    mirror(far, main)
    os.utime(mirrored(main) / "state", (5, 5))
    (far.job() / "state").write_bytes(b"one and two")

    mirror(far, main)

    assert (mirrored(main) / "state").read_bytes() == b"one and two"
    assert beside(main) == {}


def test_a_second_edit_does_not_take_the_place_of_the_first(far: FarSide, main: Path) -> None:
    for count in range(3):
        (far.job() / "state").write_bytes(b"there %d" % count)
        mirror(far, main)
        edited(main, "state", b"here! %d" % count)
    (far.job() / "state").write_bytes(b"the last one")

    mirror(far, main)

    assert sorted(beside(main)) == [
        "state.edited-here", "state.edited-here-2", "state.edited-here-3",
    ]  # fmt: skip


def test_a_file_made_here_is_kept_when_one_of_its_name_appears_there(
    far: FarSide, main: Path
) -> None:
    mirrored(main).mkdir(parents=True)
    (mirrored(main) / "plot.txt").write_bytes(b"mine")
    (far.job() / "plot.txt").write_bytes(b"the job's")

    mirror(far, main)

    assert (mirrored(main) / "plot.txt").read_bytes() == b"the job's"
    assert beside(main) == {"plot.txt.edited-here": b"mine"}


@pytest.mark.parametrize("edit", [b"a line\na remark of mine\n", b"b line\n", b"", b"a l"])
def test_a_log_edited_here_is_not_mixed_with_what_comes(
    far: FarSide, main: Path, edit: bytes
) -> None:
    log = far.job() / "stdout"
    log.write_bytes(b"a line\n")
    mirror(far, main)
    edited(main, "stdout", edit)
    with log.open("ab") as file:
        file.write(b"another line, longer than any remark\n")

    mirror(far, main)

    assert (mirrored(main) / "stdout").read_bytes() == log.read_bytes()
    assert list(beside(main).values()) == ([] if log.read_bytes().startswith(edit) else [edit])


def test_a_log_whose_new_end_was_cut_on_its_way_is_nobodys_edit(far: FarSide, main: Path) -> None:
    log = far.job() / "stdout"
    log.write_bytes(b"a line\n" * 10)
    mirror(far, main)
    with (mirrored(main) / "stdout").open("ab") as file:
        file.write(b"b line\n" * 3)
    with log.open("ab") as file:
        file.write(b"b line\n" * 10)

    mirror(far, main)

    assert (mirrored(main) / "stdout").read_bytes() == log.read_bytes()
    assert beside(main) == {}


def test_a_cut_before_a_file_has_its_name_makes_no_edit_of_it(far: FarSide, main: Path) -> None:
    path = far.job() / "state"
    path.write_bytes(b"one")
    mirror(far, main)
    path.write_bytes(b"two!")

    def cut(request: dict[str, object]) -> None:
        if request["verb"] == "pull":
            raise Cut

    far.before = cut
    with pytest.raises(Cut):
        mirror(far, main)
    far.before = lambda request: None
    path.write_bytes(b"three")

    mirror(far, main)

    assert (mirrored(main) / "state").read_bytes() == b"three"
    assert beside(main) == {}


@pytest.mark.parametrize("size", [20_000, 20 * BLOCK + 77])
def test_of_a_file_that_only_grew_its_new_end_travels(far: FarSide, main: Path, size: int) -> None:
    path = far.job() / "metrics.csv"
    path.write_bytes(random.Random(1).randbytes(size))
    mirror(far, main)
    with path.open("ab") as file:
        file.write(b"12,0.5\n")

    [result] = mirror(far, main)

    assert result.bytes == 7
    assert (mirrored(main) / "metrics.csv").read_bytes() == path.read_bytes()


def test_a_note_of_what_came_does_not_grow_for_ever(
    far: FarSide, main: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(edits, "MOST", 1000)
    for count in range(60):
        (far.job() / "state").write_bytes(b"%d" % count)
        (far.job() / "other").write_bytes(b"once")
        os.utime(far.job() / "other", (1, 1))
        mirror(far, main)

    assert (mirrored(main) / edits.PATH).stat().st_size < 2000
    assert beside(main) == {}
    assert REF.task in str(mirrored(main))


def test_a_note_that_a_power_cut_has_torn_keeps_more_not_less(far: FarSide, main: Path) -> None:
    (far.job() / "state").write_bytes(b"one")
    mirror(far, main)
    (mirrored(main) / edits.PATH).write_bytes(b'["state", 3\n\xff\0\n[]\n{"a": 1}\n7\n["state"')
    (far.job() / "state").write_bytes(b"two")

    mirror(far, main)

    assert beside(main) == {"state.edited-here": b"one"}


@pytest.mark.parametrize("is_link", [True, False])
def test_what_lies_where_the_note_should_be_is_left_alone(
    far: FarSide, main: Path, tmp_path: Path, is_link: bool
) -> None:
    (tmp_path / "outside").write_text("mine")
    (mirrored(main) / ".xpm").mkdir(parents=True)
    if is_link:
        (mirrored(main) / edits.PATH).symlink_to(tmp_path / "outside")
    else:
        (mirrored(main) / edits.PATH).mkdir()
    (far.job() / "state").write_bytes(b"one")

    mirror(far, main)

    assert (mirrored(main) / "state").read_bytes() == b"one"
    assert (tmp_path / "outside").read_text() == "mine"
