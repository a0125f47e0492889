"""What is known of a job, what may happen to it, what may be done about it: plain values."""

from typing import NamedTuple, Optional, Tuple, Union

from xpm.decide import retry, states

Attempt = NamedTuple(
    "Attempt",
    [
        ("number", int),
        ("phase", str),  # one of states.PHASES
        ("slot", int),  # the highest ledger slot known to be taken
        ("submission", str),  # "" while it has joined none
        ("batch_id", Optional[str]),
        ("generation", int),  # how many runs have claimed
        ("state", str),  # how it ended: one of states.ENDINGS; "" before
        ("cause", Optional[str]),
        ("message", str),
        ("at", float),  # when the latest of this became true
        ("cancel", bool),  # somebody wants it cancelled
        ("evidence", "Evidence"),  # what the place says of it
        ("times", int),  # how many ends its end stands for: requeues from a checkpoint included
        ("progress", float),  # how far it said it was when it ended
        ("node", str),  # where its last run claimed; "" before
    ],
)

Job = NamedTuple(
    "Job",
    [
        ("wanted", int),  # the highest attempt somebody asked for; 0: nobody asked here
        ("retry", retry.Table),  # how often each cause is forgiven
        ("attempts", Tuple[Attempt, ...]),  # in order; only those there is a trace of
    ],
)

# ---------------------------------------------------------------------------- evidence

Nothing = NamedTuple("Nothing", [])
"""The place was not asked, or did not answer."""

Present = NamedTuple("Present", [("state", str), ("reason", str)])
"""The place has it: ``state`` is pending or running, ``reason`` says in words why it waits."""

Over = NamedTuple(
    "Over",
    [
        ("state", str),  # one of states.ENDINGS, never done
        ("cause", str),
        ("message", str),
        ("certain", bool),  # nobody can be running it: also a claimed run is over
    ],
)
"""The place says that it ended, and how."""

Gone = NamedTuple(
    "Gone",
    [
        ("since", float),  # the first good answer without it
        ("at", float),  # the latest
        ("patience_s", float),  # how far apart they must be
        ("silent", bool),  # a claimed run's heartbeat has not moved in between
        ("said", Optional[Over]),  # how it ended, where anybody but the queue says so
    ],
)
"""The place does not have it any more."""

Refused = NamedTuple("Refused", [("cause", str), ("message", str)])
"""The place will never take it."""

Stuck = NamedTuple("Stuck", [("cause", str), ("message", str)])
"""The place has it, and will never start it."""

Evidence = Union[Nothing, Present, Gone, Over, Refused, Stuck]
NOTHING = Nothing()

# ------------------------------------------------------------------------------ events

Wanted = NamedTuple("Wanted", [("attempt", int), ("retry", retry.Table)])
"""The queue asks for the job, in this attempt or a later one."""

CancelAsked = NamedTuple("CancelAsked", [("attempt", int)])
"""Somebody wants this attempt cancelled."""

Joined = NamedTuple("Joined", [("attempt", int), ("submission", str), ("at", float)])
"""The attempt has its one submission."""

Accepted = NamedTuple("Accepted", [("attempt", int), ("batch_id", Optional[str]), ("at", float)])
"""The place took the submission, under this id."""

Claimed = NamedTuple(
    "Claimed",
    [
        ("attempt", int),
        ("slot", int),
        ("submission", str),
        ("batch_id", Optional[str]),
        ("generation", int),
        ("at", float),
        ("node", str),
    ],
)
"""A run of the attempt started."""

Ended = NamedTuple(
    "Ended",
    [
        ("attempt", int),
        ("slot", int),
        ("state", str),
        ("cause", Optional[str]),
        ("message", str),
        ("at", float),
        ("times", int),
        ("progress", float),
    ],
)
"""The attempt is over: an outcome, or a revocation."""

Told = NamedTuple("Told", [("attempt", int), ("evidence", Evidence)])
"""What the place says of the attempt."""

Tick = NamedTuple("Tick", [])
"""Nothing new: what is to be done all the same?"""

Event = Union[Wanted, CancelAsked, Joined, Accepted, Claimed, Ended, Told, Tick]

# ----------------------------------------------------------------------------- actions

Revoke = NamedTuple(
    "Revoke", [("attempt", int), ("slot", int), ("state", str), ("cause", str), ("message", str)]
)
"""End the attempt by a ledger entry in this slot; whoever has the slot already wins."""

Stop = NamedTuple("Stop", [("attempt", int), ("submission", str), ("batch_id", Optional[str])])
"""Tell the place to stop it; a following Revoke waits until the place has agreed."""

Action = Union[Revoke, Stop]

UNKNOWN_JOB = Job(wanted=0, retry=(), attempts=())


def fresh(number: int) -> Attempt:
    """An attempt of which nothing is known but its number."""
    return Attempt(
        number, states.WANTED, 0, "", None, 0, "", None, "", 0.0, False, NOTHING, 1, 0.0, ""
    )  # fmt: skip
