"""The part of a filter that holds of a job whatever becomes of it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.cli.test_gauges import JOB
from xpm.follow import filters
from xpm.follow.filters import Both, Comparison, Either, Filter, Not
from xpm.follow.lasting import lasting

LEAVES = st.sampled_from(["lr=1", "lr=2", "state=done", "state=failed", "attempt>1", "task=work"])
FILTERS: st.SearchStrategy[Filter] = st.recursive(
    LEAVES.map(filters.parse),
    lambda inner: st.one_of(
        inner.map(Not), st.builds(Both, inner, inner), st.builds(Either, inner, inner)
    ),
)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("lr=0.1 and state=failed", "lr=0.1"),
        ("lr=0.1 or state=failed", None),
        ("not (lr=0.1 or state=failed)", "not lr=0.1"),
        ("not (lr=0.1 and state=failed)", None),
        (
            "not not lr=0.1 and (model=a or model=b) and attempt>1",
            "lr=0.1 and (model=a or model=b)",
        ),
        ("connector=campus and launcher=gpu", None),
        ("experiment=sweep and cause=oom", "experiment=sweep"),
    ],
)
def test_what_no_news_can_change_is_kept(text: str, expected: str | None) -> None:
    assert (None if expected is None else filters.parse(expected)) == lasting(filters.parse(text))


@given(
    FILTERS,
    st.sampled_from([1, 2, 3]),
    st.lists(st.tuples(st.sampled_from(["done", "failed", "running"]), st.sampled_from([1, 2]))),
)
def test_a_job_that_ever_passes_is_among_those_kept(
    wanted: Filter, rate: int, life: list[tuple[str, int]]
) -> None:
    from dataclasses import replace

    kept = lasting(wanted)
    for state, attempt in life:
        job = replace(JOB, tags={"lr": rate}, state=state, attempt=attempt)
        if filters.passes(wanted, job, "exp"):
            assert kept is None or filters.passes(kept, job, "exp")


def test_comparisons_are_values() -> None:
    assert Comparison("a", "=", "1", False) == filters.parse("a=1")
