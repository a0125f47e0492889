"""Compiled code makes nothing where the disk of a workspace was."""

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from xpm.agent import nursery
from xpm.connectors import bootstrap
from xpm.wire import frames, travel
from xpm.wire.workspace import prepare

pytestmark = pytest.mark.host
WRITES = {k: v for k, v in os.environ.items() if k != "PYTHONDONTWRITEBYTECODE"}

GOES_AWAY = """
import os, sys

def hook(event, arguments):
    if event == "compile" and str(arguments[1]).endswith("SOURCE"):
        os.rename("DISK", "DISK.away")
    if event == "exec" and not os.path.exists("DISK/.xpm/workspace.json"):
        os._exit(3)

sys.addaudithook(hook)
"""
"""The disk goes away between the reading of a source and the writing of what it was compiled to."""


def launched(disk: Path, program: str) -> str:
    argv = [program, "run", str(disk), "none"]
    return f"import runpy; sys.argv[:] = {argv!r}; runpy.run_path(sys.argv[0], run_name='__main__')"


def nursed(disk: Path, program: str) -> str:
    return f"sys.argv[:] = {['-c', program, str(disk)]!r}; {nursery._START}"


def reached(disk: Path, program: str) -> str:
    return f"import base64, zlib; exec(zlib.decompress(base64.b64decode({bootstrap._source()!r})))"


@pytest.mark.parametrize(
    ("start", "source"),
    [(launched, "launch.py"), (nursed, "nursery.py"), (reached, "agent/serve.py")],
)
def test_a_program_of_ours_whose_disk_goes_away_as_it_is_loaded_makes_nothing_there(
    start: Callable[[Path, str], str], source: str, tmp_path: Path
) -> None:
    disk = tmp_path / "disk"
    layout, _ = prepare(str(disk))
    sha12, raw = travel.archive()
    program = travel.unpack(raw, layout.travel, sha12)
    asked = {"workspace": str(disk), "travel": sha12, "size": len(raw), "known": None}
    prelude = GOES_AWAY.replace("SOURCE", source).replace("DISK", str(disk))

    done = subprocess.run(
        [sys.executable, "-c", prelude + start(disk, program)],
        input=frames.message(0, {**asked, "files": travel.count(raw)}),
        capture_output=True, timeout=60, check=False, cwd="/", env=WRITES,
    )  # fmt: skip

    assert 3 == done.returncode, done.stderr
    assert ["disk.away"] == [each.name for each in tmp_path.iterdir()]


def test_compiled_code_is_kept_as_ever_where_the_disk_is_there(tmp_path: Path) -> None:
    (tmp_path / "lib").mkdir()
    (tmp_path / "lib" / "once.py").touch()
    code = "from xpm.wire import bytecode; bytecode.keep_beside_sources(); import sys; sys.path[:0] = ['lib']; import once"

    argv = [sys.executable, "-c", f"import sys; sys.path[:0] = {sys.path!r}; {code}"]
    subprocess.run(argv, cwd=tmp_path, check=True, env=WRITES)

    assert ["once"] == [each.name.split(".")[0] for each in tmp_path.glob("lib/__pycache__/*.pyc")]
