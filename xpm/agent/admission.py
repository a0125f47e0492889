"""Which of a board's ready jobs may start now: what the files say of tokens and host, put before the decider."""

from typing import Any, Container, Iterator, Optional

from xpm.agent.board import Board, JobFacts
from xpm.agent.tokens import Sight
from xpm.decide import states, transitions
from xpm.decide.admit import PATIENCE_S, Admission, Candidate, Limits, admit


def look(
    board: Board,
    place: Any,
    slots: Optional[int],
    now: float,
    unready: Container[str] = (),
) -> Admission:
    """Who may start, who waits for what, and who can never start; ``unready``: whose environment is not there."""
    sight = board.tokens.look(board.token_totals)
    candidates = (
        _candidate(board, place, sight, known, now)
        for known in _rested(board, place, now)
        if known.job not in unready
    )
    used = {**place.used(board), **sight.used}
    return admit(candidates, Limits(slots, PATIENCE_S), used)


def give_back(board: Board) -> None:
    """Free the units of shared tokens that jobs which ended here have held."""
    shared = [each for each in board.token_totals if each[0]]
    if shared and board.given_back != board.seq:
        board.given_back = board.seq
        board.tokens.give_back(shared)


def ready_since(board: Board, known: JobFacts) -> float:
    """When a job became ready, whoever asks: it was wanted, its parents were done, its last attempt was over."""
    parents = (transitions.current(board.jobs[each].facts) for each in known.parents)
    found = [*parents, *known.facts.attempts]
    rested = transitions.ready_at(known.facts)
    return max([known.asked_at, rested, *(each.at for each in found if each.phase == states.ENDED)])


def _rested(board: Board, place: Any, now: float) -> "Iterator[JobFacts]":
    """The ready jobs that need not wait between two attempts; under SLURM, which keeps that time itself, all."""
    for known in list(board.ready.values()):
        if place.kind == "slurm" or transitions.ready_at(known.facts) <= now:
            yield known
        else:
            board.note(known.job, "waits before it is tried again")


def _candidate(board: Board, place: Any, sight: Sight, known: JobFacts, now: float) -> Candidate:
    number = transitions.current(known.facts).number
    holder = board.tokens.units.holder(known.job, number)
    return Candidate(
        known.job,
        tuple(sight.want(need) for need in known.tokens),
        sight.has_all(holder, known.tokens),
        place.wants(known.asks_for),
        now - ready_since(board, known),
    )
