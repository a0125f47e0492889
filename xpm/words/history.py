"""What happened to a job, from the records of its own folder and of the experiments that wanted it."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import cast

from xpm.connectors.base import JobRef
from xpm.follow.journal import Happened
from xpm.follow.looking import Look
from xpm.follow.main import MainFolder
from xpm.follow.views import OVER
from xpm.wire import ledger
from xpm.words import telling


@dataclass(frozen=True, slots=True)
class Happening:
    """One thing that happened to a job."""

    at: float
    text: str


def happenings(look: Look, ref: JobRef) -> list[Happening]:
    """Everything known of a job, oldest first; what its records do not tell, such as time in a queue, the journal noted."""
    found = [
        *_submissions(look, ref),
        *_noted(look.journal.story(ref.job)),
        *_entries(look.main, ref),
    ]
    return _once(sorted(found, key=lambda each: each.at))


def _once(found: list[Happening]) -> list[Happening]:
    """Without what is said twice in a row: a state asked for again is no news."""
    before = [None, *found]
    return [
        each
        for each, last in zip(found, before, strict=False)
        if last is None or each.text != last.text
    ]


def local_time(at: float) -> str:
    """A moment on this machine's clock, with its zone."""
    return datetime.fromtimestamp(at).astimezone().strftime("%Y-%m-%d %H:%M:%S %z")


def _submissions(look: Look, ref: JobRef) -> Iterator[Happening]:
    told: set[tuple[str, int]] = set()
    for name, line in look.lines(ref):
        if (name, line.attempt) in told:
            yield Happening(line.at, f"wanted again by {name} (run {line.run})")
            continue
        told.add((name, line.attempt))
        yield Happening(
            line.at,
            f"attempt {line.attempt} wanted by {name} (run {line.run}), "
            f"launcher {line.launcher}, on {line.connector}",
        )


def _noted(journal: Sequence[Happened]) -> Iterator[Happening]:
    for each in journal:
        content = each.content
        state = content.get("state")
        if each.kind == "state" and state not in OVER and state not in ("running", "unknown"):
            reason = f" ({content['reason']})" if content.get("reason") else ""
            batch = f", batch job {content['batch_id']}" if content.get("batch_id") else ""
            yield Happening(each.at, f"attempt {content['attempt']} {state}{batch}{reason}")
        elif each.kind not in ("state", "submitted"):
            yield Happening(each.at, each.kind)


def _entries(main: MainFolder, ref: JobRef) -> Iterator[Happening]:
    folder = str(main.job_folder(ref))
    for slot in ledger.slots(folder):
        content = ledger.entry(folder, slot.attempt, slot.slot)
        if content is not None:
            yield Happening(float(content["at"]), f"attempt {slot.attempt} {_entry(content)}")


def _entry(content: Mapping[str, object]) -> str:
    if content["kind"] == "claim":
        return _claim(content)
    if content["kind"] == "revoked":
        message = f": {content['message']}" if content.get("message") else ""
        return f"given up, {content['state']} ({content.get('cause') or 'no cause'}){message}"
    return _outcome(content)


def _claim(content: Mapping[str, object]) -> str:
    parts = [f"started on {content.get('host')}", f"process {content.get('pid')}"]
    if content.get("batch_id"):
        parts.append(f"batch job {content['batch_id']}")
    generation = content.get("generation")
    if isinstance(generation, int) and generation > 1:
        parts.append(f"generation {generation}")
    return ", ".join([*parts, *telling.equipment(content, {})])


def _outcome(content: Mapping[str, object]) -> str:
    text = f"ended {content['state']}"
    started, ended = content.get("started_at"), content.get("ended_at")
    if isinstance(started, int | float) and isinstance(ended, int | float):
        text += f" after {telling.duration(ended - started)}"
    details = [
        f"{word} {content[key]}"
        for key, word in (("cause", "cause"), ("exit_code", "exit code"), ("signal", "signal"))
        if content.get(key)
    ]
    if details:
        text += f" ({', '.join(details)})"
    error = content.get("error")
    if isinstance(error, Mapping):
        told = cast("Mapping[str, object]", error)
        text += f": {told.get('type')}: {told.get('message')}"
    return text
