"""Long chains of tasks: what is kept of each does not grow with what came before."""

from typing import Any

import pytest

from tests.plan.recording import Recording
from xpm import Param, Task, tag
from xpm.plan.tags import TagConflict


class Chained(Task):
    x: Param[int]
    before: Param[Any] = None

    def execute(self) -> None:
        """Nothing."""


def test_tags_come_through_a_thousand_sealed_tasks(xp: Recording) -> None:
    last = Chained(x=tag(0)).tag("first", "yes")
    last.submit()
    for index in range(1, 1000):
        last = Chained(x=index, before=last)
        last.submit()

    assert {"first": "yes", "x": 0} == last.tags()
    assert xp.submitted[-1].tags == last.tags()


def test_the_outermost_tag_counts_across_sealed_tasks(xp: Recording) -> None:
    inner = Chained(x=tag(1)).tag("name", "inner")
    inner.submit()
    middle = Chained(x=2, before=inner)
    middle.submit()
    outer = Chained(x=3, before=[middle, inner]).tag("name", "outer")

    with pytest.warns(TagConflict):
        assert {"name": "outer", "x": 1} == outer.tags()
