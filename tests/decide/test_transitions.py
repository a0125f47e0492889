from xpm.decide import retry, states, transitions
from xpm.decide.facts import (
    UNKNOWN_JOB,
    Accepted,
    CancelAsked,
    Claimed,
    Ended,
    Event,
    Evidence,
    Gone,
    Job,
    Joined,
    Over,
    Present,
    Refused,
    Revoke,
    Stop,
    Stuck,
    Tick,
    Told,
    Wanted,
)

NOW = 1000.0
BATCH = "123"


RULES = retry.table(
    {
        "timeout": {"max": 1, "renews": True},
        "oom": {"max": 1, "steps": [{"options": ["--mem=2G"]}]},
        "node_fail": {"max": 1, "exclude_node": True},
        "preempted": {"max": 2},
    }
)
FORGIVEN = sum(rule.most for _, rule in RULES)


def wanted(attempt: int = 1, rules: retry.Table = retry.DEFAULT) -> Wanted:
    return Wanted(attempt, rules)


def joined(attempt: int = 1) -> Joined:
    return Joined(attempt, f"s{attempt}", NOW)


def claimed(attempt: int = 1, slot: int = 1) -> Claimed:
    return Claimed(attempt, slot, f"s{attempt}", BATCH, slot, NOW, f"n{slot}")


def ended(
    state: str, attempt: int = 1, slot: int = 2, cause: str | None = None, progress: float = 0.0
) -> Ended:
    return Ended(attempt, slot, state, cause, "", NOW, 1, progress)


def after(*events: Event) -> Job:
    job = UNKNOWN_JOB
    for event in events:
        job, _ = transitions.step(job, event, NOW)
    return job


def word(job: Job, upstream: str = states.FREE) -> str:
    return transitions.word(job, upstream)


def lost(
    since: float = 0.0, at: float = 200.0, silent: bool = True, said: Over | None = None
) -> Gone:
    return Gone(since, at, 120.0, silent, said)


def told(evidence: Evidence, attempt: int = 1) -> Told:
    return Told(attempt, evidence)


def test_every_phase_has_a_line_for_every_event() -> None:
    kinds = (Wanted, CancelAsked, Joined, Accepted, Claimed, Ended, Told)

    assert {(phase, kind) for phase in states.PHASES for kind in kinds} == set(
        transitions.TRANSITIONS
    )


def test_every_word_says_what_it_means_for_children() -> None:
    assert set(states.WORDS) == set(states.UPSTREAM)


def test_a_job_goes_from_waiting_to_done() -> None:
    job = after(wanted())
    assert (word(job, states.HELD), word(job)) == (states.WAITING, states.READY)

    job = after(wanted(), joined())
    assert word(job) == states.SUBMITTED

    job = after(wanted(), joined(), told(Present("pending", "waits for its turn")))
    assert word(job) == states.PENDING

    job = after(wanted(), joined(), claimed())
    assert word(job) == states.RUNNING

    job = after(wanted(), joined(), claimed(), ended(states.DONE))
    assert word(job) == states.DONE


def test_a_job_is_skipped_while_a_parent_will_not_be_done_and_waits_again_after() -> None:
    job = after(wanted())

    assert word(job, states.BROKEN) == states.SKIPPED
    assert word(job, states.HELD) == states.WAITING


def test_a_running_job_is_not_skipped() -> None:
    assert word(after(wanted(), joined(), claimed()), states.BROKEN) == states.RUNNING


def test_a_done_job_is_never_run_again() -> None:
    job = after(wanted(), joined(), claimed(), ended(states.DONE), wanted(2))

    assert word(job) == states.DONE
    assert not transitions.is_open(job)


def test_a_failed_job_that_is_asked_for_again_gets_a_new_attempt() -> None:
    job = after(wanted(), joined(), claimed(), ended(states.FAILED, cause="exit"))
    assert word(job) == states.FAILED

    job = transitions.merge(job, wanted(2))

    assert word(job) == states.READY
    assert transitions.current(job).number == 2
    assert transitions.is_open(job)


def test_a_lost_job_is_submitted_once_more_by_itself() -> None:
    job = after(wanted(), joined(), ended(states.LOST, slot=1, cause="lost"))
    assert (word(job), transitions.current(job).number) == (states.READY, 2)

    job = after(
        wanted(), joined(), ended(states.LOST, slot=1, cause="lost"),
        joined(2), ended(states.LOST, attempt=2, slot=1, cause="lost"),
    )  # fmt: skip
    assert (word(job), transitions.current(job).number) == (states.LOST, 2)


