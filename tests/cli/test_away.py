"""What became of jobs while nobody looked."""

from collections.abc import Sequence
from types import SimpleNamespace
from typing import Any

from xpm.cli import away
from xpm.connectors.base import JobRef


def row(job: str, state: str, connector: str = "campus") -> Any:
    return SimpleNamespace(ref=JobRef("demo.learn", job), state=state, connector=connector)


def test_what_was_not_over_before_and_is_now_is_counted_by_connector() -> None:
    rows = [row("a", "done"), row("b", "failed"), row("c", "running"), row("d", "done"),
            row("e", "done", "lab")]  # fmt: skip
    look: Any = SimpleNamespace(rows=lambda name: rows if name == "mine" else [])
    before: Sequence[tuple[str, JobRef, int]] = [
        (name, JobRef("demo.learn", job), 1) for name, job in
        (("campus", "a"), ("campus", "b"), ("campus", "c"), ("lab", "e"))
    ]  # fmt: skip

    assert away.ended(before, look, ["mine", "other"], {"campus": 38_000_000}) == [
        "campus: 1 failed, 1 done since you last looked; 38 MB of results came",
        "lab: 1 done since you last looked",
    ]
    assert away.ended([], look, ["mine"], {}) == []
