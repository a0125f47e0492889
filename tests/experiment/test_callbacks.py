"""Functions called when jobs end: once per job and run, whatever happens around them."""

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.experiment.laptop import Laptop
from tests.follow.fakes import Cluster, sealed
from xpm._experiment import Experiment
from xpm._jobs import Handle
from xpm.errors import CallbackFailed, JobsFailed
from xpm.plan import context

A, B = sealed("a"), sealed("b", sealed("a"))


@pytest.fixture
def called() -> list[object]:
    return []


def fail_a(cluster: Cluster) -> None:
    cluster.fate = lambda entry: "failed" if entry["job"] == A.job else "done"


def test_equal_tasks_with_different_callbacks_are_one_job_that_calls_both(
    laptop: Laptop, cluster: Cluster, called: list[object]
) -> None:
    with laptop.experiment() as xp:
        xp.accept(A, "first", None).on_completed(called.append)
        xp.accept(A, "second", None).on_completed(lambda task: called.append((task, "too")))

    assert called == ["first", ("second", "too")]
    assert cluster.ran[A.job] == 1


def test_a_callback_given_twice_for_a_job_is_called_once(
    laptop: Laptop, called: list[object]
) -> None:
    def note(task: object) -> None:
        called.append(task)

    with laptop.experiment() as xp:
        handle = xp.accept(A, "first", None)
        handle.on_completed(note)
        handle.on_completed(note)
        xp.wait()
        xp.accept(A, "second", None).on_completed(note)
        handle.on_completed(note)

    assert called == ["first"]


def test_a_callback_given_after_the_end_is_called_once(
    laptop: Laptop, called: list[object]
) -> None:
    with laptop.experiment() as xp:
        handle = xp.accept(A, "a", None)
        handle.wait()
        handle.on_completed(called.append)
        assert called == []
        xp.wait()
        assert called == ["a"]

    assert called == ["a"]


def test_a_callback_given_after_the_experiment_is_called_at_once(
    laptop: Laptop, called: list[object]
) -> None:
    with laptop.experiment() as xp:
        handle = xp.accept(A, "a", None)

    handle.on_completed(called.append)
    handle.on_completed(called.append)
    handle.on_failed(called.append)

    assert called == ["a"]


def test_every_run_of_the_script_calls_each_once_also_for_what_was_done_before(
    laptop: Laptop, cluster: Cluster, called: list[object]
) -> None:
    def plan(xp: Experiment) -> None:
        xp.accept(A, "a", None).on_completed(called.append)
        xp.accept(B, "b", None).on_completed(called.append)

    for _ in range(3):
        laptop.run(plan)

    assert called == ["a", "b"] * 3
    assert cluster.ran[A.job] == cluster.ran[B.job] == 1


def test_what_fails_and_what_is_skipped_after_it_is_called_by_on_failed(
    laptop: Laptop, cluster: Cluster, called: list[object]
) -> None:
    fail_a(cluster)

    def plan(xp: Experiment) -> None:
        a, b = xp.accept(A, "a", None), xp.accept(B, "b", None)
        for handle in (a, b):
            handle.on_completed(called.append)
            handle.on_failed(noting(handle))

    def noting(handle: Handle) -> Callable[[object], object]:
        return lambda task: called.append(f"{task} {handle.state}")

    with pytest.raises(JobsFailed):
        laptop.run(plan)

    assert {"a failed", "b skipped"} == set(called)
    assert len(called) == 2


def test_on_failed_may_submit_what_to_do_instead(
    laptop: Laptop, cluster: Cluster, called: list[object]
) -> None:
    fail_a(cluster)

    def plan(xp: Experiment) -> None:
        instead = sealed("instead")
        xp.accept(A, "a", None).on_failed(
            lambda task: xp.accept(instead, "instead", None).on_completed(called.append)
        )

    with pytest.raises(JobsFailed, match="1 of 2 tasks failed"):
        laptop.run(plan)

    assert called == ["instead"]


