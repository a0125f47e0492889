"""Events are files that may be seen late, twice and in any order; what the place says is whatever it says."""

import random
from collections.abc import Sequence

from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from tests.decide.test_transitions import (
    FORGIVEN,
    NOW,
    RULES,
    after,
    claimed,
    ended,
    joined,
    lost,
    told,
    wanted,
)
from xpm.decide import states, transitions
from xpm.decide.facts import (
    UNKNOWN_JOB,
    Accepted,
    CancelAsked,
    Claimed,
    Ended,
    Event,
    Evidence,
    Job,
    Over,
    Present,
    Refused,
    Revoke,
    Stuck,
    Wanted,
)

histories: list[Sequence[Event]] = [
    (wanted(), joined(), Accepted(1, "123", NOW), claimed(), ended(states.DONE)),
    (wanted(), joined(), claimed(slot=1), claimed(slot=2), ended(states.FAILED, slot=3, cause="exit")),
    (wanted(), CancelAsked(1), joined(), claimed(), ended("cancelled", cause="cancelled"), wanted(2)),
    (
        wanted(), joined(), ended(states.LOST, 1, 1, "lost"),
        joined(2), claimed(2), ended(states.FAILED, 2, cause="exit"),
        wanted(3), joined(3), claimed(3), ended(states.DONE, 3),
    ),
    (wanted(), wanted(2), ended("cancelled", 1, 1, "cancelled"), joined(2), claimed(2)),
    (
        wanted(1, RULES), joined(), claimed(), ended(states.FAILED, cause="timeout", progress=0.5),
        joined(2), claimed(2), ended(states.FAILED, 2, cause="timeout", progress=0.8), joined(3),
    ),
]  # fmt: skip


@given(st.sampled_from(histories), st.randoms(use_true_random=False), st.integers(0, 3))
def test_the_order_in_which_files_are_seen_does_not_matter(
    history: Sequence[Event], chance: random.Random, again: int
) -> None:
    seen = [*history, *chance.choices(history, k=again)]
    chance.shuffle(seen)

    job = after(*seen)

    assert _facts(after(*history)) == _facts(job)
    assert transitions.current(after(*history)) == transitions.current(job)


def _facts(job: Job) -> object:
    return job.wanted, {each.number: each for each in job.attempts}


_EVIDENCE: list[Evidence] = [
    Present("pending", "waits"), Present("running", ""), lost(at=10.0), lost(), lost(silent=False),
    Over("failed", "launch", "", True), Over("lost", "lost", "", False), Refused("launch", "no"),
    Over("failed", "preempted", "", True), Over("failed", "node_fail", "", True),
    lost(said=Over("failed", "timeout", "", True)),
    Stuck("refused", "too long"),
]  # fmt: skip
evidence = st.sampled_from(_EVIDENCE)
FRACTIONS = (0.0, 0.3, 0.6)
"""How far a run may say it is."""


