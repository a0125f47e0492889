"""One submission on its way into SLURM's queue: sent at least once, known by its name, never blindly sent again.

Theory of operation. Everything is a file of the submission's folder, so whoever comes next goes on::

    try.<k>     somebody is about to send it for the k-th time        exclusive
                ... or it is split instead, {"parts": sizes}: never sent from now on, its parts are
    sbatch.<k>  .in the script, .pid .out .err .rc what sbatch said   (errands.py)
    doubt.<k>   the first good look-up after try k without it         exclusive
    batch.json  it is in the queue, under this id                     exclusive
    refused.json  it will never be                                    exclusive

    no try ──► try.1 ──► the answer ── accepted ──► batch.json
                 ▲           ├── refused ──► refused.json
                 │           ├── too many ──► (a pause) ──► try.<k+1>, or split as try.<k+1>
                 │           ├── later ──► (a pause) ──► try.<k+1>
                 │           └── unclear, or none in time ──► look-up by name: found ──► batch.json
                 │                                                absent twice, 2 MessageTimeout apart
                 └──────────────────────────────────────────────────────┘
"""

import os
import re
from typing import Any, Dict, List, NamedTuple, Optional, Sequence, Tuple, Union

from xpm.agent import errands, nodes, processes, reading, slurm_parse
from xpm.wire import files

Take = NamedTuple("Take", [("number", int)])
"""Send it, or split it, as this try: it is not in the queue, and nobody else is about to send it."""

TooMany = NamedTuple("TooMany", [("number", int), ("message", str), ("limit", str), ("at", float)])
"""This limit refused it whole a moment ago. Split it as this try, or wait."""

Split = NamedTuple("Split", [("sizes", Tuple[int, ...])])
"""It is never sent itself: its parts, of so many elements each, are."""

Wait = NamedTuple("Wait", [("reason", str)])
"""Nothing to do yet; why, in words."""

LookUp = NamedTuple("LookUp", [("number", int), ("since", float)])
"""Look for it by name, in an answer asked for after ``since``."""

NotHere = NamedTuple("NotHere", [("message", str), ("never", bool)])
"""A compute node may not send it: who comes to it elsewhere may. ``never``: nor anything else."""

InQueue = NamedTuple("InQueue", [("batch_id", str)])
Never = NamedTuple("Never", [("message", str), ("cause", str)])

Next = Union[Take, TooMany, Split, Wait, LookUp, NotHere, InQueue, Never]

REFUSED = "refused"
"""The cause of an attempt that the place will never take: no retry helps (wire/ledger.py)."""
STARTED_S = 10.0
"""A try whose shell has not shown up after this, and whose owner is dead, was never sent."""
PAUSE_S = 15.0
_TRY = re.compile(r"^try\.([1-9][0-9]*)$")


def find_next(folder: str, now: float) -> Next:
    """What is to be done with a submission. Reads only; records what sbatch answered."""
    batch = reading.load(os.path.join(folder, "batch.json"))
    if batch:
        return InQueue(str(batch["batch_id"]))
    refused = reading.load(os.path.join(folder, "refused.json"))
    if refused:
        return Never(str(refused.get("message") or ""), str(refused.get("cause") or REFUSED))
    numbers = _tries(folder)
    if not numbers:
        return Take(1)
    for number in sorted(numbers)[:-1]:
        found = _accepted(folder, number)  # its word came after we had given it up
        if found is not None:
            return found
    return _after_try(folder, max(numbers), now)


def take(folder: str, number: int, now: float) -> bool:
    """Be the one who sends it; False when somebody else is."""
    owner = dict(processes.identity(), at=now, inside=nodes.is_inside())
    return files.create(os.path.join(folder, "try.%d" % number), files.dump(owner), sync=True)


def split(folder: str, number: int, sizes: Sequence[int], now: float) -> bool:
    """Cut it into parts instead of sending it; False when somebody else is faster, whatever that one does."""
    content = {"at": now, "parts": list(sizes)}
    return files.create(os.path.join(folder, "try.%d" % number), files.dump(content), sync=True)


def parts(folder: str) -> "Tuple[int, ...]":
    """The sizes of the parts a submission was split into; () while it is whole."""
    numbers = _tries(folder)
    content = reading.load(os.path.join(folder, "try.%d" % max(numbers))) if numbers else None
    return tuple(int(each) for each in (content or {}).get("parts") or ())


