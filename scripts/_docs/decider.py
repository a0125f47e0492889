"""Draws the decider into the documentation: every line is what ``xpm.decide`` answers when it is asked.

``python scripts/_docs/decider.py`` writes docs/decider.md and docs/decider.svg; with ``--check`` it only tells whether
they are current.
"""

import sys
import typing
from collections.abc import Iterator
from pathlib import Path

CHECKOUT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(CHECKOUT))

from xpm.decide import facts, retry, states, transitions  # noqa: E402

NOW = 1000.0
SAMPLES = {
    "attempt": 1, "slot": 1, "submission": "s", "batch_id": "7", "generation": 1, "state": states.DONE,
    "reason": "", "message": "", "retry": retry.DEFAULT, "since": 0.0, "patience_s": 120.0, "evidence": facts.NOTHING,
    "node": "n1", "times": 1, "progress": 0.0,
}  # fmt: skip
"""A value for each field of an event."""
ENDED = facts.Over(states.FAILED, "node_fail", "", certain=True)
GONE = facts.Gone(since=0.0, at=NOW, patience_s=120.0, silent=False, said=None)
EVIDENCE = {
    "nothing": facts.NOTHING,
    "waits in its queue": facts.Present("pending", ""),
    "runs": facts.Present("running", ""),
    "does not have it": GONE._replace(since=NOW),
    "has not had it for `lost_after`": GONE,
    "the same, and its heartbeat stands still": GONE._replace(silent=True),
    "the same, and how it ended": GONE._replace(silent=True, said=ENDED),
    "it ended, as far as I know": ENDED._replace(certain=False),
    "it ended, nobody runs it": ENDED,
    "I have it, and will never start it": facts.Stuck("refused", ""),
    "I will never take it": facts.Refused("launch", ""),
}
"""What the place may say, in words."""
EVENTS = {
    facts.Wanted: "somebody asks for it",
    facts.CancelAsked: "somebody wants it cancelled",
    facts.Joined: "it has a submission",
    facts.Accepted: "the place took the submission",
    facts.Claimed: "a run claims it",
    facts.Ended: "an outcome or a revocation",
    facts.Told: "the place says something",
}


def main() -> None:
    """Write the page and its drawing, or compare them."""
    files = {"decider.md": page(), "decider.svg": drawing()}
    stale = [
        name
        for name, text in files.items()
        if not (path := CHECKOUT / "docs" / name).exists() or path.read_text() != text
    ]
    if stale and "--check" in sys.argv:
        sys.exit(f"docs: {', '.join(stale)} do not show the decider as it is\n  -> scripts/docs")
    for name in stale:
        (CHECKOUT / "docs" / name).write_text(files[name])


# ---------------------------------------------------------------------------- questions


def in_phase(phase: str, **more: object) -> facts.Job:
    """A job whose attempt 1 is in this phase."""
    attempt = facts.fresh(1)._replace(phase=phase, **more)
    if phase in (states.CLAIMED, states.ENDED):
        attempt = attempt._replace(slot=1)
    if phase == states.ENDED:
        attempt = attempt._replace(state=states.FAILED, cause="exit")
    return facts.Job(1, retry.DEFAULT, (attempt,))


def sample(kind: type) -> facts.Event:
    """An event of this kind, a later one than what is known."""
    fields = {**SAMPLES, "slot": 2, "at": NOW, "cause": None}
    return kind(**{name: fields[name] for name in kind._fields})  # type: ignore[attr-defined]


def effect(phase: str, kind: type) -> str:
    """What an event makes of an attempt in this phase."""
    job = in_phase(phase)
    before = job.attempts[0]
    event = sample(kind)
    if isinstance(event, facts.Told):
        event = event._replace(evidence=facts.Present("running", ""))
    after = transitions.merge(job, event).attempts[0]
    if after.phase != before.phase:
        return f"**{after.phase}**"
    changed = [
        name.replace("_", " ")
        for name, old, new in zip(before._fields, before, after, strict=True)
        if old != new and name not in ("at", "slot")
    ]
    return f"notes {', '.join(changed)}" if changed else "·"


