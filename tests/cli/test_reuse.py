"""What a finished job is reused for, when its plan has changed since."""

from pathlib import Path

import pytest

from tests.cli.commands import Ended, xpm

pytestmark = pytest.mark.host

PLAN = """
from pathlib import Path
from xpm import Config, Meta, Param, Task, experiment

class Model(Config):
    layers: Param[int]
    hidden: Param[int] = {hidden}

class Learn(Task):
    model: Param[Model]
    data: Param[Path]
    note: Meta[str] = "none"
    {more}

    def execute(self):
        print("trained", self.model.hidden)

with experiment("main", "reuse"):
    learn = Learn(model=Model(layers=3), data="{data}", note="{note}").submit()
"""


def run(home: Path, **said: str) -> Ended:
    told = {"hidden": "10", "data": "/data/a", "note": "n", "more": "pass", **said}
    (home / "plan.py").write_text(PLAN.format(**told))
    return xpm("run", "plan.py", home=home)


def test_a_finished_job_is_reused_only_for_what_is_the_same(tmp_path: Path) -> None:
    assert run(tmp_path).code == 0
    (log,) = tmp_path.glob("main/jobs/plan.learn/*/stdout")

    refused = run(tmp_path, hidden="20")
    moved = run(tmp_path, data="/data/b", note="other")
    extended = run(tmp_path, more="size: Param[int] = 7")

    assert refused.code == 2
    assert "model.hidden was 10, and is 20 now" in refused.err
    assert "plan.py:19" in refused.err
    assert str(log.parent) in refused.err
    assert moved.code == 0
    assert "is reused although data was '/data/a', and is '/data/b' now" in moved.err
    assert "note" not in moved.err
    assert extended.code == 0
    assert "jobs are reused although size is new, and 7 by default" in extended.err
    assert log.read_text() == "trained 10\n"
