"""The decider: what an event makes of a job, and what is to be done about it.

Theory of operation
-------------------

A *job* is the set of its *attempts*. An attempt goes through four phases and never back::

    wanted ──Joined──► joined ──Claimed──► claimed ──Ended──► ended (done, failed, cancelled, lost)
       │ Told Refused     │ Told Present, Stuck, Gone, Over, ...  ▲
       └──────────────────┴───────────────── Ended ───────────────┘

Every arrow but ``Told`` is a file that exactly one could create (wire/ledger.py, wire/workspace.py), so events say what *is*;
they may come late, twice and in any order, and ``step`` merges them: for files, the order does not matter (tested). What the
place says (``Told``) is the only thing that may change its mind; the latest word counts, and it only ever leads to a *Revoke*, an
entry that loses against any claim or outcome written first.

The job's *current* attempt is derived from its attempts, always by the same rule:

1. an attempt that ended *done* (a done job is never run again);
2. else the highest attempt that has joined a submission or is claimed: it is alive, and asking again changes nothing;
3. else the attempt somebody asked for, when no later one has ended;
4. else the last one that ended, or the one after it when the retry policy (retry.py) forgives the cause. Causes are
   counted since somebody asked last, and after a cancel nothing is forgiven.

An attempt that was asked for and has been overtaken by a later one is closed by a Revoke before the later one may join a
submission (``is_open``). So a slow advancer, that still believes in the old attempt, can never start a second run.

``skipped`` is not recorded. It is derived: some parent ended and will not be done, and nobody started this job. That
survives everything the records survive, both sides derive the same, and a new attempt of the parent undoes it by
itself: the child waits again, and runs when the parent is done, in the attempt that was asked for last.

Actions are levels, not edges: ``step`` answers what is to be done *now* with every event, ``Tick`` included. Whoever
crashes between deciding and acting is replaced by whoever comes next.
"""

from typing import Callable, Dict, List, Optional, Tuple, Type, cast

from xpm.decide import retry, states
from xpm.decide.facts import (
    NOTHING,
    Accepted,
    Action,
    Attempt,
    CancelAsked,
    Claimed,
    Ended,
    Event,
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
    fresh,
)


def step(job: Job, event: Event, now: float) -> "Tuple[Job, List[Action]]":
    """The job after the event, and what is to be done."""
    job = merge(job, event)
    return job, due(job, now)


def merge(job: Job, event: Event) -> Job:
    """The job after the event."""
    if isinstance(event, Tick):
        return job
    if isinstance(event, Wanted) and event.attempt > job.wanted:
        job = job._replace(wanted=event.attempt, retry=event.retry)
    before = attempt(job, event.attempt) or fresh(event.attempt)
    after = TRANSITIONS[(before.phase, type(event))](before, event)
    if after is before and before in job.attempts:
        return job
    others = [each for each in job.attempts if each.number != after.number]
    return job._replace(attempts=tuple(sorted([*others, after])))


def due(job: Job, now: float) -> "List[Action]":
    """What is to be done about a job, besides starting it."""
    actions: List[Action] = []
    here = current(job)
    for old in overtaken(job, here):
        message = "attempt %d takes its place" % here.number
        actions.append(_revoke(old, states.CANCELLED, "cancelled", message))
    actions.extend(_DUE[here.phase](here, is_cancelled(job, here)))
    return actions


def current(job: Job) -> Attempt:
    """The attempt that counts."""
    done = [each for each in job.attempts if each.state == states.DONE]
    if done:
        return done[-1]
    alive = [each for each in job.attempts if each.phase in (states.JOINED, states.CLAIMED)]
    ended = [each for each in job.attempts if each.phase == states.ENDED]
    if alive:  # also where a later one has ended: as long as its own end is not seen, it may run
        return alive[-1]
    if not ended or ended[-1].number < job.wanted:
        return attempt(job, job.wanted) or fresh(job.wanted)
    last = ended[-1]
    if _goes_on(job, last):
        return attempt(job, last.number + 1) or fresh(last.number + 1)
    return last


def overtaken(job: Job, here: Attempt) -> "List[Attempt]":
    """The attempts before the current one that were asked for and are still open."""
    if here.phase != states.WANTED:
        return []
    return [
        each
        for each in job.attempts
        if each.number < here.number and each.phase == states.WANTED and each.number
    ]


