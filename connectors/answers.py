"""What the far side answers, before anybody believes it: the right types, numbers of a sane size, text without tricks."""

import math
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from xpm.connectors.base import Begin, Change, JobRef, News, Printed, Reported, Stands
from xpm.errors import Defect

MOST_TEXT = 16 * 1024
MOST_NUMBER = 2**31
MOST_BYTES = 2**60
STATES = frozenset(
    "waiting ready submitted pending running done failed cancelled unknown lost skipped".split()
)


def plain(value: object, most: int = MOST_TEXT) -> str:
    """Text as a terminal may show it: what would move its cursor or change its colours is spelt out."""
    text = value if isinstance(value, str) else repr(value)
    return "".join(c if c.isprintable() or c in "\n\t" else ascii(c)[1:-1] for c in text[:most])


def shown(value: object) -> str:
    """A strange value, in few words."""
    return plain(repr(value), 200)


@contextmanager
def understood(name: str, verb: object) -> Iterator[None]:
    """Say in words that an answer makes no sense, whatever is wrong with it.

    Raises:
        Defect: it does not.
    """
    try:
        yield
    except (KeyError, TypeError, ValueError, AttributeError, IndexError, OverflowError) as error:
        raise Defect(
            f"the agent's answer to {verb!r} cannot be understood",
            on=name,
            cause=f"{type(error).__name__}: {plain(str(error), 300)}",
            hint="is the agent there really ours? nothing of the answer was used",
        ) from error


def news(answer: Mapping[str, object]) -> News:
    """What ``observe`` says."""
    changes = [change(_table(each)) for each in _rows(answer["changes"])]
    notes = [plain(_text(note)) for note in _rows(answer["notes"])]
    limits, standing = answer.get("limits"), answer.get("standing")
    return News(
        changes, _text(answer["cursor"]), notes, None if limits is None else _table(limits),
        [reported(_rows(each)) for each in _rows(answer.get("progress") or [])],
        None if standing is None else [stands(_rows(each)) for each in _rows(standing)],
    )  # fmt: skip


def change(raw: Mapping[str, object]) -> Change:
    """What is said of one job."""
    state = _text(raw["state"])
    if state not in STATES:
        raise ValueError(f"no such state: {state!r}")
    cause, batch_id = raw.get("cause"), raw.get("batch_id")
    return Change(
        ref=JobRef(_text(raw["task"]), _text(raw["job"])),
        state=state,
        cause=None if cause is None else plain(_text(cause), 100),
        attempt=_count(raw["attempt"]),
        generation=_count(raw["generation"]),
        batch_id=None if batch_id is None else plain(_text(batch_id), 100),
        reason=plain(_text(raw.get("reason") or "")),
        message=plain(_text(raw.get("message") or "")),
        at=_moment(raw["at"]),
    )


def reported(row: list[object]) -> Reported:
    """How far one job is."""
    task, job, at, fraction, description = row
    part = _moment(fraction)
    if not 0.0 <= part <= 1.0:
        raise ValueError(f"{shown(fraction)} is no part of a whole")
    return Reported(
        JobRef(_text(task), _text(job)), _moment(at), part, plain(_text(description), 200)
    )


def stands(row: list[object]) -> Stands:
    """Where one batch job stands."""
    batch_id, some, partition, place, of = row
    found = Stands(
        plain(_text(batch_id), 100), plain(_text(some)), plain(_text(partition), 100), _count(place), _count(of)
    )  # fmt: skip
    if not 1 <= found.place <= found.of:
        raise ValueError(f"{shown(place)} is no place of {shown(of)}")
    return found


def printed(answer: Mapping[str, object], content: bytes) -> Printed:
    """What ``tail`` says."""
    rows = [_rows(each) for each in _rows(answer.get("begins") or [])]
    begins = [Begin(*(_count(each, MOST_BYTES) for each in row)) for row in rows]
    offset, size = (_count(answer.get(each, 0), MOST_BYTES) for each in ("offset", "size"))
    return Printed(content, begins, offset, size)


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise TypeError(f"{shown(value)} is no text")
    return value


def _count(value: object, most: int = MOST_NUMBER) -> int:
    if type(value) is not int or not 0 <= value < most:
        raise ValueError(f"{shown(value)} is no count")
    return value


def _moment(value: object) -> float:
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    if not is_number or not math.isfinite(float(value)) or abs(float(value)) > 1e12:  # type: ignore[arg-type]
        raise ValueError(f"{shown(value)} is no time")
    return float(value)  # type: ignore[arg-type]


def _rows(value: object) -> list[object]:
    if not isinstance(value, list):
        raise TypeError(f"{shown(value)} is no list")
    return value


def _table(value: object) -> Mapping[str, object]:
    if not isinstance(value, dict):
        raise TypeError(f"{shown(value)} is no object")
    return value
