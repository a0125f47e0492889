"""What a site allows: kept with its age, unknown where it was not told."""

import json
from pathlib import Path

from xpm.agent import limits
from xpm.agent.limits import Association, Nodes, Partition, Qos, SiteLimits
from xpm.wire import files, workspace

PARTITION = Partition(
    "cpu", True, "UP", 3600, 600, None, 2, None, None, "normal", None, (), ("normal",), ("low",), None
)  # fmt: skip
KNOWN = SiteLimits(
    at=12.5, problems=("sacctmgr: no answer",), version="22.05.8", cluster="c", max_array_size=1001,
    max_array_tasks=None, max_submit=50, max_job_count=10000, message_timeout_s=10, min_job_age_s=300,
    kill_wait_s=30, can_requeue=True, has_rewriting=False, hides_jobs=False, has_accounting=True, enforced=("limits", "qos"),
    partitions=(PARTITION,), nodes=(Nodes("cpu", 2, 4, 4000, {"a100": 4}),), licenses={"matlab": 2},
    groups=("alice",),
    associations=(Association("lab", "", ("normal",), None, True, None, 50, 600, {"cpu": 4}, {}),),
    qos=(Qos("normal", ("DenyOnLimit",), 60, None, 5, {}, {"gres/gpu": 1}, {}),),
)  # fmt: skip


def test_what_was_learned_is_kept_with_its_age(tmp_path: Path) -> None:
    layout, _ = workspace.prepare(str(tmp_path))

    limits.write(layout, KNOWN)

    assert KNOWN == limits.read(layout)
    assert 1 == json.loads(Path(layout.limits).read_text())["format"]


def test_before_anybody_asked_all_is_unknown(tmp_path: Path) -> None:
    layout, _ = workspace.prepare(str(tmp_path))

    assert limits.UNKNOWN == limits.read(layout)
    assert limits.UNKNOWN.at is None
    assert limits.UNKNOWN == limits.parse(limits.dump(limits.UNKNOWN))


def test_a_damaged_file_and_one_of_another_format_are_learned_again(tmp_path: Path) -> None:
    layout, _ = workspace.prepare(str(tmp_path))

    files.write(layout.limits, b"{")
    damaged = limits.read(layout)
    files.write(layout.limits, files.dump({"format": 2, "at": 1.0}))

    assert [limits.UNKNOWN, limits.UNKNOWN] == [damaged, limits.read(layout)]
