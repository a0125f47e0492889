"""The part of a request that tells of the job's ends: resolved here, so that the far side only picks.

The n-th end of a cause whose rule scales multiplies what was asked for by the n-th power of the factor, up to the profile's
cap and to what the partitions that the job was given (or its machine) allow.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace

from xpm.errors import ProfileProblem
from xpm.launchers.model import Policy, RetryRule
from xpm.launchers.wanting import Needs

DEFAULT_SIGNAL = "USR1"
DEFAULT_LEAD_S = 120
RESUMABLE = RetryRule(most=20, mode="requeue", renews=True)
"""How a resumable task goes on after its time, without a word in the profile: as long as it gets further."""
SLURMS_ERROR_S = 60
"""How much too early Slurm's warning may come (sbatch(1), --signal)."""
MOST_STEPS = 20

Asked = tuple[list[str], dict[str, int | None]]
"""Options and resources."""


@dataclass(frozen=True, slots=True)
class Caps:
    """The most a job may grow to; None: no limit is known."""

    mem: int | None
    time_s: int | None


def warning(policy: Policy, needs: Needs, is_resumable: bool) -> dict[str, object] | None:
    """What a job is sent before its time is over; None: nothing."""
    if not is_resumable and policy.lead_s is None:
        return None
    lead_s = policy.lead_s or DEFAULT_LEAD_S
    if needs.time_s is not None:
        lead_s = min(lead_s, max(1, needs.time_s // 5))
    return {"signal": policy.signal or DEFAULT_SIGNAL, "lead_s": lead_s}


def flags(
    needs: Needs, warned: dict[str, object] | None, is_resumable: bool, requeue: bool | None
) -> list[str]:
    """The sbatch flags of all this.

    A limit so short that Slurm's warning might come near the start is left to the runner, which keeps time to the second.
    """
    found: list[str] = []
    if requeue is not None or is_resumable:
        found.append("--no-requeue" if requeue is False else "--requeue")
    if warned is not None and needs.time_s is not None:
        lead_s = int(str(warned["lead_s"]))
        if 2 * (lead_s + SLURMS_ERROR_S) <= needs.time_s:
            found.append(f"--signal=B:{warned['signal']}@{lead_s}")
    return found


def retry(
    policy: Policy, needs: Needs, caps: Caps, ask: Callable[[Needs], Asked], is_resumable: bool
) -> dict[str, dict[str, object]]:
    """The retry table, by cause."""
    rules = dict(policy.retry)
    late = rules.get("timeout", RESUMABLE)
    if is_resumable:
        rules["timeout"] = replace(late, mode=late.mode or "requeue")
    elif late.renews and late.time_factor == 1.0:
        rules.pop("timeout", None)  # who starts anew gets no further in the same time
    base = ask(needs)
    return {
        cause: _written(
            rule, _steps(rule, needs, caps, base, ask), is_resumable and cause == "timeout"
        )
        for cause, rule in rules.items()
    }


def smallest(limits: Iterable[int | None]) -> int | None:
    """The smallest of some limits, none of which need be known."""
    return min((each for each in limits if each is not None), default=None)


def _written(rule: RetryRule, steps: list[dict[str, object]], has_mode: bool) -> dict[str, object]:
    said: dict[str, object] = {
        "renews": rule.renews,
        "backoff_s": rule.backoff_s,
        "exclude_node": rule.excludes_node,
        "mode": rule.mode if has_mode else None,
        "steps": steps,
    }
    return {"max": rule.most, **{key: value for key, value in said.items() if value}}


def _steps(
    rule: RetryRule, needs: Needs, caps: Caps, base: Asked, ask: Callable[[Needs], Asked]
) -> list[dict[str, object]]:
    found: list[dict[str, object]] = []
    last = needs
    for number in range(1, min(rule.most, MOST_STEPS) + 1):
        grown = replace(
            needs,
            mem=_grown(needs.mem, rule.mem_factor**number, (rule.mem_cap, caps.mem)),
            time_s=_grown(needs.time_s, rule.time_factor**number, (rule.time_cap_s, caps.time_s)),
        )
        if grown == last:
            break
        try:
            options, resources = ask(grown)
        except ProfileProblem:  # beyond what the place can give: the last step stays
            break
        found.append(
            {
                "options": [each for each in options if each not in base[0]],
                "resources": {k: v for k, v in resources.items() if v != base[1].get(k)},
            }
        )
        last = grown
    return found


def _grown(asked: int | None, factor: float, caps: Iterable[int | None]) -> int | None:
    if asked is None:
        return None
    cap = smallest(caps)
    grown = int(asked * factor)
    return grown if cap is None else max(asked, min(grown, cap))
