"""The decider among lies, deaths and delays: at most one effect, a done job is never run again, everything ends."""

import random
from collections.abc import Callable

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from tests.decide.test_transitions import lost
from tests.decide.world import PARENTS, World
from xpm.decide import states, transitions
from xpm.decide.facts import (
    NOTHING,
    Action,
    Attempt,
    Event,
    Evidence,
    Over,
    Present,
    Refused,
    Stuck,
    Tick,
)

LIES: list[Evidence] = [
    Present("pending", "waits"), Present("running", ""), lost(at=10.0), lost(), lost(silent=False),
    Over("failed", "launch", "", True), Over("lost", "lost", "", False), Refused("launch", "no"),
    Over("failed", "preempted", "", True), lost(said=Over("cancelled", "cancelled", "", True)),
    Stuck("refused", "it asks for too much"),
]  # fmt: skip

FAILURES = ("exit", "timeout", "oom", "node_fail", "preempted")
"""Why a run may fail: some of it is forgiven, with or without an end."""
Transition = Callable[[Attempt, Event], Attempt]
Rule = Callable[[Attempt, bool], list[Action]]
jobs = st.sampled_from(sorted(PARENTS))
advancers = st.integers(0, 2)
chances = st.randoms(use_true_random=False)


class Machine(RuleBasedStateMachine):
    """Everything that may happen, in any order; at the end of each history everything heals."""

    def __init__(self) -> None:
        super().__init__()
        self.world = World()

    @rule(job=jobs)
    def the_plan_asks(self, job: str) -> None:
        self.world.ask(job)

    @rule(job=jobs)
    def the_user_cancels(self, job: str) -> None:
        self.world.cancel(job)

    @precondition(lambda self: self.world.files)
    @rule(who=advancers, count=st.integers(1, 6), chance=chances)
    def an_advancer_sees_some_files(self, who: int, count: int, chance: random.Random) -> None:
        self.world.see(self.world.advancers[who], count, chance)

    @precondition(lambda self: self.world.joined)
    @rule(who=advancers, job=jobs)
    def an_advancer_looks_into_a_folder(self, who: int, job: str) -> None:
        self.world.look(self.world.advancers[who], job)

    @precondition(lambda self: self.world.files)
    @rule(who=advancers, job=jobs, lie=st.sampled_from(LIES))
    def the_batch_system_says_something(self, who: int, job: str, lie: Evidence) -> None:
        here = transitions.current(self.world.advancers[who].boards[job])
        if here.number and ((job, here.number) in self.world.joined or isinstance(lie, Refused)):
            self.world.hear(self.world.advancers[who], job, lie)

    @precondition(lambda self: self.world.files)
    @rule(who=advancers)
    def an_advancer_decides(self, who: int) -> None:
        self.world.decide(self.world.advancers[who])

    @precondition(lambda self: any(each.intents for each in self.world.advancers))
    @rule(who=advancers)
    def an_advancer_acts_on_what_it_believed(self, who: int) -> None:
        self.world.act(self.world.advancers[who])

    @precondition(lambda self: self.world.joined)
    @rule(who=advancers)
    def an_advancer_dies(self, who: int) -> None:
        self.world.crash(self.world.advancers[who])

    @precondition(lambda self: any(each.queued for each in self.world.batches))
    @rule(chance=chances)
    def a_batch_job_starts(self, chance: random.Random) -> None:
        self.world.start(chance.choice([each for each in self.world.batches if each.queued]))

    @precondition(lambda self: self.world.runs)
    @rule(chance=chances)
    def a_batch_job_is_requeued(self, chance: random.Random) -> None:
        self.world.requeue(chance.choice(self.world.runs))

    @precondition(lambda self: self.world.runs)
    @rule(
        chance=chances,
        state=st.sampled_from([states.DONE, states.FAILED]),
        failure=st.sampled_from(FAILURES),
        progress=st.sampled_from([0.0, 0.5]),
    )
    def a_run_ends(self, chance: random.Random, state: str, failure: str, progress: float) -> None:
        self.world.end(chance.choice(self.world.runs), state, failure, progress)

    @precondition(lambda self: self.world.runs)
    @rule(chance=chances)
    def a_run_dies_without_a_word(self, chance: random.Random) -> None:
        self.world.die(chance.choice(self.world.runs))

    @invariant()
    def at_most_one_run_of_a_job_may_publish(self) -> None:
        assert all(self.world.entitled(job) <= 1 for job in PARENTS), self.world.ledgers

    @invariant()
    def no_effect_is_taken_twice(self) -> None:
        assert sorted(set(self.world.effects)) == sorted(self.world.effects)

    @invariant()
    def no_child_is_done_before_its_parents(self) -> None:
        done = self.world.effects
        assert all(parent in done[: done.index(job)] for job in done for parent in PARENTS[job]), (
            done
        )

    def teardown(self) -> None:
        words = self.world.heal()

        assert set(words.values()) <= states.FINAL, words
        assert {job for job in words if words[job] == states.DONE} == set(self.world.effects)
        self.no_effect_is_taken_twice()


