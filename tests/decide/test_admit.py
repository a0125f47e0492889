"""Who may start: limits, tokens, the host's room, and nobody left behind for ever."""

from hypothesis import given
from hypothesis import strategies as st

from xpm.decide.admit import WHOLE, Admission, Candidate, Limits, Want, admit

PATIENCE = 60.0


def token(name: str, count: int, total: int) -> Want:
    return Want(f"token {name}", count, total, f"token {name}")


def cores(count: int, total: int = 8) -> Want:
    return Want("cores", count, total, "cores")


def job(name: str, *needs: Want, tokens: tuple[Want, ...] = (), waited: float = 0.0) -> Candidate:
    return Candidate(name, tokens, False, needs, waited)


def start(*ready: Candidate, slots: int | None = None, **used: int) -> Admission:
    return admit(ready, Limits(slots, PATIENCE), {f"token {n}": k for n, k in used.items()} | used)


def test_jobs_start_in_the_order_they_came_as_far_as_there_are_slots() -> None:
    ready = [job(name) for name in "abc"]

    assert start(*ready, slots=2).admitted == ["a", "b"]
    assert start(*ready).admitted == ["a", "b", "c"]


def test_a_job_that_lacks_a_token_is_passed_over_and_told_why() -> None:
    big = job("big", tokens=(token("gpu", 2, 2),))
    small = job("small", tokens=(token("gpu", 1, 2),))

    admission = start(big, small, gpu=1)

    assert admission.admitted == ["small"]
    assert admission.reasons == {"big": "waits for token gpu (2 of 2)"}


def test_a_job_that_has_its_tokens_already_needs_no_more() -> None:
    mine = Candidate("a", (token("gpu", 1, 1),), True, (), 0.0)

    assert start(mine, gpu=1).admitted == ["a"]


def test_what_can_never_be_had_is_told_apart_from_what_must_wait() -> None:
    admission = start(job("a", cores(9)), job("b", cores(8)), cores=1)

    assert admission.never == {"a": "9 cores, there are 8"}
    assert admission.reasons == {"b": "waits for cores (8 of 8)"}


def test_whose_plan_says_that_there_are_fewer_waits_until_fewer_are_used() -> None:
    admission = start(
        job("mine", tokens=(token("cpu", 1, 3),)),
        job("theirs", tokens=(token("cpu", 1, 5),)),
        cpu=4,
    )

    assert admission.admitted == ["theirs"]
    assert admission.reasons == {
        "mine": "waits for token cpu (1 of 3): 4 in use, or kept for jobs before it"
    }


def test_who_wants_the_host_for_itself_waits_until_it_is_empty_and_then_has_it() -> None:
    alone = job("alone", Want("host", WHOLE, WHOLE, "the whole host"))
    shares = job("shares", Want("host", 1, WHOLE, "the whole host"))

    assert start(alone, shares).admitted == ["alone"]
    assert start(alone, shares, host=1).admitted == ["shares"]
    assert start(alone, host=1).reasons == {"alone": "waits for the whole host"}


def test_what_was_passed_over_for_long_is_kept_free_for_it() -> None:
    big, small = job("big", cores(8), waited=PATIENCE), job("small", cores(1))

    assert start(big, small, cores=4).admitted == []
    assert start(big._replace(waited_s=0.0), small, cores=4).admitted == ["small"]
    assert start(big, small).admitted == ["big"]


def test_cores_are_not_left_idle_for_a_job_that_waits_for_a_token() -> None:
    old = job("old", cores(8), tokens=(token("lane", 1, 1),), waited=PATIENCE)
    token_too = job("token", cores(1), tokens=(token("lane", 1, 1),))

    admission = start(old, token_too, job("small", cores(1)), lane=1)

    assert admission.admitted == ["small"]


names = st.sampled_from(["x", "y"])
needs = st.lists(
    st.tuples(names, st.integers(1, 3)).map(lambda n: Want(n[0], n[1], 3, n[0])),
    max_size=2,
    unique_by=lambda want: want.what,
)


@given(st.lists(st.tuples(needs, st.sampled_from([0.0, PATIENCE])), max_size=8), st.integers(0, 8))
def test_never_more_than_there_is(wishes: list[tuple[list[Want], float]], slots: int) -> None:
    ready = [job(str(n), *wants, waited=waited) for n, (wants, waited) in enumerate(wishes)]

    admitted = start(*ready, slots=slots).admitted

    assert len(admitted) <= slots
    for name in "xy":
        wants = [want for each in admitted for want in wishes[int(each)][0] if want.what == name]
        assert sum(want.count for want in wants) <= 3


@given(st.lists(st.tuples(needs, st.integers(1, 40)), min_size=1, max_size=40), st.data())
def test_every_job_starts_however_many_smaller_ones_come(
    stream: list[tuple[list[Want], int]], data: st.DataObject
) -> None:
    big = data.draw(needs)
    ready = [job("big", *big)]
    running: list[tuple[int, tuple[Want, ...]]] = []

    for now in range(1000):
        running = [(ends, wants) for ends, wants in running if ends > now]
        wants, length = stream[now % len(stream)]
        ready.append(job(f"{now} {length}", *wants))  # one more at each turn, for ever
        used: dict[str, int] = {}
        for _, taken in running:
            for want in taken:
                used[want.what] = used.get(want.what, 0) + want.count
        seen = [each._replace(waited_s=now if each.job == "big" else 0.0) for each in ready]
        admitted = set(admit(seen, Limits(None, PATIENCE), used).admitted)
        if "big" in admitted:
            break
        for each in ready:
            if each.job in admitted:
                running.append((now + int(each.job.split()[1]), each.needs))
        ready = [each for each in ready if each.job not in admitted][:30]

    # patience, then at most one longest job for each of the two kinds
    assert now <= PATIENCE + 2 * 40 + 1