class World(RuleBasedStateMachine):
    """A ledger as files keep it, two advancers that saw different parts of it, runs, a user and a queue.

    ``truth`` holds each attempt's ledger; only its next free slot can be written, as by an exclusive link. The
    advancers act on what they have seen; whatever they write is written for all.
    """

    def __init__(self) -> None:
        super().__init__()
        self.files: list[Event] = []
        self.ledgers: dict[int, list[Event]] = {}
        self.links: set[int] = set()
        self.boards = [UNKNOWN_JOB, UNKNOWN_JOB]
        self.seen: list[set[int]] = [set(), set()]
        self.asked = 0

    def _publish(self, event: Event) -> None:
        self.files.append(event)

    def _is_final(self, attempt: int) -> bool:
        entries = self.ledgers.get(attempt, [])
        return bool(entries) and isinstance(entries[-1], Ended)

    @rule()
    def somebody_asks(self) -> None:
        last = max([self.asked, *self.ledgers])
        if last == 0 or (self._is_final(last) and not self._is_done()):
            self._ask(last + 1)

    @precondition(lambda self: self.asked)
    @rule()
    def somebody_who_saw_it_skipped_asks(self) -> None:
        if self.asked < 3 and not self._is_done():
            self._ask(self.asked + 1)

    def _ask(self, attempt: int) -> None:
        self.asked = attempt
        self._publish(wanted(attempt, RULES))

    @rule(chance=st.randoms(use_true_random=False), who=st.integers(0, 1), count=st.integers(1, 4))
    def an_advancer_sees_some_files(self, chance: random.Random, who: int, count: int) -> None:
        unseen = [n for n in range(len(self.files)) if n not in self.seen[who]]
        for n in chance.sample(unseen, min(count, len(unseen))):
            # bundles are seen in the order in which they came: one folder, one listing
            older = [m for m in range(n) if isinstance(self.files[m], Wanted)]
            for each in [*older, n] if isinstance(self.files[n], Wanted) else [n]:
                self.seen[who].add(each)
                self.boards[who] = transitions.merge(self.boards[who], self.files[each])

    @rule(who=st.integers(0, 1), evidence=evidence)
    def the_place_says_something(self, who: int, evidence: Evidence) -> None:
        here = transitions.current(self.boards[who])
        if here.number in self.links:
            self.boards[who] = transitions.merge(self.boards[who], told(evidence, here.number))

    @rule(who=st.integers(0, 1))
    def an_advancer_acts(self, who: int) -> None:
        for action in transitions.due(self.boards[who], NOW):
            if isinstance(action, Revoke):
                entries = self.ledgers.setdefault(action.attempt, [])
                if action.slot == len(entries) + 1 and not self._is_final(action.attempt):
                    entries.append(ended(action.state, action.attempt, action.slot, action.cause))
                    self._publish(entries[-1])
                for event in entries:  # won or lost, it reads the ledger again
                    self.boards[who] = transitions.merge(self.boards[who], event)

    @rule(who=st.integers(0, 1))
    def an_advancer_submits(self, who: int) -> None:
        job = self.boards[who]
        here = transitions.current(job)
        if transitions.word(job, states.FREE) == states.READY and transitions.is_open(job):
            if here.number not in self.links:
                self.links.add(here.number)
                self._publish(joined(here.number))
            self.boards[who] = transitions.merge(job, joined(here.number))

    @rule()
    def the_user_cancels(self) -> None:
        if self.asked and not self._is_final(self.asked):
            self._publish(CancelAsked(self.asked))

    @precondition(lambda self: self.links)
    @rule()
    def whatever_was_submitted_starts(self) -> None:
        for attempt in sorted(self.links):
            entries = self.ledgers.setdefault(attempt, [])
            if not entries:
                entries.append(claimed(attempt))
                self._publish(entries[-1])

    @rule(chance=st.randoms(use_true_random=False))
    def a_run_ends_somehow(self, chance: random.Random) -> None:
        running = [a for a, entries in self.ledgers.items() if entries and not self._is_final(a)]
        for attempt in running:
            cause = chance.choice([None, "exit", "timeout", "oom", "node_fail", "preempted"])
            progress = chance.choice(FRACTIONS)
            event = ended("failed" if cause else "done", attempt, 2, cause, progress)
            self.ledgers[attempt].append(event)
            self._publish(event)

    @invariant()
    def at_most_one_attempt_can_run(self) -> None:
        for board in self.boards:
            alive = [a for a in self.ledgers if self.ledgers[a] and not self._is_final(a)]
            assert len(alive) <= 1, (self.ledgers, board)

    @invariant()
    def nothing_runs_behind_a_done_one(self) -> None:
        for attempt in self.ledgers:
            if self._is_done(attempt):
                later = [n for n in self.ledgers if n > attempt and self._has_run(n)]
                assert later == [], self.ledgers

    @invariant()
    def nothing_is_forgiven_for_ever(self) -> None:
        renewals = len(FRACTIONS) - 1
        assert max([0, *self.ledgers]) <= self.asked + FORGIVEN + renewals

    def _is_done(self, attempt: int = 0) -> bool:
        return any(
            isinstance(each, Ended) and each.state == "done"
            for number, entries in self.ledgers.items()
            for each in entries
            if attempt in (0, number)
        )

    def _has_run(self, attempt: int) -> bool:
        return any(isinstance(each, Claimed) for each in self.ledgers[attempt])


TestWorld = World.TestCase
TestWorld.settings = settings(max_examples=100, stateful_step_count=40, deadline=None)


def test_thousands_of_random_worlds_keep_the_promises() -> None:
    """Hypothesis shrinks what it finds; this finds more, as it draws what matters more often."""
    for seed in range(2000):
        chance = random.Random(seed)
        world = World()
        for _ in range(40):
            _random_step(world, chance)
            world.at_most_one_attempt_can_run()
            world.nothing_runs_behind_a_done_one()
            world.nothing_is_forgiven_for_ever()


def _random_step(world: World, chance: random.Random) -> None:
    who = chance.randrange(2)
    draw = chance.random()
    if draw < 0.35:
        world.an_advancer_sees_some_files(chance=chance, who=who, count=chance.randint(1, 2))
    elif draw < 0.55:
        world.an_advancer_submits(who=who)
    elif draw < 0.70:
        world.an_advancer_acts(who=who)
    elif draw < 0.80:
        world.somebody_asks()
    elif draw < 0.85 and world.asked:
        world.somebody_who_saw_it_skipped_asks()
    elif draw < 0.90 and world.links:
        world.whatever_was_submitted_starts()
    elif draw < 0.94:
        world.a_run_ends_somehow(chance)
    elif draw < 0.98:
        world.the_place_says_something(who=who, evidence=chance.choice(_EVIDENCE))
    else:
        world.the_user_cancels()