def is_open(job: Job) -> bool:
    """Whether the current attempt may join a submission, as far as the job itself is concerned."""
    here = current(job)
    if here.phase != states.WANTED or not job.wanted or isinstance(here.evidence, Refused):
        return False
    return not overtaken(job, here) and not is_cancelled(job, here)


def is_cancelled(job: Job, here: Attempt) -> bool:
    """Whether somebody wants the current round of attempts cancelled."""
    return any(each.cancel and job.wanted <= each.number <= here.number for each in job.attempts)


def word(job: Job, upstream: str) -> str:
    """The state of a job as users read it.

    Args:
        job: what is known of it.
        upstream: what its parents let it do: states.FREE, HELD or BROKEN.
    """
    here = current(job)
    if here.phase == states.ENDED:
        return here.state
    if here.phase == states.WANTED:
        return _WANTED_WORDS[upstream]
    seen = here.evidence
    if isinstance(seen, (Gone, Over)):
        silent = here.phase == states.JOINED or not isinstance(seen, Gone) or seen.silent
        return states.UNKNOWN if silent else states.RUNNING
    if here.phase == states.CLAIMED:  # and perhaps requeued since: then it waits for its next run
        waits = isinstance(seen, Present) and seen.state == states.PENDING
        return states.PENDING if waits else states.RUNNING
    return states.PENDING if isinstance(seen, (Present, Stuck)) else states.SUBMITTED


_WANTED_WORDS = {
    states.FREE: states.READY,
    states.HELD: states.WAITING,
    states.BROKEN: states.SKIPPED,
}


def attempt(job: Job, number: int) -> Optional[Attempt]:
    """One attempt of a job; None when there is no trace of it."""
    for each in job.attempts:
        if each.number == number:
            return each
    return None


def ends(job: Job) -> "List[retry.End]":
    """How the attempts since somebody asked last have ended, in order.

    Behind an attempt that ended, all earlier ones have. What is not known of them yet counts as one more end like the last:
    whoever sees less must not forgive more.
    """
    ended = {
        each.number: retry.End(each.cause or "", each.times, each.progress, each.node)
        for each in job.attempts
        if each.phase == states.ENDED and each.number >= job.wanted
    }
    if not ended:
        return []
    last = max(ended)
    unknown = ended[last]._replace(times=1, progress=0.0, node="")
    return [ended.get(number, unknown) for number in range(max(1, job.wanted), last + 1)]


def ready_at(job: Job) -> float:
    """When the current attempt may start at the earliest, as the retry policy says; 0: at once."""
    here, last = current(job), None
    for each in job.attempts:
        if each.phase == states.ENDED and job.wanted <= each.number < here.number:
            last = each
    pause_s = retry.pause_s(last.cause or "", ends(job), job.retry) if last else 0.0
    return last.at + pause_s if last and pause_s else 0.0


def _goes_on(job: Job, last: Attempt) -> bool:
    if not job.wanted or is_cancelled(job, last):
        return False
    return retry.is_forgiven(last.cause or "", ends(job), job.retry)


# ------------------------------------------------------------------------- transitions


def _stay(before: Attempt, event: Event) -> Attempt:
    return before


def _cancel(before: Attempt, event: Event) -> Attempt:
    return before if before.cancel else before._replace(cancel=True)


def _join(before: Attempt, event: Event) -> Attempt:
    event = cast(Joined, event)
    if before.phase == states.WANTED:
        return before._replace(phase=states.JOINED, submission=event.submission, at=event.at)
    return before if before.submission else before._replace(submission=event.submission)


def _accept(before: Attempt, event: Event) -> Attempt:
    event = cast(Accepted, event)
    if before.batch_id is not None:
        return before
    at = max(before.at, event.at) if before.phase == states.JOINED else before.at
    return before._replace(batch_id=event.batch_id, at=at)


def _claim(before: Attempt, event: Event) -> Attempt:
    event = cast(Claimed, event)
    if event.slot <= before.slot and before.phase != states.ENDED:
        return before
    if event.slot < before.slot and before.generation >= event.generation:
        return before
    over = before.phase == states.ENDED
    return before._replace(
        phase=before.phase if over else states.CLAIMED,
        slot=max(before.slot, event.slot),
        submission=event.submission or before.submission,
        batch_id=event.batch_id or before.batch_id,
        generation=max(before.generation, event.generation),
        at=before.at if over else event.at,
        evidence=before.evidence if over else NOTHING,
        node=event.node or before.node,
    )


