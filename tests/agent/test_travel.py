"""The archive that travels."""

import io
import os
import shutil
import subprocess
import tarfile
import threading
import zlib
from pathlib import Path

import pytest

from tests.pythons import interpreters
from xpm.wire import travel

BUDGET = 272_000
"""Compressed bytes: what the first contact with a host costs."""


def members(raw: bytes) -> list[tuple[str, bytes]]:
    """The names and contents of an archive."""
    with tarfile.open(fileobj=io.BytesIO(raw)) as archive:
        return [(each.name, archive.extractfile(each).read()) for each in archive]  # type: ignore[union-attr]


def names_in(folder: Path) -> list[str]:
    """What lies in a folder."""
    return sorted(path.name for path in folder.iterdir())


def tar(name: str, kind: bytes = tarfile.REGTYPE, link: str = "") -> tuple[str, bytes]:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as archive:
        member = tarfile.TarInfo(name)
        member.type, member.linkname, member.size = kind, link, 2 if kind == tarfile.REGTYPE else 0
        archive.addfile(member, io.BytesIO(b"hi"))
    return travel.sha12(out.getvalue()), out.getvalue()


def test_the_archive_is_the_same_whenever_it_is_made() -> None:
    sha12, raw = travel.archive()

    again = travel.pack(members(raw))

    assert travel.sha12(raw) == sha12
    assert raw == again


def test_the_archive_holds_what_travels_and_nothing_else() -> None:
    names = [name for name, _ in members(travel.archive()[1])]

    assert names[0] == "__main__.py"
    assert {"xpm/__init__.py", "xpm/click.py", "xpm/errors.py", "xpm/wire/frames.py"} <= set(names)
    folders = {name.split("/")[1] for name in names[1:] if name.count("/") > 1}
    assert {"agent", "decide", "plan", "runner", "wire"} == folders
    assert all(name.endswith(".py") for name in names)


def test_the_archive_is_small() -> None:
    assert len(zlib.compress(travel.archive()[1], 9)) < BUDGET


def test_unpacking_twice_changes_nothing(tmp_path: Path) -> None:
    sha12, raw = travel.archive()

    one = travel.unpack(raw, str(tmp_path), sha12)
    before = Path(one).stat().st_mtime_ns
    two = travel.unpack(raw, str(tmp_path), sha12)

    assert (one, before) == (two, Path(two).stat().st_mtime_ns)
    assert [sha12] == names_in(tmp_path)


def test_files_that_a_purge_took_are_put_back(tmp_path: Path) -> None:
    sha12, raw = travel.archive()
    folder = Path(travel.unpack(raw, str(tmp_path), sha12))
    kept = (folder / "__main__.py").stat().st_ino
    lost = folder / "xpm" / "runner" / "main.py"
    content = lost.read_bytes()
    lost.unlink()
    shutil.rmtree(folder / "xpm" / "agent")

    travel.unpack(raw, str(tmp_path), sha12)

    assert content == lost.read_bytes()
    assert travel.is_whole(str(folder), len(members(raw)))
    assert kept == (folder / "__main__.py").stat().st_ino
    assert [sha12] == names_in(tmp_path)


def test_unpackers_at_once_all_find_it_whole(tmp_path: Path) -> None:
    sha12, raw = travel.archive()
    found = []

    def unpack() -> None:
        folder = travel.unpack(raw, str(tmp_path), sha12)
        found.append(sum(len(names) for _, _, names in os.walk(folder)))

    threads = [threading.Thread(target=unpack) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    count = len(members(raw))
    assert [count] * 8 == found
    assert [sha12] == names_in(tmp_path)


def test_an_unpacker_that_ends_while_another_sweeps_is_no_problem(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sha12, raw = travel.archive()
    there = os.listdir
    monkeypatch.setattr(os, "listdir", lambda folder: [*there(folder), "~gone"])

    assert Path(travel.unpack(raw, str(tmp_path), sha12), "__main__.py").is_file()


def test_a_damaged_archive_is_refused(tmp_path: Path) -> None:
    sha12, raw = travel.archive()

    with pytest.raises(travel.TravelProblem, match="arrived damaged"):
        travel.unpack(raw[:-1] + b"x", str(tmp_path), sha12)

    assert names_in(tmp_path) == []


@pytest.mark.parametrize(
    ("name", "kind", "link"),
    [
        ("../evil", tarfile.REGTYPE, ""),
        ("/evil", tarfile.REGTYPE, ""),
        ("a/../../evil", tarfile.REGTYPE, ""),
        ("link", tarfile.SYMTYPE, "/etc"),
        ("hard", tarfile.LNKTYPE, "/etc/passwd"),
        ("fifo", tarfile.FIFOTYPE, ""),
    ],
)
def test_an_archive_that_would_leave_its_folder_is_refused(
    tmp_path: Path, name: str, kind: bytes, link: str
) -> None:
    sha12, raw = tar(name, kind, link)

    with pytest.raises(travel.TravelProblem):
        travel.unpack(raw, str(tmp_path / "travel"), sha12)

    assert names_in(tmp_path) == ["travel"]
    assert names_in(tmp_path / "travel") == []


@pytest.mark.host
@pytest.mark.parametrize("python", interpreters((3, 6)))
def test_every_old_python_unpacks_it_and_imports_what_it_runs(tmp_path: Path, python: str) -> None:
    sha12, raw = travel.archive()
    (tmp_path / "raw").write_bytes(raw)
    source = (
        "import importlib, os, sys\n"
        f"with open({travel.__file__!r}) as file: exec(file.read(), globals())\n"
        f"with open('raw', 'rb') as file: folder = unpack(file.read(), 'travel', {sha12!r})\n"
        "sys.path.insert(0, folder)\n"
        "for package in ('wire', 'decide', 'agent'):\n"
        "    for name in sorted(os.listdir(os.path.join(folder, 'xpm', package))):\n"
        "        if name.endswith('.py'):\n"
        "            importlib.import_module('xpm.%s.%s' % (package, name[:-3]))\n"
        "print('imported')\n"
    )

    done = subprocess.run(
        [python, "-I", "-W", "error", "-c", source], cwd=tmp_path, capture_output=True, text=True
    )

    assert (done.stdout, done.stderr) == ("imported\n", "")


@pytest.mark.host
def test_an_unknown_verb_is_answered_with_the_usage(tmp_path: Path) -> None:
    sha12, raw = travel.archive()
    folder = travel.unpack(raw, str(tmp_path), sha12)

    done = subprocess.run(
        [interpreters((3, 6))[0], folder, "fly"], capture_output=True, text=True, check=False
    )

    assert (done.returncode, done.stderr.startswith("usage:")) == (2, True)