TestWorld = Machine.TestCase
TestWorld.settings = settings(max_examples=150, stateful_step_count=50, deadline=None)


def test_thousands_of_random_histories_keep_the_promises(monkeypatch: pytest.MonkeyPatch) -> None:
    """Hypothesis shrinks what it finds; this finds more, as it draws what moves things on more often."""
    unseen, undecided = _watched(monkeypatch)
    ends: dict[str, int] = dict.fromkeys(states.FINAL, 0)
    for seed in range(3000):
        world = a_random_history(random.Random(seed))
        for word in world.heal().values():
            ends[word] += 1

    assert all(ends.values()), ends  # all ways to end were seen
    assert not unseen  # and all that may happen, in every phase
    assert not undecided  # and each question docs/decider.md answers


Decision = tuple[str, str, bool]
"""A phase, what the place says, whether a cancellation is asked for."""


def _watched(monkeypatch: pytest.MonkeyPatch) -> tuple[set[tuple[str, type]], set[Decision]]:
    """The transitions and the decisions that nobody has come to yet."""
    unseen: set[tuple[str, type]] = {key for key in transitions.TRANSITIONS if key[1] is not Tick}
    undecided = {
        (phase, type(lie).__name__, cancel)
        for phase in (states.JOINED, states.CLAIMED)
        for lie in [*LIES, NOTHING]
        for cancel in (False, True)
    }

    def seen(key: tuple[str, type], inner: Transition) -> Transition:
        def apply(before: Attempt, event: Event) -> Attempt:
            unseen.discard(key)
            return inner(before, event)

        return apply

    def decided(phase: str, inner: Rule) -> Rule:
        def decide(here: Attempt, cancel: bool) -> list[Action]:
            undecided.discard((phase, type(here.evidence).__name__, cancel))
            return inner(here, cancel)

        return decide

    for key, transition in list(transitions.TRANSITIONS.items()):
        monkeypatch.setitem(transitions.TRANSITIONS, key, seen(key, transition))
    rules = transitions._DUE  # pyright: ignore[reportPrivateUsage]
    for phase, due in list(rules.items()):
        monkeypatch.setitem(rules, phase, decided(phase, due))
    return unseen, undecided


def a_random_history(chance: random.Random, steps: int = 60) -> World:
    """A world after some steps, its promises checked after each."""
    machine = Machine()
    world = machine.world
    names = sorted(PARENTS)[: chance.randint(1, len(PARENTS))]
    crowd = chance.randint(1, len(world.advancers))
    for _ in range(steps):
        who = chance.randrange(crowd)
        job = chance.choice(names)
        _one_step(machine, chance, who, job)
        machine.at_most_one_run_of_a_job_may_publish()
        machine.no_effect_is_taken_twice()
        machine.no_child_is_done_before_its_parents()
    return world


STEPS = {
    "see": 24, "decide": 15, "act": 17, "ask": 8, "start": 9, "end": 5, "shake": 2, "lie": 12, "look": 3,
    "crash": 1, "cancel": 4,
}  # fmt: skip
"""How often each is drawn, in a hundred."""


def _one_step(machine: Machine, chance: random.Random, who: int, job: str) -> None:
    world = machine.world
    advancer = world.advancers[who]
    (step,) = chance.choices(list(STEPS), list(STEPS.values()))
    if step == "lie":
        machine.the_batch_system_says_something(who=who, job=job, lie=chance.choice(LIES))
    elif step in ("ask", "cancel"):
        getattr(world, step)(job)
    elif step in ("decide", "act", "crash"):
        getattr(world, step)(advancer)
    elif step == "see":
        world.see(advancer, chance.randint(1, 6), chance)
    elif step == "look":
        world.look(advancer, job)
    else:
        _one_step_there(world, chance, step)


def _one_step_there(world: World, chance: random.Random, step: str) -> None:
    queued = [each for each in world.batches if each.queued]
    if step == "start" and queued:
        world.start(chance.choice(queued))
    elif step == "end" and world.runs:
        state = chance.choice([states.DONE, states.DONE, states.FAILED])
        world.end(chance.choice(world.runs), state, chance.choice(FAILURES), chance.random())
    elif step == "shake" and world.runs:
        chance.choice([world.requeue, world.die])(chance.choice(world.runs))
