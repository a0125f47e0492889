"""What a profile says of the ends of jobs: the warning before, and further attempts after."""

from dataclasses import replace

from xpm.connectors.specs import Dealings
from xpm.launchers.endings_vocabulary import CAUSES
from xpm.launchers.model import Policy, RetryRule
from xpm.launchers.report import Report
from xpm.launchers.schema import Values

LEAST_S = 60
"""The queue of a site is asked once a minute at most."""


def read_policies(profile: Values, report: Report) -> dict[str, Policy]:
    """The policies of a profile, by name."""
    found: dict[str, Policy] = {}
    for name, values in profile.tables("policies"):
        dealings = _dealings(values, f"policies.{name}", report)
        found[name] = replace(read_policy(values), dealings=dealings)
    return found


def _dealings(values: Values, path: str, report: Report) -> Dealings:
    nothing = Values({}, {}, values.mark)
    poll, commands, submit = (
        values.get(key, Values) or nothing for key in ("poll", "commands", "submit")
    )
    active = poll.get("active", int)
    if active is not None and active < LEAST_S:
        words = "the queue of a site is asked once a minute at most, so less has no effect"
        report.note(poll.where("active"), f"{path}.poll.active", words)
        active = None
    reasons = values.get("on_pending_reason", Values) or nothing
    return Dealings(
        lost_after_s=poll.get("lost_after", int),
        squeue_every_s=active,
        first_look_s=poll.get("after_submit", int),
        commands_per_minute=commands.get("per_minute", int),
        most_jobs=submit.get("in_flight", int),
        array_size=1 if submit.get("array", str) == "never" else None,
        reasons=tuple(
            (word.strip(), str(kind))
            for words, kind in reasons.values.items()
            for word in words.split("|")
        ),
    )


def read_policy(values: Values) -> Policy:
    """The policy that a policy, or a launcher, spells out."""
    stop = values.get("stop", Values)
    rules = {CAUSES[cause]: _rule(rule) for cause, rule in values.tables("retry")}
    return Policy(
        {cause: rule for cause, rule in rules.items() if rule is not None},
        stop.get("signal", str) if stop else None,
        stop.get("lead", int) if stop else None,
    )


def _rule(values: Values) -> RetryRule | None:
    most = values.get("max", int)
    if most is None:
        return None
    scale, upto = values.get("scale", Values), values.get("upto", Values)
    return RetryRule(
        most=most,
        mode=values.get("mode", str),
        excludes_node=values.get("exclude_node", bool) or False,
        renews=values.get("only_if", str) == "progressed",
        backoff_s=values.get("backoff", int) or 0,
        mem_factor=_factor(scale, "mem"),
        time_factor=_factor(scale, "time"),
        mem_cap=upto.get("mem", int) if upto else None,
        time_cap_s=upto.get("time", int) if upto else None,
    )


def _factor(scale: Values | None, key: str) -> float:
    found = scale.get(key, float) if scale else None
    return max(1.0, 1.0 if found is None else found)