def test_causes_are_forgiven_anew_when_somebody_asks_again() -> None:
    losses = [ended(states.LOST, attempt, 1, "lost") for attempt in (1, 2)]

    job = after(wanted(), *losses, wanted(3), ended(states.LOST, 3, 1, "lost"))

    assert (word(job), transitions.current(job).number) == (states.READY, 4)


def test_the_request_says_which_causes_are_forgiven() -> None:
    rules = retry.table({"timeout": {"max": 2}, "lost": {"max": 0}})
    end = ended(states.FAILED, cause="timeout")

    assert word(after(Wanted(1, rules), joined(), end)) == states.READY
    assert word(after(Wanted(1, rules), ended(states.LOST, 1, 1, "lost"))) == states.LOST


def test_after_a_cancel_nothing_is_forgiven() -> None:
    job = after(wanted(), CancelAsked(1), joined(), ended(states.LOST, slot=1, cause="lost"))

    assert word(job) == states.LOST


def test_a_job_that_is_asked_for_again_while_it_is_alive_goes_on_as_it_is() -> None:
    job = after(wanted(), joined(), wanted(2))
    assert transitions.current(job).number == 1

    job = transitions.merge(job, ended(states.FAILED, cause="exit"))
    assert transitions.current(job).number == 2


def test_an_attempt_that_never_joined_is_closed_before_a_later_one_may_join() -> None:
    job, actions = transitions.step(after(wanted()), wanted(2), NOW)
    revoke = Revoke(1, 1, "cancelled", "cancelled", "attempt 2 takes its place")
    assert [revoke] == actions
    assert not transitions.is_open(job)

    job, actions = transitions.step(job, ended("cancelled", 1, 1, "cancelled"), NOW)

    assert actions == []
    assert transitions.is_open(job)


def test_an_old_attempt_that_turns_out_to_be_running_stays_the_current_one() -> None:
    job = after(wanted(), wanted(2), claimed(1))

    assert (word(job), transitions.current(job).number) == (states.RUNNING, 1)


def test_a_job_is_lost_after_two_good_answers_without_it_that_are_far_enough_apart() -> None:
    job = after(wanted(), joined(), Accepted(1, BATCH, NOW))

    _, early = transitions.step(job, told(lost(at=119.0)), NOW)
    assert early == []

    job, actions = transitions.step(job, told(lost(at=120.0)), NOW)
    assert word(job) == states.UNKNOWN
    assert [(a.state, a.slot) for a in actions if isinstance(a, Revoke)] == [("lost", 1)]


def test_a_claimed_job_is_lost_only_when_its_heartbeat_stopped_too() -> None:
    job = after(wanted(), joined(), claimed())

    assert transitions.step(job, told(lost(silent=False)), NOW)[1] == []
    assert word(transitions.merge(job, told(lost(silent=False)))) == states.RUNNING

    _, actions = transitions.step(job, told(lost()), NOW)
    assert [(a.slot, a.state) for a in actions if isinstance(a, Revoke)] == [(2, "lost")]


def test_what_the_queue_says_later_counts() -> None:
    job = after(wanted(), joined(), told(lost(at=60.0)), told(Present("pending", "")))

    assert word(job) == states.PENDING
    assert transitions.due(job, NOW) == []


def test_a_refusal_ends_the_attempt_with_its_message() -> None:
    job = after(wanted(), joined(), told(Refused("launch", "invalid partition")))

    assert [Revoke(1, 1, "failed", "launch", "invalid partition")] == transitions.due(job, NOW)


def test_a_job_that_its_place_can_never_run_ends_before_it_joins_anything() -> None:
    job = after(wanted(), told(Refused("refused", "too long")), told(Present("pending", "")))

    assert not transitions.is_open(job)
    assert [Revoke(1, 1, "failed", "refused", "too long")] == transitions.due(job, NOW)


def test_a_batch_job_that_would_never_start_is_stopped_then_revoked() -> None:
    waiting = after(wanted(), joined(), Accepted(1, BATCH, NOW), told(Stuck("refused", "too long")))
    requeued = after(wanted(), joined(), claimed(), told(Stuck("launch", "held")))

    assert states.PENDING == word(waiting)
    assert [
        Stop(1, "s1", BATCH), Revoke(1, 1, "failed", "refused", "too long"),
    ] == transitions.due(waiting, NOW)  # fmt: skip
    assert [
        Stop(1, "s1", BATCH), Revoke(1, 2, "failed", "launch", "held"),
    ] == transitions.due(requeued, NOW)  # fmt: skip


