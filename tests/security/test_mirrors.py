"""The far side writes nothing outside of a mirror, whatever it names, links or swaps."""

import os
from pathlib import Path

import pytest

from tests.sync.far_side import REF, FarSide, tree
from xpm.connectors.base import Fetched
from xpm.sync import names
from xpm.sync.fetching import fetch
from xpm.sync.folder import InTheWay, JobFolder
from xpm.sync.mirror import File, Local, Pull, delta


@pytest.fixture
def far(tmp_path: Path) -> FarSide:
    return FarSide(tmp_path / "far")


@pytest.fixture
def precious(tmp_path: Path) -> Path:
    folder = tmp_path / "precious"
    folder.mkdir()
    (folder / "keys").write_text("mine")
    return folder


def mirror(far: FarSide, main: Path) -> Fetched:
    (found,) = fetch(far, [REF], main, lambda count: None)
    return found


def here(main: Path) -> Path:
    return main / "jobs" / REF.task / REF.job


def test_a_folder_swapped_for_a_link_between_look_and_write_leads_nowhere(
    far: FarSide, tmp_path: Path, precious: Path
) -> None:
    main = tmp_path / "main"
    (far.job() / "out").mkdir()
    (far.job() / "out" / "keys").write_text("theirs")
    far.finish()
    (here(main) / "out").mkdir(parents=True)

    def swap(request: dict[str, object]) -> None:
        if request["verb"] == "pull" and not (here(main) / "out").is_symlink():
            (here(main) / "out").rmdir()
            (here(main) / "out").symlink_to(precious)

    far.before = swap
    result = mirror(far, main)

    assert tree(precious) == {"keys": b"mine"}
    assert any("out" in each for each in result.problems)


def test_a_file_swapped_for_a_link_while_it_is_written_is_not_written_through(
    tmp_path: Path, precious: Path
) -> None:
    for grows, name in ((True, "stdout"), (False, "model")):
        pull = Pull(name, File(6, 1), 0, grows)
        with JobFolder(tmp_path / "job") as folder:
            folder.add(pull, 0, b"the")
            target = tmp_path / "job" / (name if grows else f".xpm/partial/{pull.partial}")
            target.unlink()
            target.symlink_to(precious / "keys")

            with pytest.raises(InTheWay):
                folder.add(pull, 3, b"irs")

    assert tree(precious) == {"keys": b"mine"}


def test_the_target_of_a_rename_is_the_link_not_what_it_shows(
    tmp_path: Path, precious: Path
) -> None:
    pull = Pull("model", File(3, 1), 0, grows=False)
    with JobFolder(tmp_path / "job") as folder:
        folder.add(pull, 0, b"new")
        (tmp_path / "job" / "model").symlink_to(precious / "keys")
        folder.finish(pull)

    assert tree(precious) == {"keys": b"mine"}
    assert (tmp_path / "job" / "model").read_bytes() == b"new"


@pytest.mark.parametrize("kind", ["fifo", "device", "folder", "socketlike"])
def test_what_is_no_file_here_is_not_written_to(kind: str, far: FarSide, tmp_path: Path) -> None:
    main = tmp_path / "main"
    for name in ("stdout", "result"):
        (far.job() / name).write_text("theirs")
    far.finish()
    here(main).mkdir(parents=True)
    blocked = here(main) / "stdout"
    if kind == "fifo":
        os.mkfifo(blocked)
    elif kind == "device":
        if os.geteuid() != 0:
            pytest.skip("only root makes devices")
        os.mknod(blocked, 0o20666, os.makedev(1, 7))  # /dev/full
    elif kind == "folder":
        (blocked / "inner").mkdir(parents=True)
    else:
        blocked.symlink_to("/dev/null")

    result = mirror(far, main)

    assert [each for each in result.problems if each.startswith("stdout")]
    assert (here(main) / "result").read_text() == "theirs"
    assert (here(main) / ".xpm" / "a1.2").exists()


def test_a_fifo_or_device_there_is_told_and_nothing_is_made_here(
    far: FarSide, tmp_path: Path
) -> None:
    os.mkfifo(far.job() / "pipe")
    far.finish()

    result = mirror(far, tmp_path / "main")

    assert result.problems == ["pipe: neither a file nor a link"]
    assert not (here(tmp_path / "main") / "pipe").exists()


@pytest.mark.parametrize(
    "name",
    [
        "/etc/cron.d/x", "../../../x", "a/../../x", "x\ny", "x\0y", "\ud800", "n" * 300, "/".join("d" * 100), ".xpm/job.json",
        ".xpm/partial/x", ".XPM/a1.1", ".xpm", ".xpm/a1.1/x", "a/./b", "a//b", "",
    ],
)  # fmt: skip
def test_a_name_that_is_not_for_the_mirror_is_told_or_left_and_nothing_is_pulled(name: str) -> None:
    manifest = {"files": [[name, 1, 1, 0o644], ["good", 1, 1, 0o644]], "links": [[name, "good"]]}

    todo = delta(REF, manifest, Local(), "/far")

    assert ["good"] == [pull.path for pull in todo.pulls]
    assert ([], []) == (list(todo.records), list(todo.links))


def test_of_names_that_this_disk_takes_for_one_the_first_is_kept() -> None:
    rows = [
        [name, 1, 1, 0o644] for name in ("Model", "model", "sub/A", "sub/a", "SUB/b", "\u212a", "k")
    ]

    apart = delta(REF, {"files": rows}, Local(), "/far")
    folded = delta(REF, {"files": rows}, Local(folds=True), "/far")

    assert len(apart.pulls) == 7
    assert len(folded.pulls) == 4
    assert "this disk does not tell it from" in folded.problems[0]
    assert names.folded("Sub/MODEL") == names.folded("sub/model")


def test_a_disk_that_tells_case_apart_is_known_as_such(tmp_path: Path) -> None:
    with JobFolder(tmp_path / "job") as folder:
        assert not folder.scan().folds


def test_a_file_where_a_folder_is_does_not_take_the_folder_away(
    far: FarSide, tmp_path: Path
) -> None:
    main = tmp_path / "main"
    (here(main) / "data").mkdir(parents=True)
    (here(main) / "data" / "mine").write_text("mine")
    (far.job() / "data").write_text("theirs")
    far.finish()

    result = mirror(far, main)

    assert (here(main) / "data" / "mine").read_text() == "mine"
    assert any(each.startswith("data") for each in result.problems)


def test_a_name_with_a_newline_there_is_told_on_one_line(far: FarSide, tmp_path: Path) -> None:
    (far.job() / "a\nb").write_text("x")
    (far.job() / os.fsdecode(b"\xff\xfe")).write_text("x")
    far.finish()

    result = mirror(far, tmp_path / "main")

    assert len(result.problems) == 2
    assert all("\n" not in each for each in result.problems)
