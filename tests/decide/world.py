"""A world for the decider: jobs that depend on each other, files, a batch system, several advancers that come, err and die.

What is real here: the decider. What the files promise is a rule of this world: of all who want the next slot of a ledger,
or the one submission of an attempt, one has it. Everything else may happen in any order: an advancer sees files late,
acts on what it believed before, dies between two acts; batch jobs start, are requeued while they still run, die without
a word; the batch system says what it likes.
"""

import random
from dataclasses import dataclass, field

from tests.decide.test_transitions import NOW, RULES, claimed, ended, joined, told, wanted
from xpm.decide import states, transitions
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
    Present,
    Revoke,
    Stop,
    Wanted,
)

PARENTS: dict[str, tuple[str, ...]] = {"a": (), "b": ("a",), "c": ("a", "b")}
MOST = 4
"""Attempts that are asked for, at most."""
CERTAIN = Gone(0.0, 1000.0, 120.0, True, None)
Key = tuple[str, int]
"""An attempt of a job."""
Intent = tuple[str, Revoke | Stop | int]
"""What is to be done about a job; a number is an attempt to be submitted."""


@dataclass(slots=True)
class Run:
    """A process that has claimed an attempt, and does not know yet whether it was superseded."""

    key: Key
    slot: int
    batch: int


@dataclass(slots=True)
class Batch:
    """One batch job."""

    key: Key
    queued: bool = True


@dataclass(slots=True)
class Advancer:
    """Somebody who advances: what it has seen, and what it has decided and not done yet."""

    boards: dict[str, Job] = field(default_factory=lambda: dict.fromkeys(PARENTS, UNKNOWN_JOB))
    seen: set[int] = field(default_factory=set[int])
    intents: list[Intent] = field(default_factory=lambda: list[Intent]())


