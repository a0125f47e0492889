"""Which jobs a filter means."""

from datetime import UTC, datetime

import pytest

from xpm.errors import UsageProblem
from xpm.follow import choosing, filters
from xpm.follow.targets import is_filter
from xpm.follow.views import JobView

JOB = JobView(
    id="7f3a" + "0" * 60, task="digits.learn", state="pending", cause=None, attempt=2,
    generation=0, batch_id="7", launcher="gpu", connector="campus",
    tags={"lr": 0.1, "k": 3, "model": "cnn", "deep": True, "state": "odd"}, path="/x",
    seen_at=datetime(2026, 1, 1, tzinfo=UTC), reason="", message="", settled=False,
)  # fmt: skip


@pytest.mark.parametrize(
    "text",
    [
        "lr=0.1", "lr=1e-1", "lr==0.1", "k=3", "k=3.0", "k<5", "k<=3", "lr>0.09", "model=cnn",
        "model='cnn'", "model=c*", "model>=b", "deep=true", "state=pending", "task=digits.*",
        "id=7f3", "attempt>1", "experiment=digits", "connector=campus and launcher=gpu",
        "cause!=oom", "tag.state=odd", "lr=0.1 and state=pending", "k=5 or k=3",
        "not k=5", "not (k=5 or k=7)", "k=5 and k=7 or lr=0.1", "NOT k=5 AND lr<1",
        "( k = 3 )", "k!='3.0'",
    ],
)  # fmt: skip
def test_a_job_that_is_meant(text: str) -> None:
    assert is_filter(text)
    assert filters.passes(filters.parse(text), JOB, "digits")


@pytest.mark.parametrize(
    "text",
    [
        "lr=0.2", "k!=3", "k>3", "k='3.0'", "model=c", "model=c?n", "deep=1", "state=done",
        "cause=oom", "experiment=other", "not k=3", "k=3 and lr=0.2", "k=5 or k=7",
        "k=5 and (k=7 or lr=0.1)", "lost_tag<5", "lost_tag=5", "not (k=3 or k=4)",
    ],
)  # fmt: skip
def test_a_job_that_is_not_meant(text: str) -> None:
    assert not filters.passes(filters.parse(text), JOB, "digits")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("lr=", "a value is missing at its end"),
        ("lr=0.1 k=3", "'and', 'or' or the end is missing at 'k=3'"),
        ("=3", "a tag or one of state, task"),
        ("(k=3", "')' is missing at its end"),
        ("not", "a tag or one of"),
        ("k=3 and", "a tag or one of"),
        ("k=!", "something else is missing at '!'"),
        ("k='3", "is missing at"),
        ("state=pendign", "did you mean 'pending'?"),
        ("cause=fire", "one of exit, signal, oom"),
    ],
)
def test_a_filter_that_cannot_be_read_says_where(text: str, words: str) -> None:
    with pytest.raises(UsageProblem) as caught:
        filters.parse(text)
    assert words in str(caught.value)


def test_a_tag_that_no_job_has_is_refused() -> None:
    choosing.check_tags(filters.parse("k=3 and tag.state=odd"), JOB.tags)
    for text in ("not kk=3", "tag.kk=3", "k=3 or (kk<3)"):
        with pytest.raises(UsageProblem, match="no job has a tag 'kk'"):
            choosing.check_tags(filters.parse(text), JOB.tags)


@pytest.mark.parametrize("text", ["7f3a", "digits", "digits.learn/7f3a", "my-experiment_1"])
def test_names_and_ids_are_no_filters(text: str) -> None:
    assert not is_filter(text)
