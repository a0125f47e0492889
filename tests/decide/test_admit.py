from hypothesis import given
from hypothesis import strategies as st

from xpm.decide.admit import Candidate, Limits, admit


def test_jobs_start_in_the_order_they_came_as_far_as_there_are_slots() -> None:
    ready = [Candidate(name, (), True) for name in "abc"]

    assert admit(ready, Limits(2), {}).admitted == ["a", "b"]
    assert admit(ready, Limits(None), {}).admitted == ["a", "b", "c"]


def test_a_job_that_lacks_a_token_is_passed_over_and_told_why() -> None:
    ready = [
        Candidate("big", (("gpu", 2, 2),), False),
        Candidate("small", (("gpu", 1, 2),), False),
    ]

    admission = admit(ready, Limits(None), {"gpu": 1})

    assert admission.admitted == ["small"]
    assert admission.reasons == {"big": "waits for token gpu (2 of 2)"}


def test_a_job_that_has_its_tokens_already_needs_no_more() -> None:
    ready = [Candidate("a", (("gpu", 1, 1),), True)]

    assert admit(ready, Limits(None), {"gpu": 0}).admitted == ["a"]


names = st.sampled_from(["x", "y"])
needs = st.lists(
    st.tuples(names, st.integers(1, 3), st.just(3)), max_size=2, unique_by=lambda n: n[0]
)


@given(st.lists(needs, max_size=8), st.integers(0, 8))
def test_never_more_than_there_is(wishes: list[list[tuple[str, int, int]]], slots: int) -> None:
    ready = [Candidate(str(n), tuple(each), False) for n, each in enumerate(wishes)]

    admitted = admit(ready, Limits(slots), {"x": 3, "y": 3}).admitted

    assert len(admitted) <= slots
    for name in "xy":
        assert sum(n[1] for job in admitted for n in wishes[int(job)] if n[0] == name) <= 3
