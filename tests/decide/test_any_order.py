"""Events are files that may be seen late, twice and in any order; what the place says is whatever it says."""

import random
from collections.abc import Sequence

from hypothesis import given
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from tests.decide.test_transitions import NOW, after, claimed, ended, joined, lost, told, wanted
from xpm.decide import retry, states, transitions
from xpm.decide.facts import (
    UNKNOWN_JOB,
    Accepted,
    CancelAsked,
    Event,
    Job,
    Over,
    Present,
    Refused,
    Revoke,
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


evidence = st.sampled_from(
    [
        Present("pending", "waits"), Present("running", ""), lost(at=10.0), lost(), lost(silent=False),
        Over("failed", "launch", "", True), Over("lost", "lost", "", False), Refused("launch", "no"),
    ]
)  # fmt: skip


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
        self.effects = 0
        self.asked = 0

    def _publish(self, event: Event) -> None:
        self.files.append(event)

    def _is_final(self, attempt: int) -> bool:
        entries = self.ledgers.get(attempt, [])
        return bool(entries) and type(entries[-1]).__name__ == "Ended"

    @rule()
    def somebody_asks(self) -> None:
        last = max([self.asked, *self.ledgers])
        if last == 0 or (self._is_final(last) and not self._is_done()):
            self.asked = last + 1
            self._publish(wanted(self.asked))

    @rule(chance=st.randoms(use_true_random=False), who=st.integers(0, 1), count=st.integers(1, 4))
    def an_advancer_sees_some_files(self, chance: random.Random, who: int, count: int) -> None:
        unseen = [n for n in range(len(self.files)) if n not in self.seen[who]]
        for n in chance.sample(unseen, min(count, len(unseen))):
            self.seen[who].add(n)
            self.boards[who] = transitions.merge(self.boards[who], self.files[n])

    @rule(who=st.integers(0, 1), evidence=evidence)
    def the_place_says_something(self, who: int, evidence: object) -> None:
        here = transitions.current(self.boards[who])
        if here.number in self.links:
            self.boards[who] = transitions.merge(self.boards[who], told(evidence, here.number))  # type: ignore[arg-type]

    @rule(who=st.integers(0, 1))
    def an_advancer_acts(self, who: int) -> None:
        for action in transitions.due(self.boards[who], NOW):
            if isinstance(action, Revoke):
                entries = self.ledgers.setdefault(action.attempt, [])
                if action.slot == len(entries) + 1 and not self._is_final(action.attempt):
                    event = ended(action.state, action.attempt, action.slot, action.cause)
                    entries.append(event)
                    self._publish(event)

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
    @rule(data=st.data())
    def a_run_claims(self, data: st.DataObject) -> None:
        attempt = data.draw(st.sampled_from(sorted(self.links)))
        entries = self.ledgers.setdefault(attempt, [])
        if not entries:
            self.effects += 1
            entries.append(claimed(attempt))
            self._publish(entries[-1])

    @precondition(lambda self: self.ledgers)
    @rule(data=st.data(), state=st.sampled_from(["done", "failed"]))
    def a_run_ends(self, data: st.DataObject, state: str) -> None:
        attempt = data.draw(st.sampled_from(sorted(self.ledgers)))
        entries = self.ledgers[attempt]
        if len(entries) == 1 and not self._is_final(attempt):
            entries.append(ended(state, attempt, 2, None if state == "done" else "exit"))
            self._publish(entries[-1])

    @invariant()
    def at_most_one_attempt_can_run(self) -> None:
        for board in self.boards:
            alive = [a for a in self.ledgers if self.ledgers[a] and not self._is_final(a)]
            assert len(alive) <= 1, (self.ledgers, board)

    @invariant()
    def nothing_runs_behind_a_done_one(self) -> None:
        done = [
            a
            for a, entries in self.ledgers.items()
            for e in entries
            if getattr(e, "state", "") == "done"
        ]
        assert not done or not [a for a in self.ledgers if a > min(done) and self.ledgers[a]], (
            self.ledgers
        )

    @invariant()
    def no_loss_is_forgiven_for_ever(self) -> None:
        assert max([0, *self.ledgers]) <= self.asked + dict(retry.DEFAULT)["lost"]

    def _is_done(self) -> bool:
        return any(
            getattr(e, "state", "") == "done" for entries in self.ledgers.values() for e in entries
        )


TestWorld = World.TestCase