def boom(task: object) -> None:
    raise KeyError(f"no score of {task}")


def test_a_callback_that_raises_is_shown_and_fails_the_experiment_after_the_others(
    laptop: Laptop, called: list[object]
) -> None:
    def plan(xp: Experiment) -> None:
        a = xp.accept(A, "a", None)
        a.on_completed(boom)
        a.on_completed(called.append)
        xp.accept(B, "b", None).on_completed(called.append)

    with pytest.raises(CallbackFailed) as raised:
        laptop.run(plan)

    assert called == ["a", "b"]
    assert "a callback raised" in str(raised.value)
    assert f"boom (tests/experiment/test_callbacks.py:{line_of('a.on_completed(boom)')})" in str(
        raised.value
    )
    assert "KeyError: 'no score of a'" in str(raised.value)
    (note,) = [each for each in laptop.lines.notes if "Traceback" in each]
    assert 'raise KeyError(f"no score of {task}")' in note
    assert "xpm/_callbacks.py" not in note
    assert laptop.seen()["state"] == "failed"
    assert laptop.states() == ["done", "done"]


def test_a_raising_callback_is_called_again_with_the_next_run(
    laptop: Laptop, called: list[object]
) -> None:
    def plan(callback: Callable[[object], object]) -> Callable[[Experiment], object]:
        return lambda xp: xp.accept(A, "a", None).on_completed(callback)

    with pytest.raises(CallbackFailed):
        laptop.run(plan(boom))
    laptop.run(plan(called.append))

    assert called == ["a"]
    assert laptop.seen()["state"] == "done"


def test_failed_tasks_come_before_raising_callbacks_in_what_ends_the_plan(
    laptop: Laptop, cluster: Cluster
) -> None:
    fail_a(cluster)

    with pytest.raises(JobsFailed) as raised:
        laptop.run(lambda xp: xp.accept(A, "a", None).on_failed(boom))

    assert isinstance(raised.value.__cause__, CallbackFailed)
    assert any("Traceback" in each for each in laptop.lines.notes)


def test_a_callback_may_wait_for_what_it_submits(laptop: Laptop, called: list[object]) -> None:
    def check(task: object) -> None:
        handle = xp.accept(sealed("c"), "c", None)
        handle.on_completed(called.append)
        handle.wait()
        called.append((task, handle.state))

    with laptop.experiment() as xp:
        xp.accept(A, "a", None).on_completed(check)

    assert called == ["c", ("a", "done")]


def test_callbacks_that_submit_form_a_chain_of_any_length(
    laptop: Laptop, called: list[object]
) -> None:
    def grow(task: object) -> None:
        called.append(task)
        if len(called) < 20:
            xp.accept(sealed(f"c{len(called)}"), f"c{len(called)}", None).on_completed(grow)

    with laptop.experiment() as xp:
        xp.accept(A, "c0", None).on_completed(grow)

    assert called == [f"c{n}" for n in range(20)]


def test_what_a_callback_submits_belongs_to_its_experiment_whichever_is_open_too(
    laptop: Laptop,
) -> None:
    owners: list[object] = []

    with laptop.experiment() as outer:
        handle = outer.accept(A, "a", None)
        handle.on_completed(lambda task: owners.append(context.current()))
        with laptop.experiment() as inner:
            handle.wait()
            assert context.current() is inner
        assert context.current() is outer

    assert owners == [outer]


def test_an_interruption_inside_a_callback_interrupts_the_plan(laptop: Laptop) -> None:
    def interrupted(task: object) -> None:
        raise KeyboardInterrupt

    with pytest.raises(SystemExit) as ended:
        laptop.run(lambda xp: xp.accept(A, "a", None).on_completed(interrupted))

    assert ended.value.code == 130


def line_of(text: str) -> int:
    lines = Path(__file__).read_text().splitlines()
    return 1 + next(at for at, each in enumerate(lines) if each.strip() == text)
