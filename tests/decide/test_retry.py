"""Which ends are forgiven, and what the next attempt asks for."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from xpm.decide import retry
from xpm.decide.retry import End, Rule


def ends(*causes: str) -> list[End]:
    return [End(cause, 1, 0.0, f"n{number}") for number, cause in enumerate(causes)]


def far(cause: str, progress: float, times: int = 1) -> End:
    return End(cause, times, progress, "")


def forgiven(rules: retry.Table, *found: End) -> bool:
    return retry.is_forgiven(found[-1].cause, found, rules)


def test_without_a_word_only_what_the_site_did_is_forgiven() -> None:
    assert forgiven(retry.DEFAULT, *ends("lost"))
    assert not forgiven(retry.DEFAULT, *ends("lost", "lost"))
    assert forgiven(retry.DEFAULT, *ends(*["node_fail"] * 3))
    assert not forgiven(retry.DEFAULT, *ends(*["node_fail"] * 4))
    assert forgiven(retry.DEFAULT, *ends(*["preempted"] * 10))
    for cause in ("exit", "signal", "oom", "timeout", "cancelled", "dependency", "launch"):
        assert not forgiven(retry.DEFAULT, *ends(cause))


def test_each_cause_has_its_own_budget() -> None:
    rules = retry.table({"oom": {"max": 1}, "timeout": {"max": 1}})

    assert forgiven(rules, *ends("oom", "timeout", "node_fail"))
    assert not forgiven(rules, *ends("oom", "timeout", "oom"))


def test_progress_renews_the_budget_of_a_rule_that_says_so() -> None:
    rules = retry.table({"timeout": {"max": 1, "renews": True}})

    assert forgiven(rules, far("timeout", 0.1), far("timeout", 0.2), far("timeout", 0.3))
    assert not forgiven(rules, far("timeout", 0.2), far("timeout", 0.2), far("timeout", 0.1))
    assert not forgiven(
        retry.table({"timeout": {"max": 1}}), far("timeout", 0.1), far("timeout", 0.2)
    )


def test_requeues_from_a_checkpoint_count_as_often_as_they_were() -> None:
    rules = retry.table({"timeout": {"max": 3}})

    assert forgiven(rules, far("timeout", 0.0, times=3))
    assert not forgiven(rules, far("timeout", 0.0, times=4))


def test_the_pause_doubles() -> None:
    rules = retry.table({"exit": {"max": 9, "backoff_s": 10}})

    assert [10.0, 20.0, 40.0] == [
        retry.pause_s("exit", ends(*["exit"] * n), rules) for n in (1, 2, 3)
    ]
    assert retry.pause_s("exit", ends(*["exit"] * 99), rules) == retry.LONGEST_BACKOFF_S
    assert retry.pause_s("lost", ends("lost"), rules) == 0.0


REQUEST: dict[str, Any] = {
    "kind": "slurm",
    "options": ["--partition=cpu", "--time=10", "--mem=1024M"],
    "resources": {"cpus": 1, "mem_mib": 1024, "time_s": 600},
    "retry": {
        "oom": {
            "max": 2,
            "steps": [
                {"options": ["--mem=2048M"], "resources": {"mem_mib": 2048}},
                {"options": ["--mem=4096M"], "resources": {"mem_mib": 4096}},
            ],
        },
        "timeout": {
            "max": 3,
            "steps": [{"options": ["--time=15"], "resources": {"time_s": 900}}],
        },
        "node_fail": {"max": 3, "exclude_node": True},
    },
}


@pytest.mark.parametrize(
    ("causes", "options"),
    [
        ([], ["--partition=cpu", "--time=10", "--mem=1024M"]),
        (["exit"], ["--partition=cpu", "--time=10", "--mem=1024M"]),
        (["oom"], ["--partition=cpu", "--time=10", "--mem=2048M"]),
        (["oom", "oom", "oom"], ["--partition=cpu", "--time=10", "--mem=4096M"]),
        (["timeout", "oom", "timeout"], ["--partition=cpu", "--time=15", "--mem=2048M"]),
        (
            ["node_fail", "oom", "node_fail"],
            ["--partition=cpu", "--time=10", "--mem=2048M", "--exclude=n0,n2"],
        ),
    ],
)
def test_an_attempt_asks_for_what_the_ends_before_it_call_for(
    causes: list[str], options: list[str]
) -> None:
    assert options == retry.effective_request(REQUEST, ends(*causes))["options"]


def test_a_request_that_nothing_changes_stays_the_same() -> None:
    assert retry.effective_request(REQUEST, []) is REQUEST
    assert retry.effective_request({"retry": {"lost": {"max": 1}}}, ends("lost")) == {
        "retry": {"lost": {"max": 1}}
    }


def test_resources_tell_what_is_asked_for_now() -> None:
    found = retry.effective_request(REQUEST, ends("oom", "timeout"))

    assert {"cpus": 1, "mem_mib": 2048, "time_s": 900} == found["resources"]
    assert REQUEST["resources"]["mem_mib"] == 1024


def test_nodes_to_avoid_are_added_to_those_of_the_profile() -> None:
    request = {**REQUEST, "options": ["--exclude=bad1"]}

    found = retry.effective_request(request, ends("node_fail"))

    assert ["--exclude=bad1,n0"] == found["options"]


@given(st.lists(st.sampled_from(["oom", "timeout", "node_fail", "exit", "lost"]), max_size=12))
def test_the_order_of_ends_does_not_change_what_is_asked_for(causes: list[str]) -> None:
    found = [End(cause, 1, 0.0, "n") for cause in causes]

    assert retry.effective_request(REQUEST, found) == retry.effective_request(REQUEST, found[::-1])


@given(
    st.lists(st.builds(End, st.just("timeout"), st.integers(1, 3), st.floats(0, 1), st.just("")), max_size=20),
    st.integers(0, 5),
)  # fmt: skip
def test_a_budget_without_progress_is_always_spent_at_last(found: list[End], most: int) -> None:
    rule = Rule(most, True, 0.0)
    standstill = max([0.0, *(each.progress for each in found)])
    stuck = [*found, *[far("timeout", standstill)] * (most + 1)]

    assert not retry.is_forgiven("timeout", stuck, (("timeout", rule),))


@pytest.mark.parametrize(
    ("rule", "requeues", "restarts", "may"),
    [
        ({"max": 3, "mode": "requeue"}, 0, 0, True),
        ({"max": 3, "mode": "requeue"}, 2, 2, True),
        ({"max": 3, "mode": "requeue"}, 3, 3, False),
        ({"max": 3, "mode": "requeue"}, 0, retry.MOST_RESTARTS, False),
        ({"max": 3, "mode": "resubmit"}, 0, 0, False),
        ({"max": 3, "mode": "requeue", "steps": [{}]}, 0, 0, False),
        ({}, 0, 0, False),
    ],
)
def test_a_run_that_stopped_in_time_goes_on_in_place_if_the_rule_and_slurm_let_it(
    rule: dict[str, Any], requeues: int, restarts: int, may: bool
) -> None:
    assert may == (not retry.why_not_in_place(rule, requeues, restarts))
