"""Tags against metrics."""

import math

import pytest

from xpm.metrics.table import Result, Spread, grouped, names


def result(value: float, kind: str = "t", **tags: object) -> Result:
    return Result("7f", kind, "done", tags, {"accuracy": value}, "/x")


def test_jobs_that_differ_in_other_tags_are_one_row() -> None:
    found = grouped(
        [result(0.5, lr=0.1, seed=0), result(0.2, lr=1, seed=0), result(0.7, lr=0.1, seed=1)],
        ["lr"],
    )

    assert [({"lr": 0.1}, 2), ({"lr": 1}, 1)] == [(each.tags, each.jobs) for each in found]
    assert pytest.approx(0.6) == found[0].metrics["accuracy"].mean
    assert pytest.approx(math.sqrt(0.02)) == found[0].metrics["accuracy"].sd
    assert Spread(0.2, None, 1) == found[1].metrics["accuracy"]


def test_tasks_are_never_mixed_nor_truths_with_numbers() -> None:
    rows = [result(1, x=1), result(2, x=True), result(3, x=1.0), result(4, "u", x=1), result(5)]

    assert [2, 1, 1, 1] == [each.jobs for each in grouped(rows, ["x"])]


def test_what_is_no_number_has_no_spread() -> None:
    (found,) = grouped([result(math.inf), result(1), result(math.nan)], [])

    assert (3, None) == (found.metrics["accuracy"].jobs, found.metrics["accuracy"].sd)
    assert math.isnan(found.metrics["accuracy"].mean)


def test_a_metric_named_like_a_tag_is_told_apart() -> None:
    cells = result(0.5, accuracy="high", job="a").cells()

    assert {
        "task": "t", "job": "7f", "state": "done", "accuracy": "high", "tags.job": "a",
        "metrics.accuracy": 0.5,
    } == cells  # fmt: skip
    assert ["task", "job", "state", "accuracy", "tags.job", "metrics.accuracy"] == names(
        [cells, cells]
    )