def action(phase: str, evidence: facts.Evidence, cancel: bool) -> str:
    """What is to be done about an attempt in this phase when the place says this."""
    job = in_phase(phase, evidence=evidence, cancel=cancel)
    said = []
    for each in transitions.due(job, NOW):
        if isinstance(each, facts.Revoke):
            said.append(f"revoke: {each.state}")
        else:
            said.append("stop")
    return ", then ".join(said) or "·"


def word(phase: str, evidence: facts.Evidence) -> str:
    """The state a user reads."""
    return f"`{transitions.word(in_phase(phase, evidence=evidence), states.FREE)}`"


def forgiven() -> Iterator[list[str]]:
    """Which causes are forgiven when the profile says nothing, and how often."""
    ends = ("lost", "node_fail", "preempted", "timeout", "oom", "exit", "signal", "cancelled")
    for cause in ends:
        yield [f"`{cause}`", str(attempts(cause) - 1) or "0"]


def attempts(cause: str, most: int = 50) -> int:
    """How many attempts a job makes that always ends so."""
    job = facts.Job(0, (), ())
    job = transitions.merge(job, sample(facts.Wanted))
    for number in range(1, most):
        if transitions.current(job).number != number:
            return number - 1
        ended = sample(facts.Ended)._replace(attempt=number, state=states.FAILED, cause=cause)
        job = transitions.merge(job, ended)
    return most


# ----------------------------------------------------------------------------- the page


def table(head: list[str], rows: typing.Iterable[list[str]]) -> str:
    """A table in Markdown."""
    lines = [head, ["---"] * len(head), *rows]
    return "".join(f"| {' | '.join(row)} |\n" for row in lines)


def page() -> str:
    """The page, in Markdown."""
    alive = (states.JOINED, states.CLAIMED)
    kinds = [kind for kind in EVENTS if kind in typing.get_args(facts.Event)]
    return TEXT.format(
        phases=table(
            ["event", *states.PHASES],
            ([EVENTS[kind], *(effect(phase, kind) for phase in states.PHASES)] for kind in kinds),
        ),
        actions=table(
            ["the place says", *(f"{p}{c}" for p in alive for c in ("", ", cancel asked"))],
            (
                [said, *(action(p, evidence, c) for p in alive for c in (False, True))]
                for said, evidence in EVIDENCE.items()
            ),
        ),
        words=table(
            ["the place says", *alive],
            ([said, *(word(p, evidence) for p in alive)] for said, evidence in EVIDENCE.items()),
        ),
        upstream=table(
            ["its parents", "not submitted yet"],
            (
                [said, f"`{transitions.word(in_phase(states.WANTED), hold)}`"]
                for said, hold in (
                    ("all done", states.FREE),
                    ("some not over yet", states.HELD),
                    ("some over, and not done", states.BROKEN),
                )
            ),
        ),
        retries=table(["cause", "further attempts"], forgiven()),
    )


