"""Files others may read: what processes that died leave of them."""

import os
import subprocess
import sys
import time
from pathlib import Path

from xpm.wire import files, travel


def old(path: Path) -> None:
    long_ago = time.time() - 2 * files.ABANDONED_S
    os.utime(path, (long_ago, long_ago))


def test_whoever_lists_a_folder_removes_what_a_dead_process_left_long_ago(tmp_path: Path) -> None:
    for name in ("a.json", "~host.1.1", "~host.2.1"):
        (tmp_path / name).write_text("half")
    old(tmp_path / "a.json")
    old(tmp_path / "~host.1.1")

    found = files.listing(str(tmp_path))

    assert ["a.json"] == found
    assert ["a.json", "~host.2.1"] == sorted(each.name for each in tmp_path.iterdir())


def test_two_processes_of_one_host_name_and_pid_never_share_a_temporary_file() -> None:
    code = """
import os
os.getpid = lambda: 7  # as in two containers
from xpm.wire import files
print(files.temporary_name())
"""

    names = {subprocess.check_output([sys.executable, "-c", code], text=True) for _ in range(2)}

    assert 2 == len(names)


def test_whoever_unpacks_an_archive_removes_what_a_dead_process_half_unpacked(
    tmp_path: Path,
) -> None:
    name, raw = travel.archive()
    for each in ("~host.1.1", "~host.2.1"):
        (tmp_path / each / "xpm").mkdir(parents=True)
    old(tmp_path / "~host.1.1")

    travel.unpack(raw, str(tmp_path), name)

    assert {name, "~host.2.1"} == {each.name for each in tmp_path.iterdir()}
