"""How a run finds its queue entry among thousands."""

from pathlib import Path

import pytest

from tests.runner.workshop import Workshop, job_id
from xpm.runner.order import OrderProblem, read_entry
from xpm.wire.workspace import write_bundle


def bundle(workshop: Workshop, *entries: dict[str, object]) -> str:
    return workshop.layout.bundle(write_bundle(workshop.layout, list(entries)))


def test_an_entry_is_found_among_others(workshop: Workshop) -> None:
    names = [str(number) for number in range(20)]
    path = bundle(workshop, *(workshop.entry(job_id(name), name) for name in names))

    for name in names:
        assert workshop.entry(job_id(name), name) == read_entry(path, job_id(name))


def test_of_two_entries_the_higher_attempt_counts(workshop: Workshop) -> None:
    entries = [workshop.entry(job_id("a"), f"{n}", attempt=n) for n in (1, 3, 2)]

    assert entries[1] == read_entry(bundle(workshop, *entries), job_id("a"))


@pytest.mark.parametrize(
    "tags",
    [
        {"job": job_id("a")},
        {"attempt": 1, "job": job_id("a")},
        {"text": f'{{"attempt":1,"job":"{job_id("a")}"'},
    ],
)
def test_tags_that_look_like_an_entry_deceive_nobody(
    workshop: Workshop, tags: dict[str, object]
) -> None:
    one = workshop.entry(job_id("a"), "1", tags=tags)
    other = workshop.entry(job_id("b"), "2", tags=tags)
    path = bundle(workshop, other, one)

    assert one == read_entry(path, job_id("a"))
    assert other == read_entry(path, job_id("b"))


def test_a_job_that_is_only_a_parent_is_not_found(workshop: Workshop) -> None:
    parents = [["lab.count", job_id("a")]]
    path = bundle(workshop, workshop.entry(job_id("b"), "2", parents=parents))

    with pytest.raises(OrderProblem, match="says nothing of job"):
        read_entry(path, job_id("a"))


def test_a_bundle_that_is_gone_or_damaged_is_told(tmp_path: Path) -> None:
    (tmp_path / "bad").write_text("{")

    with pytest.raises(OrderProblem, match="is missing"):
        read_entry(str(tmp_path / "gone"), job_id("a"))
    with pytest.raises(OrderProblem, match="cannot be read"):
        read_entry(str(tmp_path / "bad"), job_id("a"))
