"""Jobs as rows of a table: filtered, sorted, cut, counted."""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence

from xpm.follow import filters, views
from xpm.monitor.board import Board, Entry, Key
from xpm.words import telling

MOST_ROWS = 500
MOST_VALUES = 12
"""A tag of more values than this is not offered value by value."""
Measured = Mapping[Key, float]
_URGENCY = {state: place for place, state in enumerate(telling.ORDER)}


def row(board: Board, entry: Entry) -> dict[str, object]:
    """One job, as the page shows it in tables."""
    job = entry.row
    found: dict[str, object] = {
        "key": "/".join(entry.key),
        "experiment": entry.key[0],
        "id": job.id,
        "task": job.task,
        "state": job.state,
        "cause": job.cause,
        "attempt": job.attempt,
        "connector": job.connector,
        "launcher": job.launcher,
        "batch": job.batch_id,
        "tags": dict(entry.tags),
        "remark": remark(board, entry),
        "seen_at": job.seen_at,
        "settled": bool(job.settled),
    }
    progress = board.progress(entry.key)
    if progress is not None:
        found["progress"] = [progress.fraction, progress.description, progress.at]
    return found


def remark(board: Board, entry: Entry) -> str:
    """Why a job waits or failed, in the words of ``xpm status``."""
    return telling.remark(views.seen(board.look, entry.row))


def page(
    board: Board,
    text: str,
    experiment: str | None,
    states: Sequence[str],
    sort: str,
    offset: int,
    limit: int,
    measured: Measured | None = None,
) -> tuple[dict[str, object], Sequence[Entry]]:
    """A window of the jobs that pass a filter and are in one of some states (none: any); and the jobs in it.

    Args:
        board: what is known.
        text: the filter.
        experiment: of this one only.
        states: these only.
        sort: by what.
        offset: where the window begins.
        limit: how many jobs it has at most.
        measured: the metric that jobs are sorted by, where it is one.

    Raises:
        UsageProblem: the filter cannot be read, or names a tag that no job has.
    """
    found = board.passing(text, experiment)
    counts = Counter(each.row.state for each in found)
    chosen = [each for each in found if each.row.state in states] if states else found
    chosen = ordered(chosen, sort, measured)
    window = chosen[offset : offset + min(limit, MOST_ROWS)]
    told: dict[str, object] = {
        "number": board.number,
        "total": len(chosen),
        "offset": offset,
        "counts": dict(counts),
        "rows": [row(board, each) for each in window],
    }
    return told, window


def ordered(found: Sequence[Entry], sort: str, measured: Measured | None = None) -> Sequence[Entry]:
    """Sorted by a column, or by ``tag.NAME`` or ``metric.NAME``; downwards with ``-`` before it. None: as submitted."""
    name = sort.removeprefix("-")
    if not name:
        return found
    downwards = sort.startswith("-")
    key = _key(name, measured or {})
    having = [each for each in found if key(each) is not None]
    lacking = [each for each in found if key(each) is None]
    return [*sorted(having, key=lambda each: comparable(key(each)), reverse=downwards), *lacking]


def tags(found: Sequence[Entry]) -> Mapping[str, object]:
    """The tags of some jobs: of each its values, with how many jobs have them, or how many values there are."""
    texts: dict[str, Counter[str]] = {}
    for each in found:
        for name, value in each.tags.items():
            texts.setdefault(name, Counter())[_text(value)] += 1
    return {
        name: sorted(values.items(), key=lambda pair: comparable(pair[0]))
        if len(values) <= MOST_VALUES
        else len(values)
        for name, values in sorted(texts.items())
    }


def tasks(found: Sequence[Entry]) -> Mapping[str, int]:
    """How many jobs each task has."""
    return Counter(each.row.task for each in found)


def _key(name: str, measured: Measured) -> Callable[[Entry], object]:
    if name.startswith("metric."):
        return lambda each: measured.get(each.key)
    if name.startswith("tag."):
        tag = name.removeprefix("tag.")
        return lambda each: each.tags.get(tag)
    if name == "state":
        return lambda each: _URGENCY.get(each.row.state, 0)
    if name in ("task", "attempt", "id", "connector", "launcher", "cause"):
        return lambda each: getattr(each.row, name)
    if name == "seen":
        return lambda each: each.row.seen_at
    return lambda each: None


def comparable(value: object) -> tuple[int, float, str]:
    """What values of any type are sorted by: numbers before texts."""
    number = filters.number(value)
    if number is None or number != number:
        return 1, 0.0, _text(value)
    return 0, number, ""


def _text(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
