"""The schema beside a profile is that of the version in use, unless a person has made it his own."""

import os
import time
from pathlib import Path

import pytest

from tests.cli.commands import xpm
from xpm.launchers import schemas
from xpm.launchers.editors import FILE, HIDDEN_FILE, schema_text
from xpm.launchers.layers import Layer
from xpm.wire import files

PROFILE = "version: 1\nlaunchers:\n  small: {cpus: 1, connector: local}\n"
LONG_AGO = time.time() - 3 * 86400


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    found = tmp_path / "config"
    found.mkdir()
    (found / "launchers.yaml").write_text(PROFILE)
    return found


def an_earlier_one() -> str:
    """The schema as a version would have written it that did not know of GPUs."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(schemas, "schema_text", lambda: schema_text().replace("gpus", "cards"))
        return schemas.marked()


def put(path: Path, text: str, at: float = LONG_AGO) -> None:
    path.write_text(text)
    os.utime(path, (at, at))


def refresh(folder: Path) -> None:
    schemas.refresh([Layer("user", folder / "launchers.yaml")])


@pytest.mark.parametrize("name", [FILE, HIDDEN_FILE])
def test_one_of_another_version_is_brought_up_to_date(folder: Path, name: str) -> None:
    put(folder / name, an_earlier_one())

    refresh(folder)

    assert schemas.marked() == (folder / name).read_text()


def test_commands_that_read_the_profile_do_so(folder: Path, tmp_path: Path) -> None:
    put(folder / FILE, an_earlier_one())

    told = xpm("launchers", "list", home=tmp_path)

    assert (0, "") == (told.code, told.err)
    assert schemas.marked() == (folder / FILE).read_text()


def test_a_run_does_so_and_a_dry_run_writes_nothing(folder: Path, tmp_path: Path) -> None:
    put(folder / FILE, an_earlier_one())
    (tmp_path / "plan.py").write_text(
        "import xpm\nwith xpm.experiment('main', 'nothing'):\n    pass\n"
    )

    xpm("run", "plan.py", "--dry-run", home=tmp_path, cwd=tmp_path)
    assert an_earlier_one() == (folder / FILE).read_text()

    xpm("run", "plan.py", home=tmp_path, cwd=tmp_path)
    assert schemas.marked() == (folder / FILE).read_text()


@pytest.mark.parametrize(
    "text",
    [
        schema_text(),  # as it was asked for, without the mark
        an_earlier_one().replace("places", "my places", 1),
        an_earlier_one().replace('"$comment"', '"$comments"', 1),
        an_earlier_one() + "\n",
        "",
        "{",
    ],
)
def test_what_a_person_has_edited_or_put_there_is_left_alone(folder: Path, text: str) -> None:
    put(folder / FILE, text)

    refresh(folder)

    assert text == (folder / FILE).read_text()


def test_none_is_made_where_there_is_none(folder: Path) -> None:
    refresh(folder)

    assert ["launchers.yaml"] == [each.name for each in folder.iterdir()]


def test_one_that_cannot_be_written_or_read_fails_nothing(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def is_read_only(*args: object) -> None:
        raise PermissionError(30, "Read-only file system")

    put(folder / FILE, an_earlier_one())
    monkeypatch.setattr(files, "write", is_read_only)
    monkeypatch.setattr(os, "utime", is_read_only)
    refresh(folder)
    assert an_earlier_one() == (folder / FILE).read_text()

    (folder / FILE).write_bytes(b"\xff\xfe")
    refresh(folder)
    (folder / FILE).unlink()
    os.mkfifo(folder / FILE)
    refresh(folder)  # waits for nobody to write into it


def test_one_that_was_looked_at_lately_is_not_even_read(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(folder / FILE, schemas.marked())
    refresh(folder)
    monkeypatch.setattr(schemas, "_is_ours", lambda text: pytest.fail("it was read"))
    monkeypatch.setattr(schemas, "_installed_at", lambda: LONG_AGO)

    refresh(folder)


def test_a_file_behind_a_link_is_brought_up_to_date_where_it_is(
    folder: Path, tmp_path: Path
) -> None:
    put(tmp_path / "dotfile.json", an_earlier_one())
    (folder / FILE).symlink_to(tmp_path / "dotfile.json")

    refresh(folder)

    assert (folder / FILE).is_symlink()
    assert schemas.marked() == (tmp_path / "dotfile.json").read_text()