class World:
    """All there is; owned by one test."""

    def __init__(self, advancers: int = 3) -> None:
        self.files: list[tuple[str, Event]] = []
        self.ledgers: dict[Key, list[Claimed | Ended]] = {}
        self.asked: dict[str, int] = {}
        self.joined: dict[Key, int] = {}
        self.batches: list[Batch] = []
        self.runs: list[Run] = []
        self.effects: list[str] = []
        self.advancers = [Advancer() for _ in range(advancers)]

    # ------------------------------------------------------------------- the user, here

    def ask(self, job: str) -> None:
        """The plan submits a job, or asks for it again.

        Again, as soon as somebody believes that it ended badly or was skipped; belief may be older than the truth.
        """
        before = max([self.asked.get(job, 0), *(n for each, n in self.ledgers if each == job)])
        if before < MOST and all(parent in self.asked for parent in PARENTS[job]):
            self.asked[job] = before + 1
            self.files.append((job, wanted(before + 1, RULES)))

    def cancel(self, job: str) -> None:
        """The user wants it cancelled."""
        if job in self.asked:
            self.files.append((job, CancelAsked(self.asked[job])))

    # ---------------------------------------------------------------------- advancing

    def see(self, who: Advancer, count: int, chance: random.Random) -> None:
        """Some of the files become visible; what is wanted comes in order, as one folder lists it."""
        unseen = [n for n in range(len(self.files)) if n not in who.seen]
        for n in sorted(
            chance.sample(unseen, min(count, len(unseen))), key=lambda _: chance.random()
        ):
            job, event = self.files[n]
            for m in range(n if isinstance(event, Wanted) else 0):
                if self.files[m][0] == job and isinstance(self.files[m][1], Wanted):
                    self._fold(who, m)
            self._fold(who, n)

    def _fold(self, who: Advancer, n: int) -> None:
        who.seen.add(n)
        job, event = self.files[n]
        who.boards[job] = transitions.merge(who.boards[job], event)

    def look(self, who: Advancer, job: str) -> None:
        """It reads the ledger of the attempt it believes in."""
        number = transitions.current(who.boards[job]).number
        for event in self.ledgers.get((job, number), ()):
            who.boards[job] = transitions.merge(who.boards[job], event)

    def hear(self, who: Advancer, job: str, evidence: Evidence) -> None:
        """The batch system says something of the attempt it believes in."""
        number = transitions.current(who.boards[job]).number
        who.boards[job] = transitions.merge(who.boards[job], told(evidence, number))

    def decide(self, who: Advancer) -> None:
        """It makes up its mind; acting comes later, or never."""
        for job, board in who.boards.items():
            who.intents += [(job, action) for action in transitions.due(board, NOW)]
            if self.word(who, job) == states.READY and transitions.is_open(board):
                who.intents.append((job, transitions.current(board).number))

    def act(self, who: Advancer) -> None:
        """It does the next thing it has decided."""
        if not who.intents:
            return
        job, action = who.intents.pop(0)
        if isinstance(action, Revoke):
            if not self._append(
                job, ended(action.state, action.attempt, action.slot, action.cause)
            ):
                for event in self.ledgers.get((job, action.attempt), ()):
                    who.boards[job] = transitions.merge(who.boards[job], event)
        elif isinstance(action, Stop):
            if not self._stop((job, action.attempt)):
                who.intents = [each for each in who.intents if each[0] != job]
        else:
            self._submit(who, (job, action))

    def crash(self, who: Advancer) -> None:
        """It dies; somebody who knows nothing takes its place."""
        self.advancers[self.advancers.index(who)] = Advancer()

    def _append(self, job: str, event: Claimed | Ended) -> bool:
        entries = self.ledgers.setdefault((job, event.attempt), [])
        if event.slot != len(entries) + 1 or self.is_final((job, event.attempt)):
            return False
        entries.append(event)
        self.files.append((job, event))
        return True

    def _submit(self, who: Advancer, key: Key) -> None:
        job, number = key
        if key not in self.joined:
            self.joined[key] = len(self.batches)
            self.batches.append(Batch(key))
            self.files.append((job, joined(number)))
            self.files.append((job, Accepted(number, str(self.joined[key]), NOW)))
        who.boards[job] = transitions.merge(who.boards[job], joined(number))

    def _stop(self, key: Key) -> bool:
        """Whether the batch system has agreed: nothing of the attempt will start any more."""
        for run in [each for each in self.runs if each.key == key]:
            self.end(run, states.CANCELLED)
            return False
        self.batches[self.joined[key]].queued = False
        return True

    # ------------------------------------------------------------------ where jobs run

    def start(self, batch: Batch) -> None:
        """A batch job starts, for the first time or requeued: its runner claims, or leaves."""
        job, number = batch.key
        batch.queued = False
        entries = self.ledgers.get(batch.key, [])
        if self.is_final(batch.key):
            return
        if not entries and (job, CancelAsked(number)) in self.files:
            self._append(job, ended(states.CANCELLED, number, 1, "cancelled"))
        elif not entries and not all(self.is_done(parent) for parent in PARENTS[job]):
            self._append(job, ended(states.LOST, number, 1, "lost"))
        elif self._append(job, claimed(number, len(entries) + 1)):
            assert not self.is_done(job), f"{job} runs although it is done"
            self.runs.append(Run(batch.key, len(entries), self.batches.index(batch)))

    def requeue(self, run: Run) -> None:
        """The batch system starts it again elsewhere; the node it believes dead may go on."""
        self.batches[run.batch].queued = True

    def end(self, run: Run, state: str, failure: str = "exit", progress: float = 0.0) -> None:
        """A run ends; its outcome counts when nobody has written behind its claim."""
        self.runs.remove(run)
        job, number = run.key
        cause = {states.DONE: None, states.FAILED: failure}.get(state, state)
        event = ended(state, number, run.slot + 1, cause, progress)
        if self._append(job, event) and state == states.DONE:
            self.effects.append(job)

    def die(self, run: Run) -> None:
        """A run ends without a word."""
        self.runs.remove(run)

    # ----------------------------------------------------------------------- what is so

    def word(self, who: Advancer, job: str) -> str:
        """A job's state, as somebody sees it."""
        upstream = {states.UPSTREAM[self.word(who, parent)] for parent in PARENTS[job]}
        hold = next(
            (each for each in (states.BROKEN, states.HELD) if each in upstream), states.FREE
        )
        return transitions.word(who.boards[job], hold)

    def is_final(self, key: Key) -> bool:
        """Whether the attempt is over, for good."""
        entries = self.ledgers.get(key, [])
        return bool(entries) and isinstance(entries[-1], Ended)

    def is_done(self, job: str) -> bool:
        """Whether some attempt of it is done."""
        return any(
            isinstance(event, Ended) and event.state == states.DONE
            for (each, _), entries in self.ledgers.items()
            if each == job
            for event in entries
        )

    def omniscient(self) -> Advancer:
        """Somebody who has seen all files."""
        who = Advancer()
        for n in range(len(self.files)):
            self._fold(who, n)
        return who

    def entitled(self, job: str) -> int:
        """How many runs of a job still may publish an outcome."""
        return sum(
            1 for run in self.runs if run.key[0] == job and len(self.ledgers[run.key]) == run.slot
        )

    # -------------------------------------------------------------------------- healing

    def truth(self, key: Key) -> Evidence:
        """What an honest batch system says in the end."""
        if self.batches[self.joined[key]].queued:
            return Present("pending", "waits")
        return Present("running", "") if any(run.key == key for run in self.runs) else CERTAIN

    def heal(self, rounds: int = 40) -> dict[str, str]:
        """Honest answers, visible files, runs that end: the words that remain when nothing is left to do."""
        for _ in range(rounds):
            for run in list(self.runs):
                self.end(run, states.DONE)
            for batch in self.batches:
                if batch.queued:
                    self.start(batch)
            who = self.omniscient()
            for job, board in who.boards.items():
                here = transitions.current(board)
                if here.phase in (states.JOINED, states.CLAIMED):
                    self.hear(who, job, self.truth((job, here.number)))
            self.decide(who)
            if not who.intents and not self.runs:
                return {job: self.word(who, job) for job in self.asked}
            while who.intents:
                self.act(who)
        raise AssertionError(f"nothing comes to rest: {self.files}")
