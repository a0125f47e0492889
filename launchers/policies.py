"""What a profile says of the ends of jobs: the warning before, and further attempts after."""

from xpm.launchers.endings_vocabulary import CAUSES
from xpm.launchers.model import Policy, RetryRule
from xpm.launchers.schema import Values


def read_policies(profile: Values) -> dict[str, Policy]:
    """The policies of a profile, by name."""
    return {name: read_policy(values) for name, values in profile.tables("policies")}


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