def send(folder: str, number: int, argv: List[str], script: str, environ: Dict[str, str]) -> Any:
    """Send it: the shell that runs sbatch is returned, and needs nobody."""
    name = errand(number)
    files.write(os.path.join(folder, name + ".in"), script.encode("utf-8"))
    # who was asleep for so long that it has been given up must not send it any more
    return errands.start(folder, name, argv, environ, unless="try.%d" % (number + 1))


def record(folder: str, batch_id: str, by: str, now: float) -> None:
    """Note for ever that it is in the queue."""
    _note(os.path.join(folder, "batch.json"), {"batch_id": batch_id, "at": now, "by": by})


def refuse(folder: str, message: str, at: float) -> Never:
    """Note for ever that SLURM will never take it."""
    content = {"at": at, "message": message, "cause": REFUSED}
    _note(os.path.join(folder, "refused.json"), content)
    return Never(message, REFUSED)


def is_absent(folder: str, number: int, asked_at: float, now: float, apart_s: float) -> bool:
    """A good look-up has not found it; whether that is enough to send it again."""
    path = os.path.join(folder, "doubt.%d" % number)
    first = reading.load(path)
    if not first:
        _note(path, {"at": asked_at})
        return False
    return asked_at - float(first["at"]) >= apart_s


def errand(number: int) -> str:
    """The name of the errand of a try."""
    return "sbatch.%d" % number


def _tries(folder: str) -> List[int]:
    return [int(found.group(1)) for found in map(_TRY.match, files.listing(folder)) if found]


def _accepted(folder: str, number: int) -> Optional[InQueue]:
    said = errands.said(folder, errand(number))
    answer = slurm_parse.submitted(said.status, said.out, said.err) if said else None
    if said is None or not isinstance(answer, slurm_parse.Accepted):
        return None
    record(folder, answer.batch_id, "sbatch", said.at)
    errands.forget(folder, errand(number))  # files are dear, and this one has said it all
    batch = reading.load(os.path.join(folder, "batch.json")) or {}
    return InQueue(str(batch.get("batch_id") or answer.batch_id))


def _after_try(folder: str, number: int, now: float) -> Next:
    said = errands.said(folder, errand(number))
    if said is None:
        path = os.path.join(folder, "try.%d" % number)
        owner = reading.load(path) or {}
        if owner.get("parts"):
            return Split(tuple(int(each) for each in owner["parts"]))
        return _without_answer(folder, number, path, owner, now)
    accepted = _accepted(folder, number)
    if accepted is not None:
        return accepted
    answer = slurm_parse.submitted(said.status, said.out, said.err)
    if isinstance(answer, (slurm_parse.Refused, slurm_parse.Later)):
        never = nodes.is_barred_by(said.status, answer.message)
        if (never or isinstance(answer, slurm_parse.Refused)) and _was_inside(folder, number):
            # a job's word is not the last one: where it ran may be all that was wrong
            return NotHere(answer.message, never) if nodes.is_inside() else Take(number + 1)
    if isinstance(answer, slurm_parse.Refused):
        return refuse(folder, answer.message, said.at)
    if isinstance(answer, slurm_parse.Later):
        pause = min(300.0, PAUSE_S * 2 ** min(number - 1, 5))
        if abs(now - said.at) >= pause:
            return Take(number + 1)
        if answer.limit:
            return TooMany(number + 1, answer.message, answer.limit, said.at)
        return Wait("SLURM does not take it now: %s" % answer.message)
    return LookUp(number, said.at)


def _was_inside(folder: str, number: int) -> bool:
    owner = reading.load(os.path.join(folder, "try.%d" % number)) or {}
    return bool(owner.get("inside"))


def _without_answer(folder: str, number: int, path: str, owner: Dict[str, Any], now: float) -> Next:
    begin = float(owner.get("at") or os.stat(path).st_mtime)
    limit = errands.LIMIT_S + 30.0
    if not errands.was_started(folder, errand(number)) and processes.is_alive(owner) is False:
        limit = STARTED_S
    if 0 <= now - begin < limit:
        return Wait("being submitted")
    return LookUp(number, begin + limit if now >= begin else begin)


def _note(path: str, content: Dict[str, Any]) -> None:
    """Write it down once; again when a power cut has damaged it."""
    if not files.create(path, files.dump(content), sync=True) and reading.load(path) == {}:
        files.write(path, files.dump(content), sync=True)