TEXT = """# The decider, drawn

<!-- Written by scripts/_docs/decider.py from xpm/decide; scripts/docs writes it again. -->

What becomes ready, what is stopped, given up or tried again is decided in one place, `xpm/decide`: functions of values, without
any I/O. This page is what they answer when they are asked every question. [How it works](how-it-works.md) tells who asks.

A *job* is the set of its *attempts*. An attempt goes through four phases and never back; every arrow is a file that exactly one
could create:

![phases of an attempt](decider.svg)

## What an event makes of an attempt

Bold: the phase it is in afterwards. Dot: nothing changes. Events are files, seen late, twice or in any order; the order does not
matter.

{phases}
## What is to be done

About the current attempt, asked at every look; nothing is remembered, so whoever died between deciding and acting is
replaced by whoever comes next. *Revoke* writes the next entry of the ledger; it loses against a claim or an outcome that was
there first. *Stop* asks the place; a revocation behind it waits until the place has agreed.

{actions}
An attempt that is not submitted yet is revoked when it is to be cancelled, or when its place
will never take it. One that ended needs nothing.

## What users read

{upstream}
{words}
An attempt that ended has the state of its last entry.

## Which attempt counts

1. one that ended *done*: a done job is never run again;
2. else the highest that has a submission or was claimed: it is alive, and asking again changes nothing;
3. else the one somebody asked for, when no later one has ended;
4. else the last that ended; or the next, when the profile forgives the cause once more.

An attempt that was asked for and overtaken is revoked before the later one may be submitted, so a slow advancer that still
believes in it can never start a second run.

Forgiven when the profile says nothing, for a job that always ends so:

{retries}
## Who checks it

`tests/decide/test_transitions.py` reads like this page. `tests/decide/test_any_order.py` shuffles the files of known histories.

`tests/decide/test_world.py` lets Hypothesis play three advancers with their own stale views, who act on what they believed before
and die in between, against runs, requeues, cancellations and a batch system that says anything. There is never more than one
run of a job that may publish, never a second effect, no child before its parents; and after every history, once things heal,
every job has a final word.
"""


# --------------------------------------------------------------------------- the drawing

WIDTH, HEIGHT, GAP = 120, 44, 90


def drawing() -> str:
    """The phases and what leads from one to another, as SVG."""
    arrows = {}
    for start in states.PHASES:
        for kind in typing.get_args(facts.Event):
            if kind is facts.Tick:
                continue
            after = transitions.merge(in_phase(start), sample(kind)).attempts[0].phase
            if after != start:
                arrows.setdefault((start, after), []).append(kind.__name__)
    total = len(states.PHASES) * (WIDTH + GAP) - GAP + 20
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {total} 250" width="{total}"'
        ' font-family="sans-serif" font-size="13">',
        '<defs><marker id="tip" viewBox="0 0 8 8" refX="8" refY="4" markerWidth="8"'
        ' markerHeight="8" orient="auto"><path d="M0,0 L8,4 L0,8 z" fill="#888"/></marker></defs>',
        *(_box(place, phase) for place, phase in enumerate(states.PHASES)),
        *(_arrow(start, end, names) for (start, end), names in arrows.items()),
        "</svg>",
    ]
    return "\n".join(parts) + "\n"


def _left(place: int) -> int:
    return 10 + place * (WIDTH + GAP)


def _box(place: int, phase: str) -> str:
    x = _left(place)
    return (
        f'<rect x="{x}" y="103" width="{WIDTH}" height="{HEIGHT}" rx="8" fill="#eef" stroke="#446"/>'
        f'<text x="{x + WIDTH // 2}" y="130" text-anchor="middle" fill="#223">{phase}</text>'
    )


def _arrow(start: str, end: str, names: list[str]) -> str:
    """Straight to the next phase; over or under the boxes to a later one."""
    first, last = states.PHASES.index(start), states.PHASES.index(end)
    label = ", ".join(names)
    if last == first + 1:
        x, until = _left(first) + WIDTH, _left(last)
        path, at = f"M{x},125 L{until},125", ((x + until) // 2, 117)
    else:
        over = names != ["Ended"]
        x = _left(first) + WIDTH // 2 + (20 if over else -20)
        until = _left(last) + WIDTH // 2 + (-20 if over else 20)
        edge, top = (103, 103 - 34 * (last - first)) if over else (147, 147 + 34 * (last - first))
        path = f"M{x},{edge} C{x},{top} {until},{top} {until},{edge}"
        at = ((x + until) // 2, (edge + 3 * top) // 4 + (-6 if over else 15))
    return (
        f'<path d="{path}" fill="none" stroke="#888" stroke-width="1.5" marker-end="url(#tip)"/>'
        f'<text x="{at[0]}" y="{at[1]}" text-anchor="middle" fill="#666">{label}</text>'
    )


if __name__ == "__main__":
    main()
