"""Which ends of a job are forgiven by a new attempt."""

from typing import Any, Dict, Iterable, Tuple

DEFAULT = (("lost", 1),)
"""Without a word in the request: a lost job is submitted once more, everything else is the user's to decide."""

Table = Tuple[Tuple[str, int], ...]


def table(request_retry: Dict[str, Any]) -> Table:
    """The table of a request's ``retry``: ``{cause: {"max": n}}`` over the default."""
    merged = dict(DEFAULT)
    for cause, rule in request_retry.items():
        merged[cause] = int(rule.get("max", 0))
    return tuple(sorted(merged.items()))


def is_forgiven(cause: str, spent: Iterable[str], rules: Table) -> bool:
    """Whether an attempt that ended so gets another one.

    Args:
        cause: why it ended.
        spent: the causes of all attempts since somebody asked last, this one included.
        rules: how often each cause is forgiven.
    """
    return sum(1 for each in spent if each == cause) <= dict(rules).get(cause, 0)
