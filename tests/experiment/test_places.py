"""Plans whose launcher may go to several places, run for real on this machine."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.host
CHECKOUT = Path(__file__).parents[2]

PROFILE = """
version: 1
connectors:
  small: {kind: local, only_if: {time: "<=15m"}, cost: 0, tags: [quick]}
  large: {kind: local, cost: 1}
launchers:
  either: {connectors: [small, large]}
default: either
"""

PLAN = """
from xpm import Param, Req, Task, experiment

class First(Task):
    __xpmid__ = "demo.first"
    __require__ = "time=5m"
    n: Param[int]
    def execute(self): pass

class Second(Task):
    __xpmid__ = "demo.second"
    first: Param[First]
    def execute(self): pass

with experiment("main", "exp", require="cpus=1") as xp:
    one, two = First(n=1), First(n=2)
    one.submit()
    two.submit(require=Req(time="1h"))
    Second(first=one).submit(require="time=5m")
    Second(first=two).submit(require="time=5m")
    {more}
"""


def run(folder: Path, more: str = "pass") -> "subprocess.CompletedProcess[str]":
    (folder / "config").mkdir(exist_ok=True)
    (folder / "config/launchers.yaml").write_text(PROFILE)
    (folder / "plan.py").write_text(PLAN.format(more=more))
    environ = {
        "PATH": os.environ["PATH"],
        "HOME": str(folder),
        "XPM_CONFIG_DIR": str(folder / "config"),
        "XDG_STATE_HOME": str(folder / "state"),
        "PYTHONPATH": str(CHECKOUT),
        "LANG": "C.UTF-8",
    }
    command = [sys.executable, "-m", "xpm", "run", "plan.py"]
    return subprocess.run(
        command, cwd=folder, env=environ, capture_output=True, text=True, timeout=120, check=False
    )


def test_each_task_goes_where_it_can_be_had_and_stays_with_what_it_depends_on(
    tmp_path: Path,
) -> None:
    done = run(tmp_path)

    assert done.returncode == 0, done.stderr
    lines = (tmp_path / "main/xp/exp/jobs.jsonl").read_text().splitlines()
    places = [(each["task"], each["connector"]) for each in map(json.loads, lines)]
    assert places == [
        ("demo.first", "small"),
        ("demo.first", "large"),
        ("demo.second", "small"),
        ("demo.second", "large"),
    ]
    entry = json.loads((tmp_path / "main/xp/exp/run.json").read_text())
    assert "require" not in json.dumps(entry)


def test_what_no_place_can_give_ends_the_plan_with_the_table_and_nothing_is_submitted_for_it(
    tmp_path: Path,
) -> None:
    done = run(tmp_path, 'First(n=3).submit(require="cpus=99999 & time=1h")')

    assert done.returncode == 2
    assert "none of small, large can take this job" in done.stderr
    assert "    small: time 1h, only <=15m may come here; 99999 cores, it has " in done.stderr
    assert "    large: 99999 cores, it has " in done.stderr
    number = PLAN.splitlines().index("    {more}") + 1
    assert f"submitted at plan.py:{number}" in done.stderr
