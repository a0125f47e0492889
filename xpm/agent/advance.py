"""Advance: read the news, decide, act. The decider's only caller.

Correct with any number of advancers at once, without a lock: whatever two of them could both do is a file that only one
can create, and what one leaves undone (it crashed, its time was up, the place did not answer) the next finds in the files
and does. ``advance_workspace`` takes a lock only so that many jobs that finish together do not all read the same folders.
"""

import os
import time
from typing import Any, Callable, List, NamedTuple, Optional

from xpm.agent import admission, grouping, reading, submit
from xpm.agent import place as places
from xpm.agent.board import Board, JobFacts
from xpm.agent.turns import Turn
from xpm.decide import states, transitions
from xpm.decide.facts import Joined, Revoke, Stop
from xpm.wire import ledger
from xpm.wire.workspace import found

IDLE_S = 0.5
"""How often to look whether others have left room for who could not start, when nothing has changed here."""
LATE_S = 0.5

Report = NamedTuple(
    "Report",
    [
        ("joined", int),  # attempts that joined a submission
        ("ended", int),  # attempts that were ended from here
        ("busy", bool),  # somebody must look again: jobs are live, or wait for a place
        ("notes", List[str]),  # what a person may want to know
    ],
)


def advance(board: Board, place: Any, now: float, budget_s: float) -> Report:
    """Do whatever can be done now for the jobs of a workspace.

    Args:
        board: the workspace's jobs; refreshed here.
        place: a SlurmPlace, a PlainPlace or the supervisor's Crew.
        now: seconds since 1970.
        budget_s: how long to wait for commands that were started; they go on without us.
    """
    board.refresh(now)
    if place.delegates:
        if board.has_work():
            place.ensure(now)
        return Report(0, 0, board.has_work(), [])
    place.watch(board, now)
    ended = settle_due(board, place, now)
    admission.give_back(board)
    joined = start_ready(board, place, now)
    place.drive(board, now, budget_s)
    board.settle()
    place.leave(board, now)
    return Report(joined, ended, board.has_work(), place.notes())


def advance_workspace(
    root: str, budget_s: float, clock: Callable[[], float] = time.time
) -> Optional[Report]:
    """Advance once, from a process that keeps no board: a finishing job, the verb ``advance``.

    None when somebody else does it already (and will look again after us), or nobody has opened the workspace.
    """
    layout, _ = found(root)
    content = places.read(layout)
    if content is None:
        return None
    turn = Turn(os.path.join(layout.own, "advance"), clock)
    report: Optional[Report] = None
    ends = clock() + budget_s
    while turn.begin():
        try:
            board = Board(layout)
            place = places.build(layout, content)
            report = advance(board, place, clock(), max(0.0, ends - clock()))
            while not place.delegates and place.is_late(board) and clock() < ends:
                time.sleep(LATE_S)  # there will be room in a moment, and nobody else will see it
                report = advance(board, place, clock(), max(0.0, ends - clock()))
        finally:
            again = turn.end()
        if not again or clock() >= ends:
            break
    return report


# ------------------------------------------------------------------------------ ending


def settle_due(board: Board, place: Any, now: float) -> int:
    """Stop and revoke what the decider says; how many attempts ended."""
    ended = 0
    for known in list(board.due.values()):
        for action in transitions.due(known.facts, now):
            if isinstance(action, Stop):
                if not place.stop(known, action, now):
                    break  # not agreed yet: the revocation behind it waits
            else:
                ended += revoke(board, known, action, now)
    board.settle()
    return ended


def revoke(board: Board, known: JobFacts, action: Revoke, now: float) -> bool:
    """End an attempt; False when a run or somebody else was faster."""
    content = {
        "format": ledger.FORMAT,
        "kind": "revoked",
        "task": known.task,
        "job": known.job,
        "attempt": action.attempt,
        "slot": action.slot,
        "at": now,
        "state": action.state,
        "cause": action.cause,
        "message": action.message,
    }
    layout = board.layout
    folder = layout.job(known.task, known.job)
    if action.slot > 1:  # it has run
        content["progress"] = ledger.progress(folder)
    mine = ledger.append(folder, content, layout.inbox)
    if mine:
        slot = ledger.Slot(action.attempt, action.slot)
        board.tell(known.job, reading.ledger_event(content, slot))
    else:
        board.look(known.job, action.attempt, ring=True)
    return mine


# ---------------------------------------------------------------------------- starting


def start_ready(board: Board, place: Any, now: float) -> int:
    """Let ready jobs join submissions, as limits and tokens allow; how many did."""
    if not board.ready or (board.idle[0] == board.seq and 0 <= now - board.idle[1] < IDLE_S):
        return 0
    slots = place.slots(board)
    if slots == 0:
        return 0
    found = admission.look(board, place, slots, now)
    for job, reason in found.reasons.items():
        board.note(job, reason)
    for job, words in found.never.items():
        _refuse(board, board.jobs[job], "it can never run here: " + words, now)
    admitted = [board.jobs[job] for job in found.admitted]
    groups = grouping.groups(admitted, place.together)
    joined = sum(_join(board, place, group, now) for group in groups[: place.at_once(board)])
    board.settle()
    if not joined:
        board.idle = (board.seq, now)
    return joined


def _join(board: Board, place: Any, group: "List[JobFacts]", now: float) -> int:
    """Let jobs of equal request join one submission; how many joined one, of whoever's making."""
    joiners = []
    for known in group:
        number = transitions.current(known.facts).number
        holder = board.tokens.units.holder(known.job, number)
        if known.tokens and not board.tokens.take(holder, known.tokens):
            words = ", ".join(each.name for each in known.tokens)
            board.note(known.job, "waits for token %s" % words)
        else:
            joiners.append((known, number))
    if not joiners:
        return 0
    joined, intent = submit.join(board.layout, place.workspace_id, joiners, place.kind, now)
    for known, number in joiners:
        board.tell(known.job, Joined(number, joined[known.job], now))
        place.joined(known, number, joined[known.job], intent, now)
    return len(joiners)


def _refuse(board: Board, known: JobFacts, message: str, now: float) -> None:
    here = transitions.current(known.facts)
    refusal = Revoke(here.number, here.slot + 1, states.FAILED, "refused", message)
    revoke(board, known, refusal, now)