def _end(before: Attempt, event: Event) -> Attempt:
    event = cast(Ended, event)
    return before._replace(
        phase=states.ENDED,
        slot=max(event.slot, before.slot),
        state=event.state,
        cause=event.cause,
        message=event.message,
        at=event.at,
        evidence=NOTHING,
        times=event.times,
        progress=event.progress,
    )


def _tell_early(before: Attempt, event: Event) -> Attempt:
    """Nothing is out there yet, but the place may know that it will never take it."""
    return _tell(before, event) if isinstance(cast(Told, event).evidence, Refused) else before


def _tell(before: Attempt, event: Event) -> Attempt:
    return before._replace(evidence=cast(Told, event).evidence)


_Transition = Callable[[Attempt, Event], Attempt]
_SAME: Dict[type, _Transition] = {
    Wanted: _stay,
    CancelAsked: _cancel,
    Joined: _join,
    Accepted: _accept,
    Claimed: _claim,
    Ended: _end,
}
TRANSITIONS: Dict[Tuple[str, Type[Event]], _Transition] = {}
"""What each event does in each phase; total: every pair has its line."""
for _phase in states.PHASES:
    for _kind, _function in _SAME.items():
        TRANSITIONS[(_phase, _kind)] = _function
TRANSITIONS.update(
    {
        (states.WANTED, Told): _tell_early,
        (states.JOINED, Told): _tell,
        (states.CLAIMED, Told): _tell,
        (states.ENDED, Told): _stay,  # the ledger has spoken
        (states.ENDED, Ended): _stay,
    }
)


# --------------------------------------------------------------------------- due actions


def _due_wanted(here: Attempt, cancel: bool) -> "List[Action]":
    if cancel:
        return [_revoke(here, states.CANCELLED, "cancelled", "cancelled before it was submitted")]
    if isinstance(here.evidence, Refused):
        return [_revoke(here, states.FAILED, here.evidence.cause, here.evidence.message)]
    return []


def _due_joined(here: Attempt, cancel: bool) -> "List[Action]":
    seen = here.evidence
    if isinstance(seen, Refused):
        return [_revoke(here, states.FAILED, seen.cause, seen.message)]
    if cancel:
        end = _revoke(here, states.CANCELLED, "cancelled", "cancelled before it started")
        if isinstance(seen, (Gone, Over)):
            return [end]
        return [Stop(here.number, here.submission, here.batch_id), end]
    if isinstance(seen, Stuck):
        return _give_up(here, seen)
    if isinstance(seen, Over):
        return [_revoke(here, seen.state, seen.cause, seen.message)]
    if isinstance(seen, Gone) and _is_lost(seen):
        return [_lost(here, seen, "it left the queue without having started")]
    return []


def _due_claimed(here: Attempt, cancel: bool) -> "List[Action]":
    seen = here.evidence
    over = isinstance(seen, Over) and seen.certain
    lost = isinstance(seen, Gone) and _is_lost(seen) and seen.silent
    if cancel:
        if over or lost:
            return [_revoke(here, states.CANCELLED, "cancelled", "cancelled while it ran")]
        return [Stop(here.number, here.submission, here.batch_id)]
    if isinstance(seen, Stuck):
        return _give_up(here, seen)
    if over:
        seen = cast(Over, seen)
        return [_revoke(here, seen.state, seen.cause, seen.message)]
    if lost:
        message = "it left the queue without a word, and its heartbeat stopped"
        return [_lost(here, cast(Gone, seen), message)]
    return []


def _give_up(here: Attempt, seen: Stuck) -> "List[Action]":
    stop = Stop(here.number, here.submission, here.batch_id)
    return [stop, _revoke(here, states.FAILED, seen.cause, seen.message)]


def _due_ended(here: Attempt, cancel: bool) -> "List[Action]":
    return []


_DUE = {
    states.WANTED: _due_wanted,
    states.JOINED: _due_joined,
    states.CLAIMED: _due_claimed,
    states.ENDED: _due_ended,
}


def _is_lost(seen: Gone) -> bool:
    return seen.at - seen.since >= seen.patience_s


def _lost(here: Attempt, seen: Gone, message: str) -> Revoke:
    """The end of what is gone: that it is over was told by its absence, why, by whoever knows."""
    if seen.said is not None:
        return _revoke(here, seen.said.state, seen.said.cause, seen.said.message)
    return _revoke(here, states.LOST, "lost", message)


def _revoke(here: Attempt, state: str, cause: str, message: str) -> Revoke:
    return Revoke(here.number, here.slot + 1, state, cause, message)