def test_a_cancelled_job_that_has_joined_nothing_is_revoked_at_once() -> None:
    job, actions = transitions.step(after(wanted()), CancelAsked(1), NOW)

    assert [a.state for a in actions if isinstance(a, Revoke)] == ["cancelled"]
    assert not transitions.is_open(job)


def test_a_cancelled_job_in_the_queue_is_stopped_then_revoked() -> None:
    job = after(wanted(), joined(), Accepted(1, BATCH, NOW), CancelAsked(1))

    stop, revoke = transitions.due(job, NOW)

    assert Stop(1, "s1", BATCH) == stop
    assert isinstance(revoke, Revoke)


def test_a_cancelled_job_that_runs_is_stopped_and_may_tell_itself_how_it_ended() -> None:
    job = after(wanted(), joined(), claimed(), CancelAsked(1))

    assert [Stop(1, "s1", BATCH)] == transitions.due(job, NOW)

    job = transitions.merge(job, told(Over("failed", "exit", "", True)))
    assert [a.state for a in transitions.due(job, NOW) if isinstance(a, Revoke)] == ["cancelled"]


def test_a_cancel_follows_the_job_into_an_attempt_it_got_by_itself() -> None:
    lost_once = ended(states.LOST, slot=1, cause="lost")

    job = after(wanted(), joined(), lost_once, joined(2), CancelAsked(1))

    assert [Stop(2, "s2", None)] == transitions.due(job, NOW)[:1]


def test_a_cancel_of_an_attempt_that_is_over_does_not_touch_one_asked_for_later() -> None:
    over = ended("cancelled", slot=1, cause="cancelled")

    job = after(wanted(), CancelAsked(1), over, wanted(2))

    assert transitions.is_open(job)
    assert transitions.due(job, NOW) == []


def test_a_requeued_job_is_one_attempt_of_several_generations() -> None:
    job = after(wanted(), joined(), claimed(slot=1), claimed(slot=2))

    here = transitions.current(job)
    assert (here.number, here.generation, here.slot) == (1, 2, 2)


def test_nothing_new_still_says_what_is_to_be_done() -> None:
    job = after(wanted(), CancelAsked(1))

    same, actions = transitions.step(job, Tick(), NOW)

    assert job is same
    assert transitions.due(job, NOW) == actions != []


def test_who_has_not_seen_an_attempt_does_not_forgive_it() -> None:
    """Behind an attempt that ended, the one before it has ended too: it counts, whatever its cause was."""
    rules = retry.table({"preempted": {"max": 2}})
    ends = [ended(states.FAILED, number, 2, "preempted") for number in (1, 2, 3)]

    assert word(after(Wanted(1, rules), *ends)) == states.FAILED
    assert word(after(Wanted(1, rules), ends[0], ends[2])) == states.FAILED
    assert word(after(Wanted(1, rules), *ends[:2])) == states.READY


def test_what_is_gone_has_the_cause_that_somebody_knows() -> None:
    said = Over(states.FAILED, "preempted", "it was preempted", True)

    _, actions = transitions.step(after(wanted(), joined(), claimed()), told(lost(said=said)), NOW)
    assert actions == [Revoke(1, 2, states.FAILED, "preempted", "it was preempted")]

    _, actions = transitions.step(
        after(wanted(), joined(), claimed()), told(lost(at=10.0, said=said)), NOW
    )
    assert actions == []  # that it is over was told by nobody yet


def test_a_further_attempt_may_have_to_wait() -> None:
    rules = retry.table({"exit": {"max": 3, "backoff_s": 60}})
    first, second = (ended(states.FAILED, number, 2, "exit") for number in (1, 2))

    assert transitions.ready_at(after(Wanted(1, rules))) == 0.0
    assert transitions.ready_at(after(Wanted(1, rules), first)) == NOW + 60
    assert transitions.ready_at(after(Wanted(1, rules), first, second)) == NOW + 120


def test_an_attempt_that_started_before_it_could_be_overtaken_is_the_one_that_counts() -> None:
    """Asked for three times; the first has started meanwhile, the second is revoked, the third must not be submitted."""
    job = after(wanted(1), wanted(2), wanted(3))
    assert [1, 2] == [action.attempt for action in transitions.due(job, NOW)]

    for event in (joined(1), claimed(1), ended("cancelled", 2, 1, "cancelled")):
        job = transitions.merge(job, event)

    assert transitions.current(job).number == 1
    assert not transitions.is_open(job)


def test_a_requeued_job_is_pending_until_its_next_run_claims() -> None:
    job = after(wanted(), joined(), claimed(), told(Present("pending", "it starts again soon")))
    assert word(job) == states.PENDING

    job, _ = transitions.step(job, claimed(slot=2), NOW)
    assert word(job) == states.RUNNING
