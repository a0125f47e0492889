"""Which ends of a job are forgiven by a new attempt, and what that attempt asks for.

The laptop resolves the profile's table and seals it into the request (xpm/wire/workspace.py), one *rule* per cause. Here
is only counted and picked: an end is forgiven while no more ends of its cause than ``max`` count, and the n-th of them
asks for the n-th of the rule's ``steps``.

Which ends count: those since somebody asked last. Where progress ``renews`` the budget, only those since the job last got
further than ever, by its own word (``progress``).
"""

import math
from typing import Any, Dict, Iterable, List, Mapping, NamedTuple, Tuple

Rule = NamedTuple(
    "Rule",
    [
        ("most", int),  # how many ends of this cause are forgiven
        ("renews", bool),  # whether progress makes them forgotten
        (
            "backoff_s",
            float,
        ),  # how long to wait after the first; twice as long after each further one
    ],
)

End = NamedTuple(
    "End",
    [
        ("cause", str),
        (
            "times",
            int,
        ),  # how many ends this one stands for: a batch job may be requeued several times
        ("progress", float),  # how far the job said it was, from 0 to 1
        ("node", str),  # where it ran; "" when nobody knows
    ],
)
"""How an attempt ended."""

Table = Tuple[Tuple[str, Rule], ...]

DEFAULT = (
    ("lost", Rule(1, False, 0.0)),
    ("node_fail", Rule(3, False, 0.0)),
    ("preempted", Rule(10, False, 0.0)),
)
"""Without a word in the request: what the site did to a job is made good, everything else is the user's to decide."""

LONGEST_BACKOFF_S = 3600.0
EXCLUDED = 8
"""How many bad nodes are kept away from at most, the latest first."""


def table(request_retry: Mapping[str, Any]) -> Table:
    """The table of a request's ``retry`` over the default."""
    merged = dict(DEFAULT)
    for cause, rule in request_retry.items():
        merged[cause] = Rule(
            int(rule.get("max") or 0),
            bool(rule.get("renews")),
            float(rule.get("backoff_s") or 0.0),
        )
    return tuple(sorted(merged.items()))


def spent(cause: str, ends: Iterable[End], rule: Rule) -> int:
    """How many of these ends count against a rule."""
    count, best = 0, 0.0
    for each in ends:
        if rule.renews and each.progress > best:
            count = 0
            best = each.progress
        if each.cause == cause:
            count += each.times
    return count


def is_forgiven(cause: str, ends: Iterable[End], rules: Table) -> bool:
    """Whether an attempt that ended so gets another one.

    Args:
        cause: why it ended.
        ends: those of all attempts since somebody asked last, in order, this one included.
        rules: how often each cause is forgiven.
    """
    rule = dict(rules).get(cause)
    return rule is not None and spent(cause, ends, rule) <= rule.most


def pause_s(cause: str, ends: Iterable[End], rules: Table) -> float:
    """How long after such an end the next attempt waits."""
    rule = dict(rules).get(cause)
    if rule is None or not rule.backoff_s:
        return 0.0
    doubled = max(0, min(spent(cause, ends, rule) - 1, 20))
    return min(LONGEST_BACKOFF_S, rule.backoff_s * 2.0**doubled)


def effective_request(request: Dict[str, Any], ends: Iterable[End]) -> Dict[str, Any]:
    """What an attempt asks for after these ends of the attempts before it; the request itself when nothing changes.

    A *step* of a rule has ``options``, which take the place of those of the same name, and ``resources`` likewise. The
    steps of each cause are counted over all ends of the round, renewed budget or not: what was too little stays
    too little.
    """
    ends = list(ends)
    rules = request.get("retry") or {}
    found = request
    for cause in sorted(rules):
        steps = rules[cause].get("steps") or []
        count = sum(each.times for each in ends if each.cause == cause)
        if steps and count:
            found = patched(found, steps[min(count, len(steps)) - 1])
    if request.get("kind") != "slurm":
        return found
    bad = _bad_nodes(rules, ends)
    if bad:
        found = patched(found, {"options": ["--exclude=" + ",".join(bad)]})
    pause = pause_s(ends[-1].cause, ends, table(rules)) if ends else 0.0
    if pause:  # Slurm waits, so that nobody else need
        found = patched(found, {"options": ["--begin=now+%d" % math.ceil(pause)]})
    return found


def _bad_nodes(rules: Mapping[str, Any], ends: "List[End]") -> "List[str]":
    guilty = [
        each.node
        for each in ends
        if each.node and (rules.get(each.cause) or {}).get("exclude_node")
    ]
    latest = list(dict.fromkeys(reversed(guilty)))[:EXCLUDED]
    return sorted(latest)


def patched(request: Dict[str, Any], step: Mapping[str, Any]) -> Dict[str, Any]:
    """The request with a step's options and resources in the place of those of the same name."""
    resources = dict(request.get("resources") or {}, **(step.get("resources") or {}))
    options = [str(each) for each in request.get("options") or ()]
    for option in step.get("options") or ():
        options = _replaced(options, str(option))
    return dict(request, options=options, resources=resources)


def _replaced(options: "List[str]", option: str) -> "List[str]":
    """The options with this one in the place of that of the same name; lists of nodes to avoid add up."""
    name, _, value = option.partition("=")
    old = [each for each in options if each.partition("=")[0] == name]
    if name == "--exclude" and old:
        option = "%s=%s" % (name, ",".join([each.partition("=")[2] for each in old] + [value]))
    if not old:
        return [*options, option]
    at = options.index(old[0])
    kept = [each for each in options if each not in old]
    return [*kept[:at], option, *kept[at:]]


def why_not_in_place(rule: Mapping[str, Any], requeues: int, restarts: int) -> str:
    """Why a run that stopped in time is not requeued under its own batch job; empty when it may be.

    Args:
        rule: the request's ``retry`` for ``timeout``.
        requeues: how often this attempt has been requeued so since it last got further.
        restarts: how often Slurm has restarted the batch job, for whatever reason.
    """
    if rule.get("mode") != "requeue" or rule.get("steps"):
        return "the profile wants a new attempt"
    if requeues >= int(rule.get("max") or 0):
        return "no further attempt is allowed"
    if restarts >= MOST_RESTARTS:
        return "Slurm may hold a job that is requeued once more"
    return ""


MOST_RESTARTS = 4
"""From 23.02 on Slurm holds a batch job that was requeued more often than MaxBatchRequeue, 5 by default."""
