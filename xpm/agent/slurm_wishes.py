"""What a profile says of a cluster, put before what the cluster tells of itself. No I/O.

Of place.json's ``options``: ``most_jobs``, ``array_size``, ``array_tasks``, ``accounting`` (true, false), ``reasons``
(a pending reason -> "fail", "alert" or "wait"), ``first_look_s``.
"""

from typing import Any, Dict, Mapping, Optional

from xpm.agent import slurm_reasons
from xpm.agent.limits import SiteLimits

_KINDS = {
    "fail": slurm_reasons.FATAL,
    "alert": slurm_reasons.LATER,
    "wait": slurm_reasons.WAITING,
}


def limits(site: SiteLimits, options: Mapping[str, Any]) -> SiteLimits:
    """What the site allows, in the words of the profile where it has some: the smaller number counts."""
    return site._replace(
        max_array_size=_smaller(site.max_array_size, options.get("array_size")),
        max_array_tasks=_smaller(site.max_array_tasks, options.get("array_tasks")),
        has_accounting=options.get("accounting", site.has_accounting),
    )


def kinds(options: Mapping[str, Any]) -> Dict[str, str]:
    """What pending reasons mean, where the profile says so."""
    said = options.get("reasons") or {}
    return {str(word): _KINDS[kind] for word, kind in said.items() if kind in _KINDS}


def _smaller(told: Optional[int], said: Optional[int]) -> Optional[int]:
    if told is None or said is None:
        return told if said is None else said
    return min(told, said)
