"""What of a filter no news of a job can change: the jobs that pass it now or may yet pass."""

from xpm.follow.filters import Both, Comparison, Either, Filter, Not

CHANGING = frozenset({"state", "cause", "attempt", "connector", "launcher"})


def lasting(found: Filter, is_negated: bool = False) -> Filter | None:
    """A filter that passes whatever this one ever may; None: all jobs."""
    if isinstance(found, Comparison):
        if found.name in CHANGING:
            return None
        return Not(found) if is_negated else found
    if isinstance(found, Not):
        return lasting(found.inner, not is_negated)
    left, right = lasting(found.left, is_negated), lasting(found.right, is_negated)
    if isinstance(found, Both) is not is_negated:
        return Both(left, right) if left and right else left or right
    return Either(left, right) if left and right else None
