"""What a place has lately told of its limits, with its age in words: what refuses a job before it is sent."""

import time

from xpm.agent import never
from xpm.agent.limits import SiteLimits
from xpm.connectors.specs import Spec
from xpm.follow import sites


def told(spec: Spec, now: float | None = None) -> tuple[SiteLimits, str] | None:
    """What a place allows, and how old that is; None: nothing is known, or it is too old."""
    now = time.time() if now is None else now
    site = sites.known(spec, now)
    if site.at is None:
        return None
    return site, f"{never.say_time(max(1, int(now - site.at)))} ago"
