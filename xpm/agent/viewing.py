"""How a job stands, as those who observe are told."""

from typing import Callable, Dict, NamedTuple, Optional

from xpm.decide import states, transitions
from xpm.decide.facts import Present

TYPE_CHECKING = False
if TYPE_CHECKING:
    from xpm.agent.board import JobFacts

View = NamedTuple(
    "View",
    [
        ("task", str),
        ("job", str),
        ("state", str),
        ("cause", Optional[str]),
        ("attempt", int),
        ("generation", int),
        ("batch_id", Optional[str]),
        ("submission", Optional[str]),
        ("reason", str),
        ("message", str),
        ("at", float),
    ],
)
"""What ``change`` in xpm/wire/messages.py says of a job."""


def view_of(known: "JobFacts", jobs: "Dict[str, JobFacts]") -> View:
    """How a job stands."""
    here = transitions.current(known.facts)
    cause, message, reason = here.cause, here.message, known.reason
    if known.word == states.SKIPPED:
        cause = "dependency"
        message = "skipped: %s" % _first(known, jobs, lambda word: word in states.FINAL, "ended")
    elif known.word == states.WAITING:
        reason = _first(known, jobs, lambda word: word not in states.FINAL, "waited for")
    elif known.word == states.PENDING and isinstance(here.evidence, Present):
        reason = here.evidence.reason
    if here.phase != states.ENDED and transitions.is_cancelled(known.facts, here):
        reason = "being cancelled"
    return View(
        task=known.task,
        job=known.job,
        state=known.word,
        cause=cause,
        attempt=here.number,
        generation=here.generation,
        batch_id=here.batch_id,
        submission=here.submission or None,
        reason=reason,
        message=message,
        at=here.at if here.phase == states.ENDED else known.at,
    )


def _first(
    known: "JobFacts", jobs: "Dict[str, JobFacts]", is_it: Callable[[str], bool], verb: str
) -> str:
    """The first parent in such a state, in words."""
    for each in known.parents:
        parent = jobs[each]
        if parent.word != states.DONE and is_it(parent.word or states.WAITING):
            name = "%s/%s" % (parent.task, parent.job[:8])
            if verb == "ended":
                return "%s is %s" % (name, parent.word)
            if parent.is_stranger:
                return "waits for %s, which nobody asked for here" % name
            return "waits for %s" % name
    return ""
