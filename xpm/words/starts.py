"""When a batch system expects to start a job, in the words of where somebody looks: ``about 14:05``."""

from datetime import datetime, timedelta

EXPECTED = "SLURM expects to start it by "
"""How the agent says it (xpm/agent/slurm_reasons.py), behind the reason, with the zone of its clock."""
WEEK = timedelta(days=6)


def parted(reason: str) -> tuple[str, datetime | None]:
    """A reason without the expected start in it, and that."""
    why, found, said = reason.partition(EXPECTED)
    try:
        start = datetime.strptime(said[:22], "%Y-%m-%d %H:%M %z") if found else None
    except ValueError:
        start = None
    return (reason, None) if start is None else (why.rstrip("; "), start)


def about(start: datetime, now: datetime) -> str:
    """A moment on the clock of this machine, as far as it needs saying.

    Args:
        start: the moment.
        now: this one; both may be of any zone.
    """
    here, today = start.astimezone(), now.astimezone()
    if here.date() == today.date():
        return f"about {here:%H:%M}"
    if today < here < today + WEEK:
        return f"about {here:%a %H:%M}"
    return f"about {here:%Y-%m-%d %H:%M}"


def told(reason: str, now: datetime) -> str:
    """A reason with the expected start as a person here would say it."""
    why, start = parted(reason)
    if start is None:
        return reason
    return "; ".join(each for each in (why, f"to start {about(start, now)}") if each)
